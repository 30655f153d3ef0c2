# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A memory finds by cosine, merges only what is the same, loses nothing acknowledged and opens only what is its own."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from visual_byte_core.errors import InvalidImage, InvalidMemory, MemoryFolderError
from visual_byte_core.memory import memory as memory_module
from visual_byte_core.memory import memory_folder
from visual_byte_core.memory.match import Filter
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.merging import MergeSettings
from visual_byte_core.memory.observation import Observation
from visual_byte_core.memory.records import first_observation
from visual_byte_core.memory.store import Store, create_store
from visual_byte_core.rendering.photo import decode_photo
from visual_byte_core.rendering.thumbnail import to_jpeg
from visual_byte_testing.memory_child import BUNDLE, DIMENSION, embedding_of, observation_of, thumbnail_of
from visual_byte_testing.paths import ROOT

POSE = (1.0, 2.0, 3.0, 0.0, 0.0, 0.6, 0.8)


def open_memory(folder: Path, merge: MergeSettings = MergeSettings()) -> Memory:
    return Memory(folder, BUNDLE, dimension=DIMENSION, merge=merge)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with open_memory(tmp_path / "memory") as memory:
        yield memory


def test_search_agrees_with_numpy(memory: Memory) -> None:
    embeddings = np.stack([embedding_of(number) * (1 + number) for number in range(300)])  # of any length
    ids = [memory.remember(embedding, observation_of(number)).id for number, embedding in enumerate(embeddings)]
    query = embedding_of(1000)
    cosines = embeddings @ query / np.linalg.norm(embeddings, axis=1) / np.linalg.norm(query)
    found = memory.search(query, 20)
    scores = [match.score for match in found]
    # Half precision in the store: neighbours that are nearer to each other than 1e-4 may change places.
    np.testing.assert_allclose(scores, [cosines[ids.index(match.id)] for match in found], atol=1e-4)
    np.testing.assert_allclose(scores, np.sort(cosines)[::-1][:20], atol=1e-4)
    assert scores == sorted(scores, reverse=True)
    assert len(memory.search(query, 1000)) == 300


def test_everything_seen_comes_back_also_after_a_restart(tmp_path: Path) -> None:
    everything = Observation(
        captured_at=1_700_000_000.123456, frame_id="camera", pose=POSE, pose_frame="map", map_id="kitchen",
        label="my mug 머그", thumbnail=thumbnail_of(1), source="photos/7.jpg", region=(1, 2, 30, 40),
    )  # fmt: skip
    with open_memory(tmp_path / "memory") as memory:
        full, bare = (
            memory.remember(embedding_of(1), everything).id,
            memory.remember(embedding_of(2), Observation(captured_at=5.0)).id,
        )
    with open_memory(tmp_path / "memory") as memory:
        assert memory.count() == 2
        match = memory.search(embedding_of(1), 1)[0]
        assert match.id == full and match.score == pytest.approx(1, abs=1e-3) and match.times == 1
        assert match.first_seen == match.last_seen == everything.captured_at
        for field in ("frame_id", "pose", "pose_frame", "map_id", "label", "thumbnail", "source", "region"):
            assert getattr(match, field) == getattr(everything, field)
        match = memory.search(embedding_of(2), 1)[0]
        assert match.id == bare and match.pose is None and match.region is None and match.thumbnail == b""


FIRST = Observation(captured_at=1000.0, map_id="kitchen", thumbnail=thumbnail_of(1), pose=POSE, source="first")


@pytest.mark.parametrize(
    ("second", "embedding", "merge", "merged"),
    [
        (replace(FIRST, captured_at=1030.0), 1, MergeSettings(), True),
        (replace(FIRST, captured_at=970.0), 1, MergeSettings(), True),
        (replace(FIRST, captured_at=1061.0), 1, MergeSettings(), False),
        (replace(FIRST, captured_at=939.0), 1, MergeSettings(), False),
        (replace(FIRST, captured_at=1061.0), 1, MergeSettings(within_s=100), True),
        (FIRST, 2, MergeSettings(), False),
        (FIRST, 2, MergeSettings(embedding_cosine=-1), True),
        (replace(FIRST, thumbnail=thumbnail_of(2)), 1, MergeSettings(), False),
        (replace(FIRST, thumbnail=thumbnail_of(2)), 1, MergeSettings(thumbnail_difference=255), True),
        (replace(FIRST, thumbnail=b""), 1, MergeSettings(), False),
        (replace(FIRST, label="mug"), 1, MergeSettings(), True),  # which names it
        (replace(FIRST, map_id="cellar"), 1, MergeSettings(), False),
        (FIRST, 1, MergeSettings(enabled=False), False),
    ],
)
def test_only_the_same_sighting_is_merged(
    tmp_path: Path, second: Observation, embedding: int, merge: MergeSettings, merged: bool
) -> None:
    with open_memory(tmp_path / "memory", merge) as memory:
        first = memory.remember(embedding_of(1), replace(FIRST, pose=None))
        again = memory.remember(embedding_of(embedding), replace(second, pose=None))
        assert not first.merged and again.merged == merged == (again.id == first.id)
        assert memory.count() == (1 if merged else 2)


