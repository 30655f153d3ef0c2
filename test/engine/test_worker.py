# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The worker: questions before frames, the oldest refused, nothing acknowledged before it is on disk."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.engine.finder import Finder
from visual_byte_core.engine.frame_intake import MERGED_AT_ONCE
from visual_byte_core.engine.observed_frame import ObservedFrame
from visual_byte_core.engine.questions import Question
from visual_byte_core.engine.settings import EngineSettings
from visual_byte_core.engine.worker import Late, Refused, Worker
from visual_byte_core.errors import InvalidImage, MemoryFolderError, VisualByteError
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.merging import MergeSettings
from visual_byte_core.memory.observation import Observation, Remembered
from visual_byte_testing.sample_bundle import write_sample_bundle
from visual_byte_testing.waiting import wait_until

LOG = logging.getLogger("worker")


class GatedEmbedder(Embedder):
    """Waits before each run until it is let through, so that a test decides what the worker finds waiting."""

    gate: threading.Semaphore | None = None
    asked = 0  # runs that waited at the gate

    def embed(self, images: np.ndarray) -> np.ndarray:
        if self.gate:
            self.asked += 1
            self.gate.acquire()
        return super().embed(images)


class Setup:
    def __init__(self, folder: Path, **settings: Any) -> None:
        bundle = write_sample_bundle(folder / "bundle")
        self.embedder = GatedEmbedder(bundle, threads=1)
        self.memory = Memory(folder / "memory", bundle.id, merge=MergeSettings(enabled=False))
        finder = Finder(self.memory, bundle.calibration)
        self.worker = Worker(self.embedder, self.memory, finder, LOG, EngineSettings(**settings))
        self.size = bundle.size

    def close_the_gate(self) -> None:
        """Let the worker take one job in hand, and wait."""
        self.embedder.gate = threading.Semaphore(0)
        self.in_hand = self.worker.see(observed(99))
        wait_until(lambda: not self.worker.report().frame_waits)

    def open_the_gate(self) -> None:
        assert self.embedder.gate
        self.embedder.gate.release(1000)

    def question(self) -> Question:
        return Question(np.full((self.size, self.size, 3), 90, np.uint8), "text", 3)


def observed(seed: int) -> ObservedFrame:
    image = np.random.default_rng(seed).integers(0, 256, (40, 50, 3), np.uint8)
    return ObservedFrame(image, Observation(captured_at=1e9 + seed))


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    setup = Setup(tmp_path, max_waiting=3, acknowledge_within_s=0.05)
    yield setup
    setup.embedder.gate = None
    setup.worker.close()


def test_a_frame_is_acknowledged_and_found(setup: Setup) -> None:
    assert setup.worker.ask(setup.question()).result(5).reason == "memory is empty"
    remembered = setup.worker.see(observed(1)).result(5)
    answer = setup.worker.ask(setup.question()).result(5)
    assert [match.id for match in answer.nearest] == [remembered.id]
    assert answer.nearest[0].thumbnail[:2] == b"\xff\xd8" and setup.worker.memories == 1


def test_questions_come_before_frames_and_only_the_newest_frame_counts(setup: Setup) -> None:
    setup.close_the_gate()
    order: list[str] = []
    old, new = setup.worker.see(observed(1)), setup.worker.see(observed(2))
    questions = [setup.worker.ask(setup.question()) for _ in range(3)]
    new.add_done_callback(lambda _: order.append("frame"))
    for question in questions:
        question.add_done_callback(lambda _: order.append("question"))
    setup.open_the_gate()
    new.result(5)
    assert order == ["question"] * 3 + ["frame"]
    assert old.cancelled() and setup.worker.report().dropped == 1


def test_the_oldest_question_is_refused_when_too_many_wait(setup: Setup) -> None:
    setup.close_the_gate()
    questions = [setup.worker.ask(setup.question()) for _ in range(5)]
    with pytest.raises(Refused, match="3 newer questions"):
        questions[0].result(0)
    with pytest.raises(Refused):
        questions[1].result(0)
    setup.open_the_gate()
    assert [question.result(5).status for question in questions[2:]] == ["NOT_FOUND"] * 3
    assert setup.worker.report().refused == 2


