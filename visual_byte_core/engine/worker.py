# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""One thread that owns the network and the memory: questions first, then asides, then the newest frame."""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.engine.answer import Answer
from visual_byte_core.engine.deadlines import Deadlines, fail, resolve
from visual_byte_core.engine.finder import Finder
from visual_byte_core.engine.frame_intake import FrameIntake
from visual_byte_core.engine.observed_frame import ObservedFrame
from visual_byte_core.engine.questions import Question, RecentQuestions
from visual_byte_core.engine.report import Report
from visual_byte_core.engine.settings import EngineSettings
from visual_byte_core.errors import VisualByteError
from visual_byte_core.log import Log
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.observation import Remembered

LATENCIES_KEPT = 500
ASIDE, FRAME = NEWEST = ("aside", "frame")  # of which only the newest is done; an aside before a frame
ANSWER_SHARE = 0.75  # of the time for an answer; the rest is for its way out of a busy machine


T = TypeVar("T")


class Refused(VisualByteError):
    """Work that was not begun: too much was waiting, or the worker ended."""


class Late(VisualByteError):
    """A question that was not answered in time."""


class _Job(NamedTuple):
    """What the worker does in its turn; future: fails if `run` raises."""

    run: Callable[[], None]
    future: Future[Any]
    is_question: bool = False