def test_what_a_merged_memory_keeps(memory: Memory) -> None:
    for change in (
        {},
        {"captured_at": 1020.0, "pose": (9.0, *POSE[1:]), "frame_id": "camera", "source": "second"},
        {"captured_at": 1040.0, "pose": None},
        {"captured_at": 990.0, "pose": (0.0, *POSE[1:])},
    ):
        memory.remember(embedding_of(1), replace(FIRST, **change))
    (match,) = memory.search(embedding_of(1))
    assert (match.first_seen, match.last_seen, match.times) == (990.0, 1040.0, 4)
    assert match.pose == (9.0, *POSE[1:])  # the last one known
    assert match.source == "first" and match.thumbnail == FIRST.thumbnail


def test_a_thumbnail_may_be_given_as_pixels(tmp_path: Path) -> None:
    picture = decode_photo(thumbnail_of(1), "thumbnail")
    bare = replace(FIRST, thumbnail=b"")
    with open_memory(tmp_path / "memory") as memory:
        memory.remember(embedding_of(1), bare, picture)
        (match,) = memory.search(embedding_of(1))
        assert match.thumbnail == to_jpeg(picture)
        assert memory.remember(embedding_of(1), bare, picture // 2).merged  # in the dark
        assert not memory.remember(embedding_of(1), bare, picture[::-1]).merged  # upside down
    with open_memory(tmp_path / "memory") as memory:  # where it has to be read from the JPEG
        assert memory.remember(embedding_of(1), bare, picture).id == match.id
        assert not memory.remember(embedding_of(1), bare, picture[:, :, ::-1]).merged  # red is no blue


def test_more_things_are_seen_in_turn_than_are_kept_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_module, "AT_HAND", 5)
    with open_memory(tmp_path / "memory") as memory:
        for _ in range(3):
            for number in range(20):
                memory.remember(embedding_of(number), replace(observation_of(number), captured_at=1000.0))
    with open_memory(tmp_path / "memory") as memory:
        assert [match.times for match, _ in memory.everything()] == 20 * [3]


def test_every_way_to_read_tells_what_is_not_on_the_disk_yet(memory: Memory) -> None:
    for at in range(8):
        id = memory.remember(embedding_of(1), replace(FIRST, captured_at=1000.0 + at)).id
        if at % 4 == 0:
            told = memory.search(embedding_of(1))[0]
        elif at % 4 == 1:
            told = memory.get(id)
        else:
            told = memory.page()[0][0] if at % 4 == 2 else next(memory.everything())[0]
        assert told is not None and (told.times, told.last_seen) == (at + 1, 1000.0 + at)


