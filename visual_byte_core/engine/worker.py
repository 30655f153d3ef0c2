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
from dataclasses import replace
from functools import partial
from typing import TypeVar

from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.embedding.frame_embedder import EmbeddedFrame, FrameEmbedder
from visual_byte_core.embedding.regions import EmbeddedRegion, RegionSettings
from visual_byte_core.engine.answer import Answer
from visual_byte_core.engine.deadlines import Deadlines, fail, resolve
from visual_byte_core.engine.finder import Finder
from visual_byte_core.engine.observed_frame import ObservedFrame
from visual_byte_core.engine.questions import Question, RecentQuestions
from visual_byte_core.engine.report import Report
from visual_byte_core.errors import VisualByteError
from visual_byte_core.log import Log
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.observation import Remembered
from visual_byte_core.rendering.thumbnail import reduced

LATENCIES_KEPT = 500
ASIDE, FRAME = NEWEST = ("aside", "frame")  # of which only the newest is done; an aside before a frame
MERGED_AT_ONCE = 8  # frames: the first finds the processor's caches full of the network, and takes as long as the rest
ANSWER_SHARE = 0.75  # of the time for an answer; the rest is for its way out of a busy machine


T = TypeVar("T")


class Refused(VisualByteError):
    """Work that was not begun: too much was waiting, or the worker ended."""


class Late(VisualByteError):
    """A question that was not answered in time."""


