# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A grown memory is partitioned into lists while it answers, finds what an exact search finds, and starts with its
lists."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from visual_byte_core.memory import index_rebuilding, vector_index
from visual_byte_core.memory import memory as memory_module
from visual_byte_core.memory.match import Filter
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.merging import MergeSettings
from visual_byte_core.memory.vector_index import VectorIndex, load_partition, save_partition, train
from visual_byte_testing.memory_child import BUNDLE, DIMENSION, embedding_of, observation_of

PARTITION_FROM = 400
NO_MERGING = MergeSettings(enabled=False)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_index, "PARTITION_FROM", PARTITION_FROM)


def open_memory(folder: Path) -> Memory:
    return Memory(folder, BUNDLE, dimension=DIMENSION, merge=NO_MERGING)


def clustered(count: int, seed: int = 0) -> np.ndarray:
    """float32 (count, DIMENSION), unit length, around thirty centres."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((30, DIMENSION))
    vectors = centres[random.integers(30, size=count)] + 0.5 * random.standard_normal((count, DIMENSION))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def fill(memory: Memory, vectors: np.ndarray) -> list[str]:
    ids = []
    for number, vector in enumerate(vectors):
        observation = replace(observation_of(number), thumbnail=b"", label="mug" if number % 50 == 0 else "")
        ids.append(memory.remember(vector, observation).id)
    memory.flush()
    return ids


def wait_for_partition(memory: Memory) -> None:
    end = time.monotonic() + 30
    while memory._partitioning is not None:
        assert time.monotonic() < end, "the partition was not made"
        time.sleep(0.01)
        memory.count()
    assert memory._index.partitioned_at


def test_lists_find_what_reading_everything_finds() -> None:
    vectors, queries = clustered(3000), clustered(50, seed=1)
    partitioned, whole = VectorIndex(DIMENSION, train(vectors, 100)), VectorIndex(DIMENSION)
    rows = np.arange(1, 3001)
    partitioned.reserve(partitioned.assign(vectors))
    for index in (partitioned, whole):
        index.add(rows, vectors, index.assign(vectors))
    same = 0
    for query in queries:
        exact = np.argsort(-(vectors @ query))[:10] + 1
        found, scores = whole.search(query, 10)
        np.testing.assert_allclose(scores, (vectors @ query)[found - 1], atol=1e-3)
        np.testing.assert_allclose(np.sort(vectors[exact - 1] @ query)[::-1], scores, atol=1e-3)
        same += len({*exact.tolist()} & {*partitioned.search(query, 10)[0].tolist()})
    assert same >= 0.98 * 500
    among = np.array([5, 77, 2000, 2999])
    lists = partitioned.assign(vectors[among - 1])
    found, _ = partitioned.search(queries[0], 10, among, lists)
    assert found.tolist() == sorted(among.tolist(), key=lambda row: -(vectors[row - 1] @ queries[0]))
    partitioned.remove(among[:2])
    assert len(partitioned) == 2998 and len(partitioned.search(queries[0], 5000)[0]) == 2998
    assert partitioned.search(queries[0], 5, np.empty(0, np.int64))[0].size == 0


def test_a_growing_memory_is_partitioned_while_it_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_rebuilding, "CAUGHT_UP", 5)
    vectors = clustered(PARTITION_FROM + 200)
    with open_memory(tmp_path / "memory") as memory:
        ids = fill(memory, vectors[:PARTITION_FROM])
        assert memory._partitioning is not None
        monkeypatch.setattr(vector_index, "PARTITION_FROM", 10 * PARTITION_FROM)
        ids += fill(memory, vectors[PARTITION_FROM:])  # while the lists are made
        memory.forget([ids[3], ids[-3]])
        wait_for_partition(memory)
        assert memory.count() == len(memory._index) == len(vectors) - 2
        for number in (0, 200, PARTITION_FROM, len(vectors) - 1):
            assert memory.search(vectors[number], 1)[0].id == ids[number]
        everything = {match.id for match in memory.search(vectors[0], 10_000)}
        assert everything == {*ids} - {ids[3], ids[-3]}
        mugs = memory.search(vectors[0], 1000, Filter(label="mug"))
        assert {match.id for match in mugs} == {*ids[:PARTITION_FROM:50], *ids[PARTITION_FROM::50]}
        scores = [match.score for match in memory.search(vectors[7], 50)]
        assert scores == sorted(scores, reverse=True) and scores[0] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("damage", ["none", "missing", "cut", "flipped", "foreign"])
def test_the_next_start_uses_the_lists_if_they_are_whole(tmp_path: Path, damage: str) -> None:
    vectors = clustered(PARTITION_FROM + 50)
    folder = tmp_path / "memory"
    with open_memory(folder) as memory:
        ids = fill(memory, vectors[:PARTITION_FROM])
        wait_for_partition(memory)
        ids += fill(memory, vectors[PARTITION_FROM:])
        memory.forget([ids[0]])
    file = folder / "store" / memory_module.PARTITION
    content = bytearray(file.read_bytes())
    if damage == "missing":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    elif damage == "foreign":
        save_partition(file, np.zeros((3, DIMENSION + 1), np.float32), np.arange(5), np.zeros(5))
    loaded = load_partition(file, DIMENSION)
    assert (loaded is not None) == (damage == "none")
    with open_memory(folder) as memory:
        assert (memory._partitioning is None) == (damage == "none")
        for number in (1, PARTITION_FROM + 10):
            assert memory.search(vectors[number], 1)[0].id == ids[number]
        wait_for_partition(memory)
        assert memory.count() == len(memory._index) == len(vectors) - 1


def test_a_failed_partition_is_told_and_searches_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(index_rebuilding, "train", fail)
    with open_memory(tmp_path / "memory") as memory:
        fill(memory, clustered(PARTITION_FROM + 20))
        end = time.monotonic() + 30
        while memory._partitioning is not None and time.monotonic() < end:
            time.sleep(0.01)
            memory.count()
        assert "the search index was not renewed (no room); searches go on, slower" in caplog.text
        memory.remember(embedding_of(1), observation_of(1))
        assert memory._partitioning is None and memory.search(embedding_of(1), 1)[0].score > 0.999