def test_a_still_view_is_compared_with_its_memory_alone(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[np.ndarray] = []
    search = memory._nearest
    monkeypatch.setattr(memory, "_nearest", lambda vector, *rest: searched.append(vector) or search(vector, *rest))
    begun = memory.remember(embedding_of(1), FIRST)
    other = memory.remember(embedding_of(2), observation_of(2))
    assert memory.remember(embedding_of(1) + 0.001, FIRST).id == begun.id and len(searched) == 3
    assert memory.remember(embedding_of(1), replace(FIRST, captured_at=2.0)).id == begun.id and len(searched) == 3
    assert memory.search(embedding_of(1), 1)[0].times == 3
    monkeypatch.undo()
    far = replace(observation_of(1), captured_at=FIRST.captured_at + 1e6)
    assert not memory.remember(embedding_of(1), far).merged  # as near, but long afterwards
    memory.forget([begun.id])
    assert memory.remember(embedding_of(2), observation_of(2)).id == other.id
    assert not memory.remember(embedding_of(1), FIRST).merged


def test_the_memory_seen_last_may_no_longer_be_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after many observations that the disk did not take."""
    monkeypatch.setattr(memory_module, "AT_HAND", 5)
    near = [embedding_of(2) + 0.01 * embedding_of(10 + number) for number in range(6)]
    with open_memory(tmp_path / "memory") as memory:
        for number, embedding in enumerate(near[:5]):
            memory.remember(embedding, replace(observation_of(number), captured_at=1000.0))
        assert memory.count() == 5
    with open_memory(tmp_path / "memory") as memory:
        last = memory.remember(embedding_of(1), FIRST)

        def fail(*_: object) -> int:
            raise sqlite3.OperationalError("disk I/O error")

        monkeypatch.setattr(memory._store, "add", fail)
        with pytest.raises(MemoryFolderError, match="disk I/O error"):
            memory.remember(near[5], replace(observation_of(50), captured_at=1000.0))
        assert memory.remember(embedding_of(1), FIRST).id == last.id


def test_merging_does_not_drift(memory: Memory) -> None:
    """A slow turn of the camera: each view is near the one before it, the last is far from the first."""
    start, end = embedding_of(1), embedding_of(2)
    merged = []
    for step in np.linspace(0, 1, 30):
        view = ((1 - step) * start + step * end).astype(np.float32)
        merged.append(memory.remember(view, FIRST).merged)
    assert merged[1] and not all(merged[1:]) and memory.count() > 2


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (Filter(), range(30)),
        (Filter(label="mug"), range(0, 30, 3)),
        (Filter(label=""), [i for i in range(30) if i % 3]),
        (Filter(map_id="cellar"), range(0, 30, 2)),
        (Filter(label="mug", map_id="cellar"), range(0, 30, 6)),
        (Filter(seen_after=100.5), range(11, 30)),
        (Filter(seen_before=100.5), range(11)),
        (Filter(seen_after=50.0, seen_before=70.0), [5, 6, 7]),
        (Filter(label="nothing"), []),
    ],
)
def test_filters(memory: Memory, where: Filter, expected: range | list[int]) -> None:
    for number in range(30):
        label, map_id = "" if number % 3 else "mug", "" if number % 2 else "cellar"
        observation = replace(observation_of(number), captured_at=10.0 * number, label=label, map_id=map_id)
        memory.remember(embedding_of(number), observation)
    found = memory.search(embedding_of(99), 100, where)
    assert sorted(int(match.source) for match in found) == list(expected)
    assert memory.count(where) == len(expected)
    assert memory.forget(where=where) == len(expected) and memory.count() == 30 - len(expected)


def test_a_span_of_time_touches_a_merged_memory(memory: Memory) -> None:
    for captured_at in (1000.0, 1050.0):
        memory.remember(embedding_of(1), replace(FIRST, captured_at=captured_at))
    assert [memory.count(Filter(seen_after=after)) for after in (1050.0, 1050.5)] == [1, 0]
    assert [memory.count(Filter(seen_before=before)) for before in (999.0, 1000.0)] == [0, 1]
    assert memory.count(Filter(seen_after=1010.0, seen_before=1020.0)) == 1


def test_what_is_forgotten_stays_forgotten(tmp_path: Path) -> None:
    with open_memory(tmp_path / "memory") as memory:
        ids = [memory.remember(embedding_of(number), observation_of(number)).id for number in range(10)]
        unknown = "00000000-0000-4000-8000-000000000000"
        assert memory.forget([ids[0], ids[1], unknown]) == 2
        assert memory.forget([ids[2], ids[7]], Filter(seen_before=5.0)) == 1  # both must hold
        assert memory.forget([]) == 0 and memory.forget([ids[0]]) == 0
        assert memory.count() == 7
    with open_memory(tmp_path / "memory") as memory:
        assert {match.source for match in memory.search(embedding_of(3), 100)} == set("3456789")
        assert memory.forget() == 7 and memory.count() == 0 and memory.search(embedding_of(3)) == []
        memory.remember(embedding_of(1), observation_of(1))
    with open_memory(tmp_path / "memory") as memory:
        assert memory.count() == 1


@pytest.mark.parametrize(
    "embedding",
    [
        np.full(DIMENSION, np.nan, np.float32),
        np.full(DIMENSION, np.inf, np.float32),
        np.zeros(DIMENSION, np.float32),
        np.ones(DIMENSION + 1, np.float32),
        np.ones((1, DIMENSION), np.float32),
        np.ones(DIMENSION, np.int64),
    ],
)
def test_a_bad_embedding_is_refused(memory: Memory, embedding: np.ndarray) -> None:
    with pytest.raises(InvalidMemory, match="embedding: expected"):
        memory.remember(embedding, observation_of(1))
    with pytest.raises(InvalidMemory, match="embedding: expected"):
        memory.search(embedding)
    assert memory.count() == 0


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"captured_at": float("nan")}, InvalidMemory, "captured_at: expected seconds"),
        ({"pose": (1.0, 2.0, 3.0)}, InvalidMemory, "pose: expected 7 finite numbers"),
        ({"pose": (float("nan"), *POSE[1:])}, InvalidMemory, "pose: expected 7 finite numbers"),
        ({"region": (1, 2, -3, 4)}, InvalidMemory, "region: expected x y width height"),
        ({"thumbnail": b"no JPEG"}, InvalidImage, "thumbnail: expected a JPEG, got 7 bytes"),
    ],
)
def test_a_bad_sighting_is_refused(memory: Memory, change: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        memory.remember(embedding_of(1), replace(FIRST, **change))
    assert memory.count() == 0
    assert not memory.remember(embedding_of(1), FIRST).merged


def test_bad_requests_are_refused(memory: Memory) -> None:
    with pytest.raises(InvalidMemory, match="k: expected 1 or more, got 0"):
        memory.search(embedding_of(1), 0)
    with pytest.raises(InvalidMemory, match="memory id: expected one that .* got 'mug'"):
        memory.forget(["mug"])


def test_another_bundles_memory_is_refused_by_name(tmp_path: Path) -> None:
    open_memory(tmp_path / "memory").close()
    with pytest.raises(MemoryFolderError, match=r"of bundle bundle@1, which cannot be compared with those of bundle@2"):
        Memory(tmp_path / "memory", "bundle@2", dimension=DIMENSION)
    with pytest.raises(MemoryFolderError, match="holds embeddings of 64 values, expected 512"):
        Memory(tmp_path / "memory", BUNDLE)
    open_memory(tmp_path / "memory").close()  # and the refusals left it as it was


def test_a_folder_in_use_is_refused_until_it_is_free(tmp_path: Path) -> None:
    with child(tmp_path / "memory", 0) as process:
        assert process.stdout is not None and process.stdout.readline()
        with pytest.raises(MemoryFolderError, match="memory: in use by another process"):
            open_memory(tmp_path / "memory")
    open_memory(tmp_path / "memory").close()


def test_one_process_cannot_open_a_folder_twice(memory: Memory, tmp_path: Path) -> None:
    with pytest.raises(MemoryFolderError, match="in use"):
        open_memory(tmp_path / "memory")


def test_a_closed_memory_says_so(tmp_path: Path) -> None:
    memory = open_memory(tmp_path / "memory")
    memory.close()
    memory.close()
    uses = (
        lambda: memory.search(embedding_of(1)),
        lambda: memory.remember(embedding_of(1), observation_of(1)),
        memory.forget,
    )
    for use in uses:
        with pytest.raises(MemoryFolderError, match="was closed; open it again"):
            use()


def test_files_that_are_no_memory_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear ...")
    for folder, message in (
        (tmp_path / "letter.txt", "letter.txt: is a file; choose a folder"),
        (tmp_path / "letter.txt" / "memory", "cannot be created or opened"),
        (tmp_path, "holds files but no memory.json"),
    ):
        with pytest.raises(MemoryFolderError, match=message):
            open_memory(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_that_may_not_be_written_is_refused(exists: bool) -> None:
    """Root may write anywhere, so another user tries."""
    with tempfile.TemporaryDirectory() as private:
        os.chmod(private, 0o755)
        folder = Path(private) / "memory"
        if exists:
            folder.mkdir(mode=0o755)
        os.chmod(private, 0o555)
        if exists:
            os.chmod(folder, 0o555)
        message = as_nobody(folder)
    assert f"{folder}: {'is not writable' if exists else 'cannot be created'}" in message
    assert "choose a folder you may write to" in message


def as_nobody(folder: Path) -> str:
    """The error that a process without root's rights gets on opening the folder."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def attempt() -> None:
        if os.geteuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        try:
            open_memory(folder)
            sender.send("opened")
        except MemoryFolderError as error:
            sender.send(str(error))

    process = context.Process(target=attempt)
    process.start()
    try:
        assert receiver.poll(30), "the other user's process gave no answer"
        return receiver.recv()
    finally:
        process.join(10)


def test_a_nearly_full_disk_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_memory(tmp_path / "memory") as memory:
        memory.remember(embedding_of(1), observation_of(1))
        disk = os.statvfs(tmp_path)
        monkeypatch.setattr(memory_folder, "MINIMUM_FREE_BYTES", disk.f_blocks * disk.f_frsize)
        with pytest.raises(MemoryFolderError, match=r"\d+ MB free on its disk, \d+ are needed to remember more"):
            memory.remember(embedding_of(2), observation_of(2))
        assert memory.count() == 1 and len(memory.search(embedding_of(1))) == 1
        assert memory.forget() == 1  # which is the way out


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("memory.json", 5),
        ("memory.json", 0),
        ("store/memories.sqlite", 0),
        ("store/memories.sqlite", 20),
        ("store/memories.sqlite", 4096),
        ("store/memories.sqlite", 100_000),
        ("store/memories.sqlite", -1),
        ("store", None),
    ],
)
def test_a_damaged_memory_is_refused_and_nothing_is_deleted(tmp_path: Path, pattern: str, left: int | None) -> None:
    folder = tmp_path / "memory"
    with open_memory(folder) as memory:
        for number in range(100):
            memory.remember(embedding_of(number), observation_of(number))
    shutil.copytree(folder, tmp_path / "backup")
    (victim,) = folder.glob(pattern)
    if left is None:
        shutil.rmtree(victim)
    else:
        left %= victim.stat().st_size
        os.truncate(victim, left)
    with pytest.raises(MemoryFolderError) as refused:
        open_memory(folder)
    assert f"{folder}: damaged (" in str(refused.value) and "\n" not in str(refused.value)
    assert "nothing was deleted: put back a backup, or move the folder away" in str(refused.value)
    assert left is None or victim.stat().st_size >= min(left, 1)
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "backup", folder)
    with open_memory(folder) as memory:
        assert memory.count() == 100


