# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A label is the same name however it is spelled: composed or decomposed, in capitals, with blanks around it."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from visual_byte_core.cli import main
from visual_byte_core.engine.forgetting import forget
from visual_byte_core.errors import InvalidMemory, NotFound
from visual_byte_core.memory.archive import export_memory, import_memory
from visual_byte_core.memory.match import Filter
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.observation import Observation
from visual_byte_core.memory.taught_names import Prototype
from visual_byte_core.names import folded
from visual_byte_testing.memory_child import BUNDLE, DIMENSION, embedding_of, observation_of

NFC = "할머니 컵"
NFD = unicodedata.normalize("NFD", NFC)
SPELLINGS = (NFC, NFD, f" {NFD} ", "할머니  컵", "할머니\u3000컵")


def open_memory(folder: Path) -> Memory:
    return Memory(folder, BUNDLE, dimension=DIMENSION)


def filled(folder: Path) -> Memory:
    memory = open_memory(folder)
    for number, label in enumerate((NFD, "MUG", "", "lamp")):
        memory.remember(embedding_of(number), Observation(captured_at=1000.0 * number, label=label))
    memory.flush()
    return memory


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_way_to_ask_for_a_label_compares_alike(tmp_path: Path, spelling: str) -> None:
    assert NFC != NFD and folded(spelling) == folded(NFC)
    with filled(tmp_path / "memory") as memory:
        where = Filter(label=spelling)
        assert (
            memory.count(where)
            == len(memory.page(where, 10, "")[0])
            == len(memory.search(embedding_of(9), 5, where))
            == 1
        )
        assert memory.count(Filter(label="mug")) == memory.count(Filter(label=" Mug")) == 1
        assert memory.count(Filter(label="")) == 1
        assert forget(memory, [], where, everything=False) == 1 and memory.count() == 3


def test_a_memory_of_before_is_read_the_same_way(tmp_path: Path) -> None:
    filled(tmp_path / "memory").close()
    with open_memory(tmp_path / "memory") as memory:
        assert memory.count(Filter(label=NFC)) == 1 and memory.page(Filter(label=NFC), 1, "")[0][0].label == NFD


def test_sightings_of_one_name_in_two_spellings_are_merged(tmp_path: Path) -> None:
    with open_memory(tmp_path / "memory") as memory:
        seen = replace(observation_of(0), captured_at=1.0, label=NFD)
        first = memory.remember(embedding_of(0), seen)
        again = memory.remember(embedding_of(0), replace(seen, captured_at=2.0, label=NFC))
        assert again.merged and again.id == first.id


def test_a_name_taught_in_two_spellings_is_one_name(tmp_path: Path) -> None:
    unit = (embedding_of(1) / np.linalg.norm(embedding_of(1))).astype(np.float32)
    with filled(tmp_path / "memory") as memory:
        memory.taught.teach(NFD, [Prototype("text", unit, NFD)])
        memory.taught.teach(NFC, [Prototype("text", unit, NFC)])
        assert memory.taught.names == [NFD] and len(memory.taught.prototypes()[NFD]) == 2
        assert memory.taught.spelled(f"{NFC} ") == NFD
        export_memory(memory, BUNDLE, DIMENSION, tmp_path / "a.zip")
        memory.taught.forget([NFC])
        assert memory.taught.names == []
    with open_memory(tmp_path / "other") as other:
        other.remember(embedding_of(5), Observation(captured_at=1.0, label=NFC))
        other.taught.teach(NFC, [Prototype("text", unit, NFC)])
        other.flush()
        import_memory(other, BUNDLE, DIMENSION, tmp_path / "a.zip")
    with open_memory(tmp_path / "other") as other:
        assert other.taught.names == [NFC] and other.count(Filter(label=NFC)) == 2


def test_forgetting_what_is_not_there_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with filled(tmp_path / "memory") as memory:
        with pytest.raises(NotFound, match="no memory fits the filter"):
            forget(memory, [], Filter(label="teapot"), everything=False)
        with pytest.raises(NotFound, match="no memory has these ids"):
            forget(memory, ["00000000-0000-4000-8000-000000000000"], None, everything=False)
        known = memory.page(None, 1, "")[0][0].id
    folder = ["--folder", str(tmp_path / "memory")]
    assert main(["memory", "forget", *folder, "--label", "teapot"]) == 1
    assert "error: forget: no memory fits the filter" in capsys.readouterr().err
    assert main(["memory", "list", *folder, "--label", "teapot"]) == 0
    assert "no memory fits the filter" in capsys.readouterr().err
    ids = ["--id", known, "--id", "00000000-0000-4000-8000-000000000000"]
    assert main(["memory", "forget", *folder, *ids]) == 0
    assert "forgotten: 1, not found: 1" in capsys.readouterr().out
    assert main(["memory", "forget", *folder, "--all"]) == 0
    assert main(["memory", "forget", *folder, "--all"]) == 0  # nothing is left, as was asked for
    assert main(["memory", "count", *folder, "--label", os.fsdecode("컵".encode("cp949"))]) == 0


def test_a_source_that_is_no_utf8_is_kept_and_a_label_is_refused(tmp_path: Path) -> None:
    source = os.fsdecode("키위".encode("cp949")) + ".jpg"
    with open_memory(tmp_path / "memory") as memory:
        memory.remember(embedding_of(0), Observation(captured_at=1.0, source=source))
        with pytest.raises(InvalidMemory, match=r"label: .*\\x.* is no UTF-8"):
            memory.remember(embedding_of(1), Observation(captured_at=2.0, label=source))
        memory.flush()
        export_memory(memory, BUNDLE, DIMENSION, tmp_path / "a.zip")
    with open_memory(tmp_path / "other") as other:
        import_memory(other, BUNDLE, DIMENSION, tmp_path / "a.zip")
    for folder in ("memory", "other"):
        with open_memory(tmp_path / folder) as memory:
            assert memory.page(None, 1, "")[0][0].source == source


@pytest.mark.parametrize("odd", ["line\u2028break", "next\x85line", "page\x0cfeed", 'quote"comma,'])
def test_a_label_with_a_line_end_of_some_kind_survives_an_export(tmp_path: Path, odd: str) -> None:
    with open_memory(tmp_path / "memory") as memory:
        memory.remember(embedding_of(0), Observation(captured_at=1.0, label=odd, frame_id=odd))
        memory.flush()
        export_memory(memory, BUNDLE, DIMENSION, tmp_path / "a.zip")
    with open_memory(tmp_path / "other") as other:
        assert import_memory(other, BUNDLE, DIMENSION, tmp_path / "a.zip") == (1, 0)
    with open_memory(tmp_path / "other") as other:
        assert other.page(None, 1, "")[0][0].frame_id == odd