def test_a_question_that_is_late_fails_while_the_worker_is_still_at_its_job(tmp_path: Path) -> None:
    setup = Setup(tmp_path, answer_within_s=0.2)
    try:
        assert setup.worker.ask(setup.question()).result(5).status == "NOT_FOUND"
        setup.close_the_gate()
        questions = [setup.worker.ask(setup.question()) for _ in range(3)]
        for question in questions:
            with pytest.raises(Late, match="no answer within 0.2 s"):
                question.result(5)
        remembered = setup.worker.remember(observed(1))
        setup.open_the_gate()
        assert remembered.result(5).id, "what waits behind late questions is done"
        report = setup.worker.report()
        assert (report.late, report.answered, report.failed) == (3, 1, 0)
        assert setup.embedder.asked == 2, "late questions are not embedded: the frame in hand and the picture are"
    finally:
        setup.open_the_gate()
        setup.worker.close()


def test_remember_on_request_is_on_the_disk_when_it_resolves(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    flushes: list[int] = []
    flush = setup.memory.flush
    monkeypatch.setattr(setup.memory, "flush", lambda: (flush(), flushes.append(1)))
    assert setup.worker.remember(observed(1).labelled("cup")).result(5).id and flushes
    assert setup.worker.ask(setup.question()).result(5).nearest[0].label == "cup"


def test_nothing_is_acknowledged_if_the_disk_fails(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise MemoryFolderError("disk full")

    monkeypatch.setattr(setup.memory, "flush", fail)
    with pytest.raises(MemoryFolderError, match="disk full"):
        setup.worker.see(observed(1)).result(5)
    monkeypatch.undo()
    assert setup.worker.see(observed(2)).result(5).id


def embed_frames(worker: Worker, count: int) -> list[Future[Remembered]]:
    """Let it see frames, each after the one before was embedded; nothing is merged or acknowledged of under eight."""
    futures = []
    for seed in range(count):
        futures.append(worker.see(observed(seed)))
        wait_until(lambda seed=seed: len(worker.report().frame_s) == seed + 1)
    return futures


def test_frames_are_merged_together_but_before_anything_looks(tmp_path: Path) -> None:
    setup = Setup(tmp_path, acknowledge_within_s=60.0)
    try:
        looks: list[Callable[[], int]] = [
            lambda: len(setup.worker.ask(setup.question()).result(5).nearest),
            lambda: setup.worker.do_aside(setup.memory.count).result(5),
            lambda: setup.worker.do(setup.memory.count).result(5),  # brings them to the disk
        ]
        for look in looks:
            before = setup.memory.count()
            frames = [setup.worker.see(observed(100 + before))]
            wait_until(lambda before=before: len(setup.worker.report().frame_s) == before + 1)
            assert setup.memory.count() == before and not frames[0].done()
            assert look() == before + 1
        assert frames[0].done()
        seen = len(setup.worker.report().frame_s)
        for number in range(1, MERGED_AT_ONCE + 1):
            setup.worker.see(observed(number))
            wait_until(lambda number=number: len(setup.worker.report().frame_s) == seen + number)
            assert setup.memory.count() == 3 + MERGED_AT_ONCE * (number == MERGED_AT_ONCE)
    finally:
        setup.worker.close()


def test_a_frame_that_cannot_be_remembered_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    setup = Setup(tmp_path, acknowledge_within_s=60.0)
    remember = setup.memory.remember

    def refuse_one(embedding: np.ndarray, observation: Observation, picture: np.ndarray) -> Remembered:
        if observation.captured_at == 1e9 + 1:
            raise MemoryFolderError("disk full")
        return remember(embedding, observation, picture)

    monkeypatch.setattr(setup.memory, "remember", refuse_one)
    frames = embed_frames(setup.worker, 3)
    setup.worker.close()
    with pytest.raises(MemoryFolderError, match="disk full"):
        frames[1].result(5)
    assert frames[0].result(5).id != frames[2].result(5).id
    assert setup.worker.report().failed == 1 and setup.worker.report().remembered == 2


def test_a_bad_job_fails_alone(setup: Setup, caplog: pytest.LogCaptureFixture) -> None:
    bad = setup.worker.ask(Question(np.zeros((2, 2, 3), np.uint8), "text", 3))
    nonsense = setup.worker.ask(Question(None, "text", 3))  # type: ignore[arg-type]
    with pytest.raises(VisualByteError, match="expected uint8"):
        bad.result(5)
    with pytest.raises(Refused, match="unexpected error"):
        nonsense.result(5)
    assert "please report it" in caplog.text
    assert setup.worker.ask(setup.question()).result(5).status == "NOT_FOUND"
    assert setup.worker.report().failed == 2


def test_settle_returns_when_all_is_done(tmp_path: Path) -> None:
    setup = Setup(tmp_path, acknowledge_within_s=60.0)
    try:
        setup.close_the_gate()
        futures: list[Future] = [setup.in_hand, setup.worker.ask(setup.question())]
        settling = threading.Thread(target=setup.worker.settle)
        settling.start()
        wait_until(lambda: setup.worker.report().waiting == 2)
        assert settling.is_alive() and not any(future.done() for future in futures)
        setup.open_the_gate()
        settling.join(5)
        assert not settling.is_alive() and all(future.done() for future in futures)
        assert setup.in_hand.result().id, "its flush was not due for a minute"
    finally:
        setup.open_the_gate()
        setup.worker.close()


def test_only_questions_give_way_when_too_many_questions_come(setup: Setup) -> None:
    setup.close_the_gate()
    remembered = setup.worker.remember(observed(1).labelled("cup"))
    forgotten = setup.worker.do(lambda: setup.memory.forget([]))
    settling = threading.Thread(target=setup.worker.settle)
    settling.start()
    wait_until(lambda: setup.worker.report().waiting == 3)
    questions = [setup.worker.ask(setup.question()) for _ in range(8)]
    assert settling.is_alive() and not remembered.done() and not forgotten.done()
    assert [question.done() for question in questions] == [True] * 5 + [False] * 3
    setup.open_the_gate()
    assert remembered.result(5).id and forgotten.result(5) == 0
    settling.join(5)
    assert not settling.is_alive()
    assert [question.result(5).nearest[0].label for question in questions[5:]] == ["cup"] * 3
    assert setup.worker.report().refused == 5


def test_closing_refuses_what_waits_and_flushes_what_is_done(tmp_path: Path) -> None:
    setup = Setup(tmp_path, acknowledge_within_s=60)
    seen = setup.worker.see(observed(1))
    wait_until(lambda: len(setup.worker.report().frame_s) == 1)
    setup.close_the_gate()
    waiting = [setup.worker.ask(setup.question()), setup.worker.remember(observed(2))]
    frame = setup.worker.see(observed(3))
    closing = threading.Thread(target=setup.worker.close)
    closing.start()
    wait_until(lambda: setup.worker.closing)
    setup.open_the_gate()
    closing.join(5)
    for future in waiting:
        with pytest.raises(Refused, match="shutting down"):
            future.result(0)
    assert seen.result(0).id and setup.in_hand.result(0).id and frame.cancelled()
    with pytest.raises(Refused, match="shutting down"):
        setup.worker.ask(setup.question()).result(0)
    with Memory(tmp_path / "memory", setup.embedder.bundle.id) as memory:
        assert memory.count() == 2


def test_an_aside_is_done_after_questions_and_before_frames_and_the_newest_replaces_the_one_before(
    setup: Setup,
) -> None:
    setup.close_the_gate()
    done: list[str] = []
    frame = setup.worker.see(observed(1))
    frame.add_done_callback(lambda _: done.append("frame"))
    first = setup.worker.do_aside(lambda: done.append("first"))
    second = setup.worker.do_aside(lambda: done.append("second"))
    asked = setup.worker.ask(setup.question())
    asked.add_done_callback(lambda _: done.append("question"))
    setup.open_the_gate()
    frame.result(10)
    assert first.cancelled() and second.done()
    assert done == ["question", "second", "frame"]


def test_an_aside_that_fails_says_so_and_the_worker_goes_on(setup: Setup) -> None:
    def broken() -> None:
        raise InvalidImage("no picture")

    with pytest.raises(InvalidImage, match="no picture"):
        setup.worker.do_aside(broken).result(10)
    setup.worker.ask(setup.question()).result(10)