class Worker:
    """Answers questions and remembers frames in a thread of its own.

    All methods return at once; what they return is resolved in the worker's thread. A future fails with Refused, with
    another VisualByteError that says what was wrong, or is cancelled (a frame that a newer one replaced).

    settings: how long and how many may wait; see EngineSettings. asked: the last questions, for jobs in the worker's
    thread. The worker closes `memory`.
    """

    def __init__(
        self, embedder: Embedder, memory: Memory, finder: Finder, log: Log, settings: EngineSettings = EngineSettings()
    ) -> None:
        self._embedder = embedder
        self._memory = memory
        self._finder = finder
        self.asked = RecentQuestions()
        self._log = log
        self._settings = settings
        self._frames = FrameIntake(embedder, memory, settings, self._run)
        self._condition = threading.Condition()
        self._jobs: deque[_Job] = deque()
        self._newest: dict[str, _Job] = {}  # of each of NEWEST, at most one
        self._closing = False
        self._counts = dict.fromkeys(("refused", "late", "answered", "dropped", "failed"), 0)
        self._question_s: deque[float] = deque(maxlen=LATENCIES_KEPT)
        self._frame_s: deque[float] = deque(maxlen=LATENCIES_KEPT)
        self._deadlines = Deadlines(self._be_late)
        self._thread = threading.Thread(target=self._work, name="worker", daemon=True)
        self._thread.start()

    def update(self, settings: EngineSettings) -> None:
        """Let other settings count from now on."""
        self._settings = settings
        self._frames.update(settings)

    @property
    def closing(self) -> bool:
        """Whether it takes nothing any more."""
        return self._closing

    @property
    def memories(self) -> int:
        """Number of memories."""
        return self._frames.memories

    def ask(self, question: Question, received: float | None = None) -> Future[Answer]:
        """Answer a question as soon as those before it are answered, or fail in time.

        received: when it came, by `time.monotonic`; now if None.
        """
        received = time.monotonic() if received is None else received
        future: Future[Answer] = Future()

        def answer() -> None:
            if future.done():
                return  # too late: nobody waits for it
            self._frames.merge()
            embedding = self._embedder.embed_query(question.image, question.modality)
            self.asked.add(question, embedding)
            found = self._finder.find(embedding, question.modality, question.k, question.where)
            if resolve(future, found):
                self._counts["answered"] += 1
                self._question_s.append(time.monotonic() - received)

        self._enqueue(_Job(answer, future, is_question=True))
        answer_within_s = self._settings.answer_within_s
        if answer_within_s is not None:
            self._deadlines.watch(future, received + ANSWER_SHARE * answer_within_s)
        return future

    def remember(self, observed: ObservedFrame) -> Future[Remembered]:
        """Remember a picture that somebody waits for; resolved when it is on disk."""
        future: Future[Remembered] = Future()

        def remember() -> None:
            self._frames.take(observed, future)
            self._frames.flush()

        self._enqueue(_Job(remember, future))
        return future

    def do(self, job: Callable[[], T]) -> Future[T]:
        """Do something with the memory that somebody waits for, in the worker's thread.

        What it changed is on disk when the future is resolved.
        """
        future: Future[T] = Future()

        def run() -> None:
            self._frames.merge()
            result = job()
            self._frames.memories = self._memory.count()
            self._frames.flush()
            resolve(future, result)

        self._enqueue(_Job(run, future))
        return future

    def do_aside(self, job: Callable[[], T]) -> Future[T]:
        """Do something that changes nothing when no question waits; cancelled if a newer one comes before its turn."""
        future: Future[T] = Future()

        def run() -> None:
            self._frames.merge()
            resolve(future, job())

        self._replace(ASIDE, _Job(run, future))
        return future

    def see(self, observed: ObservedFrame) -> Future[Remembered]:
        """Remember a frame if no newer one comes before its turn; resolved when it is on disk."""
        future: Future[Remembered] = Future()

        def remember() -> None:
            begun = time.monotonic()
            self._frames.take(observed, future)
            self._frame_s.append(time.monotonic() - begun)

        self._replace(FRAME, _Job(remember, future))
        return future

    def report(self) -> Report:
        """What waits, what was done and how long the last questions took; any thread may ask."""
        with self._condition:
            return Report(
                waiting=len(self._jobs),
                frame_waits=FRAME in self._newest,
                unchanged=self._frames.unchanged,
                memories=self._frames.memories,
                remembered=self._frames.remembered,
                question_s=tuple(self._question_s),
                frame_s=tuple(self._frame_s),
                **self._counts,
            )

    def settle(self) -> None:
        """Return when all that was asked before is answered and all that was remembered is on disk."""
        settled: Future[None] = Future()

        def settle() -> None:
            self._frames.flush()
            resolve(settled, None)

        self._enqueue(_Job(settle, settled))
        settled.exception()

    def close(self) -> None:
        """Refuse what waits, finish what is in hand, flush and close the memory."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        self._thread.join()
        self._deadlines.close()

    def _be_late(self, future: Future[Any]) -> None:
        """In the thread of the deadlines."""
        seconds = self._settings.answer_within_s or 0.0
        if fail(future, Late(f"no answer within {seconds:g} s: the machine is overloaded; ask again")):
            self._counts["late"] += 1

    def _enqueue(self, job: _Job) -> None:
        """Questions give way to newer ones; what is to be changed or kept never does."""
        refused: list[Future[Any]] = []
        with self._condition:
            closing, max_waiting = self._closing, self._settings.max_waiting
            if not closing:
                questions = [waiting for waiting in self._jobs if waiting.is_question]
                for oldest in questions[: max(0, len(questions) + 1 - max_waiting)] if job.is_question else ():
                    self._jobs.remove(oldest)
                    refused.append(oldest.future)
                self._counts["refused"] += len(refused)
                self._jobs.append(job)
                self._condition.notify()
        if closing:
            fail(job.future, Refused("the node is shutting down; ask again when it is back"))
        for future in refused:
            fail(future, Refused(f"{max_waiting} newer questions were waiting; ask less often"))

    def _work(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(self._has_work, timeout=self._until_flush())
                if self._closing:
                    break
                job = self._next()
            if job:
                self._run(job.run, job.future)
            if self._frames.flush_at is not None and time.monotonic() >= self._frames.flush_at:
                self._run(self._frames.flush, None)
        self._end()

    def _replace(self, kind: str, job: _Job) -> None:
        """Let it wait in the place of the one of this kind that waited; cancelled if the worker ends."""
        with self._condition:
            replaced = self._newest.pop(kind, None)
            self._newest[kind] = job
            self._counts["dropped"] += kind == FRAME and replaced is not None
            closed = self._closing
            self._condition.notify()
        if replaced:
            replaced.future.cancel()
        if closed:
            job.future.cancel()

    def _has_work(self) -> bool:
        return self._closing or bool(self._jobs) or bool(self._newest)

    def _next(self) -> _Job | None:
        if self._jobs:
            return self._jobs.popleft()
        return next((self._newest.pop(kind) for kind in NEWEST if kind in self._newest), None)

    def _until_flush(self) -> float | None:
        due = self._frames.flush_at
        return None if due is None else max(0.0, due - time.monotonic())

    def _run(self, run: Callable[[], None], future: Future[Any] | None) -> None:
        """Nothing that one job brings may end the thread."""
        try:
            run()
        except Exception as error:
            self._counts["failed"] += 1
            if not isinstance(error, VisualByteError):
                self._log.error(f"unexpected error, please report it: {traceback.format_exc()}")
                error = Refused(f"unexpected error in the worker: {error!r}; see the log")
            if future is None:
                self._log.error(str(error))
            else:
                fail(future, error)

    def _end(self) -> None:
        with self._condition:
            jobs, dropped = self._jobs, list(self._newest.values())
            self._jobs, self._newest = deque(), {}
        for job in jobs:
            fail(job.future, Refused("the node is shutting down; ask again when it is back"))
        for job in dropped:
            job.future.cancel()
        self._run(self._frames.flush, None)
        self._run(self._memory.close, None)