def test_overwritten_embeddings_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "memory"
    with open_memory(folder) as memory:
        memory.remember(embedding_of(1), observation_of(1))
        (vector,) = [vector for _, vector in memory.everything()]
    database = folder / "store" / "memories.sqlite"
    content = database.read_bytes()
    stored = vector.astype("<f2").tobytes()
    assert content.count(stored) == 1
    database.write_bytes(content.replace(stored, bytes(len(stored))))
    with pytest.raises(MemoryFolderError, match=r"damaged \(an embedding is not of unit length\)"):
        open_memory(folder)


def test_what_a_full_disk_undoes_is_not_found_any_more_and_not_acknowledged(tmp_path: Path) -> None:
    folder = tmp_path / "memory"
    with open_memory(folder) as memory:
        memory.remember(embedding_of(1), observation_of(1))
        memory.flush()
        pages = memory._store._one("PRAGMA page_count")[0]
        memory._store._one(f"PRAGMA max_page_count = {pages + 3}")
        assert memory.remember(embedding_of(1), replace(observation_of(1), captured_at=2.0)).merged
        with pytest.raises(MemoryFolderError, match=r"cannot remember \(database or disk is full\); check its disk"):
            for number in range(2, 1000):
                memory.remember(embedding_of(number), observation_of(number))
        (match,) = memory.search(embedding_of(1), 1000)
        assert memory.count() == match.times == 1
        found = {match.id}
        memory._store._one("PRAGMA max_page_count = 1000000")
        found.add(memory.remember(embedding_of(2000), observation_of(2000)).id)
        with pytest.raises(MemoryFolderError, match="what was remembered last is lost, as its disk failed"):
            memory.flush()
        memory.flush()
    with open_memory(folder) as memory:
        assert {match.id for match in memory.search(embedding_of(1), 1000)} == found


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    open_memory(tmp_path / "memory").close()
    manifest = tmp_path / "memory" / "memory.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": 7}))
    with pytest.raises(MemoryFolderError, match="format 7 is unknown, this version reads format 4"):
        open_memory(tmp_path / "memory")


