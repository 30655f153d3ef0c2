# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A memory whose log was cut by a power loss, whose disk fills up, or whose folder becomes read-only or is gone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from visual_byte_core.errors import MemoryFolderError
from visual_byte_testing.cut_memory import CutMemory, open_memory
from visual_byte_testing.disks import fill, frozen
from visual_byte_testing.memory_child import embedding_of, observation_of


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> CutMemory:
    return CutMemory(tmp_path_factory.mktemp("logged"))


@pytest.mark.parametrize("zeros", [True, False], ids=["zeros follow", "shorter file"])
def test_a_log_cut_anywhere_in_its_last_two_records_keeps_those_before(
    logged: CutMemory, tmp_path: Path, zeros: bool
) -> None:
    """`python studies/kill_memory.py --cuts` cuts at a hundred lengths."""
    first, last = logged.ends[1], logged.ends[3]
    edges = {end + off for end in logged.ends[1:] for off in (-1, 0, 1)}
    for at in sorted(
        {(first + last) // 2, (first + 3 * last) // 4, *(edge for edge in edges if first <= edge <= last)}
    ):
        logged.check(tmp_path / f"cut{at}", at, zeros=zeros)


def test_a_folder_that_becomes_read_only_is_told_and_searched_on(tmp_path: Path) -> None:
    with open_memory(tmp_path / "memory") as memory:
        one = memory.remember(embedding_of(1), observation_of(1)).id
        memory.flush()
        with frozen(tmp_path / "memory"):
            with pytest.raises(MemoryFolderError, match="has become read-only; what is there can be searched"):
                memory.remember(embedding_of(2), observation_of(2))
            with pytest.raises(MemoryFolderError, match="cannot be written|read-only"):
                memory.forget([one])
            assert memory.count() == 1 and memory.search(embedding_of(1), 5)[0].id == one
        two = memory.remember(embedding_of(2), observation_of(2)).id
        memory.flush()
    with open_memory(tmp_path / "memory") as memory:
        assert memory.known([one, two]) == {one, two} and memory.count() == 2


def test_a_folder_that_is_gone_is_told_and_what_is_loaded_searched_on(tmp_path: Path) -> None:
    memory = open_memory(tmp_path / "memory")
    one = memory.remember(embedding_of(1), observation_of(1)).id
    memory.flush()
    shutil.rmtree(tmp_path / "memory")
    with pytest.raises(MemoryFolderError, match="is gone .*bring back its disk"):
        memory.remember(embedding_of(2), observation_of(2))
    assert memory.count() == 1 and memory.search(embedding_of(1), 5)[0].id == one
    with pytest.raises(MemoryFolderError, match=f"memory folder {tmp_path / 'memory'}: "):
        memory.close()
    with open_memory(tmp_path / "memory") as memory:  # nothing half made is in the way
        assert memory.count() == 0


@pytest.mark.parametrize("left", [100 << 20, 0], ids=["nearly full", "full"])
def test_a_full_disk_is_told_and_loses_nothing(small_disk: Path, left: int) -> None:
    with open_memory(small_disk / "memory") as memory:
        ids = [memory.remember(embedding_of(n), observation_of(n)).id for n in range(20)]
        memory.flush()
        filler = fill(small_disk, left)
        with pytest.raises(MemoryFolderError, match=r"\d+ MB free on its disk, 128 are needed to remember more"):
            memory.remember(embedding_of(99), observation_of(99))
        memory.flush()
        assert [match.id for match in memory.search(embedding_of(7), 1)] == [ids[7]] and memory.count() == 20
        filler.unlink()
        ids.append(memory.remember(embedding_of(99), observation_of(99)).id)
        memory.flush()
    with open_memory(small_disk / "memory") as memory:
        assert memory.known(ids) == set(ids)


def test_a_memory_that_is_closed_on_a_full_disk_loses_nothing(small_disk: Path) -> None:
    memory = open_memory(small_disk / "memory")
    ids = [memory.remember(embedding_of(n), observation_of(n)).id for n in range(20)]
    memory.flush()
    filler = fill(small_disk, 0)
    try:
        memory.close()
    except MemoryFolderError as error:
        assert str(small_disk) in str(error)  # noqa: PT017 - or there was room enough: both lose nothing
    filler.unlink()
    with open_memory(small_disk / "memory") as memory:
        assert memory.known(ids) == set(ids) and memory.count() == 20