class Worker:
    """Answers questions and remembers frames in a thread of its own.

    All methods return at once; what they return is resolved in the worker's thread. A future fails with Refused, with
    another VisualByteError that says what was wrong, or is cancelled (a frame that a newer one replaced).

    max_waiting: questions and frames to remember that may wait; one more, and the oldest is refused.
    answer_within_s: seconds from `ask` in which every question is answered or fails with Late, whatever the worker is
    doing then; None: however long it takes, as for a recording, whose answers must not depend on the machine.
    acknowledge_within_s: seconds until a frame is flushed to the disk, so that frames share the cost of it.
    regions: remember the distinct regions of frames as well, which regions; None: whole frames only. A frame with a
    label is not taken apart, as the label is that of the whole. skip_unchanged: see FrameEmbedder. These five may
    change at any time.
    asked: the last questions, for jobs in the worker's thread. The worker closes `memory`.
    """

    def __init__(
        self,
        embedder: Embedder,
        memory: Memory,
        finder: Finder,
        log: Log,
        *,
        max_waiting: int = 10,
        answer_within_s: float | None = 1.0,
        acknowledge_within_s: float = 0.5,
        regions: RegionSettings | None = None,
        skip_unchanged: float = 0.0,
    ) -> None:
        self._embedder = embedder
        self._memory = memory
        self._finder = finder
        self.asked = RecentQuestions()
        self._log = log
        self.max_waiting = max_waiting
        self.answer_within_s = answer_within_s
        self.acknowledge_within_s = acknowledge_within_s
        self.frames = FrameEmbedder(embedder, regions, skip_unchanged)
        self._condition = threading.Condition()
        self._jobs: deque[tuple[Callable[[], None], Future]] = deque()
        self._newest: dict[str, tuple[Callable[[], None], Future]] = {}  # of each of NEWEST, at most one
        self._closing = False
        self._unmerged: list[tuple[ObservedFrame, EmbeddedFrame, Future[Remembered]]] = []
        self._unflushed: list[tuple[Future[Remembered], Remembered]] = []
        self._flush_at: float | None = None
        self._counts = dict.fromkeys(("refused", "late", "answered", "remembered", "dropped", "failed"), 0)
        self._memories = memory.count()
        self._question_s: deque[float] = deque(maxlen=LATENCIES_KEPT)
        self._frame_s: deque[float] = deque(maxlen=LATENCIES_KEPT)
        self._deadlines = Deadlines(self._be_late)
        self._thread = threading.Thread(target=self._work, name="worker", daemon=True)
        self._thread.start()

    @property
    def memories(self) -> int:
        """Number of memories."""
        return self._memories

    def ask(self, question: Question, received: float | None = None) -> Future[Answer]:
        """Answer a question as soon as those before it are answered, or fail in time.

        received: when it came, by `time.monotonic`; now if None.
        """
        received = time.monotonic() if received is None else received
        future: Future[Answer] = Future()

        def answer() -> None:
            if future.done():
                return  # too late: nobody waits for it
            self._merge()
            embedding = self._embedder.embed_query(question.image, question.modality)
            self.asked.add(question, embedding)
            found = self._finder.find(embedding, question.modality, question.k, question.where)
            if resolve(future, found):
                self._counts["answered"] += 1
                self._question_s.append(time.monotonic() - received)

        self._enqueue(answer, future)
        if self.answer_within_s is not None:
            self._deadlines.watch(future, received + ANSWER_SHARE * self.answer_within_s)
        return future

    def remember(self, observed: ObservedFrame) -> Future[Remembered]:
        """Remember a picture that somebody waits for; resolved when it is on disk."""
        future: Future[Remembered] = Future()

        def remember() -> None:
            self._embed(observed, future)
            self._flush()

        self._enqueue(remember, future)
        return future

    def do(self, job: Callable[[], T]) -> Future[T]:
        """Do something with the memory that somebody waits for, in the worker's thread; what it changed is on disk
        when the future is resolved."""
        future: Future[T] = Future()

        def run() -> None:
            self._merge()
            result = job()
            self._memories = self._memory.count()
            self._flush()
            resolve(future, result)

        self._enqueue(run, future)
        return future

    def do_aside(self, job: Callable[[], T]) -> Future[T]:
        """Do something that changes nothing when no question waits; cancelled if a newer one comes before its turn."""
        future: Future[T] = Future()

        def run() -> None:
            self._merge()
            resolve(future, job())

        self._replace(ASIDE, run, future)
        return future

    def see(self, observed: ObservedFrame) -> Future[Remembered]:
        """Remember a frame if no newer one comes before its turn; resolved when it is on disk."""
        future: Future[Remembered] = Future()

        def remember() -> None:
            begun = time.monotonic()
            self._embed(observed, future)
            self._frame_s.append(time.monotonic() - begun)

        self._replace(FRAME, remember, future)
        return future

    def report(self) -> Report:
        with self._condition:
            return Report(
                waiting=len(self._jobs),
                frame_waits=FRAME in self._newest,
                unchanged=self.frames.skipped,
                memories=self._memories,
                question_s=tuple(self._question_s),
                frame_s=tuple(self._frame_s),
                **self._counts,
            )

    def settle(self) -> None:
        """Return when all that was asked before is answered and all that was remembered is on disk."""
        settled: Future[None] = Future()

        def settle() -> None:
            self._flush()
            settled.set_result(None)

        with self._condition:
            if self._closing:
                return
            self._jobs.append((settle, settled))
            self._condition.notify()
        settled.exception()

    def close(self) -> None:
        """Refuse what waits, finish what is in hand, flush and close the memory."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        self._thread.join()
        self._deadlines.close()

    def _be_late(self, future: Future) -> None:
        """In the thread of the deadlines."""
        if fail(future, Late(f"no answer within {self.answer_within_s:g} s: the machine is overloaded; ask again")):
            self._counts["late"] += 1

    def _enqueue(self, run: Callable[[], None], future: Future) -> None:
        refused: list[Future] = []
        with self._condition:
            closing = self._closing
            if not closing:
                while len(self._jobs) >= self.max_waiting:
                    refused.append(self._jobs.popleft()[1])
                    self._counts["refused"] += 1
                self._jobs.append((run, future))
                self._condition.notify()
        if closing:
            fail(future, Refused("the node is shutting down; ask again when it is back"))
        for other in refused:
            fail(other, Refused(f"{self.max_waiting} newer questions were waiting; ask less often"))

    def _work(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(self._has_work, timeout=self._until_flush())
                if self._closing:
                    break
                job = self._next()
            if job:
                self._run(*job)
            if self._flush_at is not None and time.monotonic() >= self._flush_at:
                self._run(self._flush, None)
        self._end()

    def _replace(self, kind: str, run: Callable[[], None], future: Future) -> None:
        """Let it wait in the place of the one of this kind that waited; cancelled if the worker ends."""
        with self._condition:
            replaced = self._newest.pop(kind, None)
            self._newest[kind] = (run, future)
            self._counts["dropped"] += kind == FRAME and replaced is not None
            closed = self._closing
            self._condition.notify()
        if replaced:
            replaced[1].cancel()
        if closed:
            future.cancel()

    def _has_work(self) -> bool:
        return self._closing or bool(self._jobs) or bool(self._newest)

    def _next(self) -> tuple[Callable[[], None], Future] | None:
        if self._jobs:
            return self._jobs.popleft()
        return next((self._newest.pop(kind) for kind in NEWEST if kind in self._newest), None)

    def _until_flush(self) -> float | None:
        return None if self._flush_at is None else max(0.0, self._flush_at - time.monotonic())

    def _run(self, run: Callable[[], None], future: Future | None) -> None:
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

    def _embed(self, observed: ObservedFrame, future: Future[Remembered]) -> None:
        embedded = self.frames.embed(observed.image, whole=bool(observed.observation.label))
        self._unmerged.append((observed, embedded, future))
        if self._flush_at is None:
            self._flush_at = time.monotonic() + self.acknowledge_within_s
        if embedded.regions is not None or len(self._unmerged) >= MERGED_AT_ONCE:  # regions hold the frame
            self._merge()

    def _merge(self) -> None:
        """Bring what was embedded into the memory; before anything else looks into it."""
        unmerged, self._unmerged = self._unmerged, []
        for observed, embedded, future in unmerged:
            self._run(partial(self._remember, observed, embedded, future), future)

    def _remember(self, observed: ObservedFrame, embedded: EmbeddedFrame, future: Future[Remembered]) -> None:
        if embedded.regions is not None:
            remembered = self._remember_regions(observed, embedded, embedded.regions)
        else:
            remembered = self._memory.remember(embedded.embedding, observed.observation, embedded.picture)
        self._memories = self._memory.count()
        self._unflushed.append((future, remembered))

    def _remember_regions(
        self, observed: ObservedFrame, embedded: EmbeddedFrame, regions: tuple[EmbeddedRegion, ...]
    ) -> Remembered:
        """The frame, whose region says its size, then its regions, whose thumbnails show them alone."""
        height, width = observed.image.shape[:2]
        whole = replace(observed.observation, region=(0, 0, width, height))
        frame = self._memory.remember(embedded.embedding, whole, embedded.picture)
        for region in regions:
            observation = replace(observed.observation, region=region.rectangle, parent_id=frame.id)
            self._memory.remember(region.embedding, observation, reduced(region.image))
        return frame

    def _flush(self) -> None:
        """Write everything to the disk, then, and only then, acknowledge it."""
        self._merge()
        acknowledged, self._unflushed, self._flush_at = self._unflushed, [], None
        try:
            self._memory.flush()
        except Exception as error:
            for future, _ in acknowledged:
                future.set_exception(error)
            raise
        for future, remembered in acknowledged:
            self._counts["remembered"] += 1
            future.set_result(remembered)

    def _end(self) -> None:
        with self._condition:
            jobs, dropped = self._jobs, list(self._newest.values())
            self._jobs, self._newest = deque(), {}
        for _, future in jobs:
            fail(future, Refused("the node is shutting down; ask again when it is back"))
        for _, future in dropped:
            future.cancel()
        self._run(self._flush, None)
        self._run(self._memory.close, None)