def test_a_creation_that_was_interrupted_is_done_again(tmp_path: Path) -> None:
    folder = tmp_path / "memory"
    open_memory(folder).close()
    (folder / "store").rename(folder / "store.unfinished")
    (folder / "store.unfinished" / "memories.sqlite").write_bytes(b"")
    with open_memory(folder) as memory:
        memory.remember(embedding_of(1), observation_of(1))
    assert sorted(path.name for path in folder.iterdir()) == ["memory.json", "store"]


def test_flush_brings_to_the_disk_what_was_remembered(memory: Memory, tmp_path: Path) -> None:
    journal_mode, synchronous = (memory._store._one(f"PRAGMA {name}")[0] for name in ("journal_mode", "synchronous"))
    assert (journal_mode, synchronous) == ("wal", 2)  # 2: every commit waits for the disk
    memory.remember(embedding_of(1), observation_of(1))
    for copy, expected in (("before", 0), ("after", 1)):
        shutil.copytree(tmp_path / "memory", tmp_path / copy)
        with open_memory(tmp_path / copy) as another:
            assert another.count() == expected and memory.count() == 1
        memory.flush()


def test_a_power_cut_after_flush_loses_nothing(tmp_path: Path) -> None:
    """The worst case: of all that was written since the last checkpoint only the log reached the disk."""
    folder, cut = tmp_path / "memory", tmp_path / "cut"
    with open_memory(folder) as memory:
        for number in range(50):
            memory.remember(embedding_of(number), observation_of(number))
    shutil.copytree(folder, cut)
    with open_memory(folder) as memory:
        for number in range(50, 90):
            memory.remember(embedding_of(number), observation_of(number))
        for number in range(20):
            assert memory.remember(embedding_of(number), observation_of(number)).merged
        memory.flush()
        shutil.copy(folder / "store" / "memories.sqlite-wal", cut / "store")
        expected = memory.search(embedding_of(1), 100)
    with open_memory(cut) as memory:
        assert memory.count() == 90 and memory.search(embedding_of(1), 100) == expected


@contextlib.contextmanager
def child(folder: Path, first: int) -> Iterator[subprocess.Popen[str]]:
    """memory_child.py at work on the folder; killed at the end."""
    program = [sys.executable, str(ROOT / "visual_byte_testing" / "memory_child.py"), str(folder), str(first)]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        if process.stdout:
            process.stdout.close()


def whole_lines(output: str) -> Iterator[list[str]]:
    """The words of every line that was not cut short."""
    for line in output.splitlines():
        said, _, checksum = line.rpartition(" ")
        if checksum.isdigit() and zlib.crc32(said.encode()) == int(checksum):
            yield said.split()


def test_killed_at_twenty_random_moments_it_loses_nothing_acknowledged(tmp_path: Path) -> None:
    folder = tmp_path / "memory"
    remembered: dict[str, int] = {}
    forgotten: set[str] = set()
    perhaps: set[str] = set()
    twice: set[str] = set()
    for turn in range(20):
        with child(folder, turn) as process:
            assert process.stdout is not None
            output = process.stdout.readline()
            time.sleep(random.uniform(0, 0.25))
            process.send_signal(signal.SIGKILL)
            output += process.stdout.read()
        for what, *words in whole_lines(output):
            if what == "remembered":
                remembered[words[1]] = int(words[0])
            elif what == "seen":
                twice.add(words[0])
            elif what == "forgetting":
                perhaps.add(words[1])
            elif what == "forgotten":
                forgotten.add(words[1])
    assert len(remembered) > 20 and forgotten  # how many depends on the machine
    with open_memory(folder) as memory:
        found = {match.id: match for match in memory.search(embedding_of(0), memory.count())}
        assert len(found) == memory.count()
        for id, number in remembered.items():
            if id in forgotten:
                assert id not in found
            elif id not in perhaps or id in found:
                assert found[id].source == str(number) and found[id].thumbnail == thumbnail_of(number)
                assert found[id].times == 2 or id not in twice
        for id, number in random.sample(sorted(remembered.items()), 50):
            if id in found:
                best = memory.search(embedding_of(number), 1)[0]
                assert best.id == id and best.score > 0.999


def test_what_is_described_while_somebody_reads_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_store(tmp_path / "store")
    store = Store(tmp_path / "store")
    known = [first_observation(Observation(captured_at=1.0)) for _ in range(2)]
    rows = [store.add(match, np.ones(DIMENSION, np.float16)) for match in known]
    store.commit()
    written = store._all_or_nothing
    described: list[threading.Thread] = []

    @contextlib.contextmanager
    def describing_at_the_end() -> Iterator[None]:
        """As `_all_or_nothing`; when it is left, another thread describes the second memory."""
        with written():
            yield
        if not described:
            described.append(threading.Thread(target=store.describe, args=(rows[1], replace(known[1], times=2))))
            described[0].start()
            described[0].join(timeout=0.2)  # in time only if the lock is free

    store.describe(rows[0], replace(known[0], times=2))
    monkeypatch.setattr(store, "_all_or_nothing", describing_at_the_end)
    store.page(None, "", 1)
    described[0].join()
    store.commit()
    assert {match.times for match in store.matches(rows).values()} == {2}
    store.close()
