# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The robot's memory that answers: one object that sees, remembers, is asked and taught."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from visual_byte_core.bundle.bundle import Bundle, load_bundle
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.engine.answer import Answer
from visual_byte_core.engine.finder import Finder
from visual_byte_core.engine.forgetting import forget
from visual_byte_core.engine.observed_frame import ObservedFrame
from visual_byte_core.engine.questions import question_of
from visual_byte_core.engine.report import EngineReport
from visual_byte_core.engine.settings import EngineSettings
from visual_byte_core.engine.stamp_order import OneByOne
from visual_byte_core.engine.teaching import MAX_FRAMES, NoFrame, check_frames, teach
from visual_byte_core.engine.worker import Worker
from visual_byte_core.log import Log
from visual_byte_core.memory.match import Filter, Match
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.observation import Observation, Remembered
from visual_byte_core.messages.poses import Pose
from visual_byte_core.rendering.query import Asked, RenderedQuery, render_query

MAX_IN_ORDER = 30  # frames and questions of a recording that wait here; `see` and `ask` block until there is room

T = TypeVar("T")


class Engine:
    """What a robot has seen, in a folder, and the network of a bundle that finds it again.

    bundle: a bundle or its folder. folder: where memories are kept; made if it is not there. pose_at: gives the pose of
    an observation that has none, when its turn comes; None: an observation has its pose when it is seen. log: is told
    what goes wrong in the engine's own thread; Python's own if None.

    All methods may be called from any thread and return at once; what they return is resolved in the engine's thread,
    when what it says is on the disk. A future fails with a VisualByteError that says what was wrong. Use it in a
    `with` statement, or close it.

    Raises:
        BundleError: the bundle, its network or the provider cannot be used, or it is not calibrated.
        MemoryFolderError: the folder is another bundle's, in use, not writable or damaged.
    """

    def __init__(
        self,
        bundle: Bundle | str | os.PathLike[str],
        folder: str | os.PathLike[str],
        settings: EngineSettings = EngineSettings(),
        *,
        pose_at: Callable[[Observation], Pose | None] | None = None,
        log: Log | None = None,
    ) -> None:
        log = log or logging.getLogger("visual_byte")
        self.bundle = bundle if isinstance(bundle, Bundle) else load_bundle(bundle)
        self.settings = settings
        self._pose_at = pose_at
        self._newest: deque[ObservedFrame] = deque(maxlen=MAX_FRAMES)
        self._newest_lock = threading.Lock()
        self._embedder = Embedder(self.bundle, threads=settings.threads, provider=settings.provider, log=log)
        dimension = self.bundle.dimension
        self._memory = Memory(Path(folder), self.bundle.id, dimension=dimension, merge=settings.merging)
        try:
            rate = settings.false_accept_rate
            self._finder = Finder(self._memory, self.bundle.calibration, false_accept_rate=rate)
            self._worker = Worker(self._embedder, self._memory, self._finder, log, settings)
        except BaseException:
            self._memory.close()
            raise
        self._order = OneByOne(max_waiting=MAX_IN_ORDER) if settings.in_order else None

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def memories(self) -> int:
        """How many memories there are."""
        return self._worker.memories

    def see(self, image: np.ndarray, observation: Observation) -> Future[Remembered]:
        """Remember a frame of a camera, uint8 (height, width, 3) RGB, if no newer one comes before its turn.

        The future is cancelled if a newer one does, or if the settings say that frames are not remembered. With
        `in_order` none is left out.
        """
        observed = ObservedFrame(image, observation)
        in_order = self._order is not None and self.settings.remember_frames
        if not in_order:
            observed = self._placed(observed)
        with self._newest_lock:
            self._newest.append(observed)
        if not self.settings.remember_frames:
            return _cancelled()
        if not in_order:
            return self._worker.see(observed)
        return self._in_turn(observation.captured_at, lambda: self._worker.remember(self._place_newest(observed)))

    def ask(
        self,
        asked: Asked,
        *,
        k: int = 3,
        where: Filter | None = None,
        id: str = "",
        stamp: float | None = None,
        received: float | None = None,
    ) -> Future[Answer]:
        """Find what is asked for among the memories that `where` lets through.

        asked: words, a SpokenName, an Example or a RenderedQuery. k: most matches, 1 to 100. id: by which the question
        may be taught afterwards. stamp: seconds since 1970, with `in_order` the question's turn; None: at once.
        received: when it came, by `time.monotonic`; now if None.

        Raises:
            InvalidText, InvalidSound, InvalidImage: it cannot be rendered, or is not of the bundle's size.
            ConfigurationError: k, id or text out of range, or an unknown modality.
            BundleError: it was rendered for another bundle.
        """
        question = question_of(self.render(asked), self.bundle, k, where, id)
        if self._order is None or stamp is None:
            return self._worker.ask(question, time.monotonic() if received is None else received)
        return self._in_turn(stamp, lambda: self._worker.ask(question))

    def render(self, asked: Asked) -> RenderedQuery:
        """The picture that the network sees of a question. Raises InvalidText, InvalidSound or InvalidImage."""
        return render_query(asked, self.bundle.renderer)

    def remember(
        self, image: np.ndarray | None = None, observation: Observation | None = None, *, label: str = ""
    ) -> Future[Remembered]:
        """Remember a picture, uint8 (height, width, 3) RGB, or the newest frame if there is none, under a name or none.

        observation: what is known of the picture; None: it was taken now. Raises NoFrame.
        """
        if image is None:
            newest = self._last_frames(1)
            if not newest:
                raise NoFrame("no frame has arrived on the topic image; check the camera and its name")
            observed = newest[0]
        else:
            observed = self._placed(ObservedFrame(image, observation or Observation(captured_at=time.time())))
        return self._worker.remember(observed.labelled(label) if label else observed)

    def teach(self, name: str = "", *, question_id: str = "", frames: int = 1) -> Future[list[str]]:
        """Give the last frames, up to 10, a name, and the name the words that were asked or typed; see `teaching`.

        question_id: a question that was asked before. Returns the ids of the memories. Raises NoFrame.
        """
        shown = self._last_frames(max(frames, 1))
        check_frames(shown)

        def job() -> list[str]:
            check_frames(shown, frames)
            asked = self._worker.asked[question_id] if question_id else None
            return teach(self._embedder, self._memory, name.strip(), asked, shown)

        return self._worker.do(job)

    def forget(self, ids: Sequence[str] = (), where: Filter | None = None, *, everything: bool = False) -> Future[int]:
        """Delete the memories with these ids, or that pass the filter, or both, or everything; how many that was.

        What is meant must be said; see `forgetting.forget`.
        """
        return self._worker.do(lambda: forget(self._memory, ids, where, everything=everything))

    def page(self, where: Filter | None = None, size: int = 100, begin: str = "") -> Future[tuple[list[Match], str]]:
        """Up to `size` memories that pass the filter, and where the next page begins; see `Memory.page`."""
        return self._worker.do(lambda: self._memory.page(where, size, begin))

    def count(self, where: Filter | None = None) -> Future[int]:
        """How many memories pass the filter."""
        return self._worker.do(lambda: self._memory.count(where))

    def do(self, job: Callable[[Embedder, Memory], T]) -> Future[T]:
        """Do something else with the network and the memory, in the engine's thread; durable when it is resolved."""
        return self._worker.do(lambda: job(self._embedder, self._memory))

    def do_aside(self, job: Callable[[Embedder, Memory], T]) -> Future[T]:
        """Do something that changes nothing when no question waits; cancelled if a newer one comes before its turn."""
        return self._worker.do_aside(lambda: job(self._embedder, self._memory))

    def in_turn(self, stamp: float, do: Callable[[], None]) -> None:
        """Do something small at once or, with `in_order`, when what has earlier stamps is dealt with.

        stamp: seconds since 1970. do: must not raise.
        """
        if self._order is None:
            do()
        else:
            self._order.put_note(stamp, do)

    def update(self, settings: EngineSettings) -> None:
        """Let other settings count from now on. Raises ConfigurationError if they cannot change while it runs."""
        self.settings.check_change(settings)
        self.settings = settings
        self._memory.merge = settings.merging
        self._finder.false_accept_rate = settings.false_accept_rate
        self._worker.update(settings)

    def report(self) -> EngineReport:
        """What it is, what it did so far, and what its disk has room for."""
        waiting = self._order.waiting if self._order else 0
        try:
            disk, gone = self._memory.disk(), ""
        except OSError as error:
            disk, gone = None, str(error.strerror)
        return EngineReport(self.bundle, self._embedder.provider, self._worker.report(), waiting, disk, gone)

    def settle(self) -> None:
        """Return when all that was asked before is answered and all that was remembered is on disk."""
        if self._order:
            self._order.settle()
        self._worker.settle()

    def close(self) -> None:
        """Do what waits in order, refuse other questions that wait, and bring everything to the disk."""
        if self._order:
            self._order.close()
        self._worker.close()

    def _placed(self, observed: ObservedFrame) -> ObservedFrame:
        observation = observed.observation
        if self._pose_at is None or observation.pose is not None:
            return observed
        return replace(observed, observation=replace(observation, pose=self._pose_at(observation)))

    def _place_newest(self, observed: ObservedFrame) -> ObservedFrame:
        """A frame whose turn has come, with its pose: for the memory, and for who teaches or remembers it later."""
        placed = self._placed(observed)
        with self._newest_lock:
            kept = [placed if frame is observed else frame for frame in self._newest]
            self._newest.clear()
            self._newest.extend(kept)
        return placed

    def _last_frames(self, count: int) -> list[ObservedFrame]:
        """Up to that many, newest last; with `in_order` one whose turn has not come gets the pose that is known now."""
        with self._newest_lock:
            frames = list(self._newest)[-count:]
        return [self._placed(frame) for frame in frames] if self._order else frames

    def _in_turn(self, stamp: float, begin: Callable[[], Future[T]]) -> Future[T]:
        assert self._order
        outer: Future[T] = Future()

        def begun() -> Future[T]:
            inner = begin()
            inner.add_done_callback(partial(_pass_on, outer))
            return inner

        self._order.put(stamp, begun)
        return outer


def _pass_on(outer: Future[T], inner: Future[T]) -> None:
    if inner.cancelled():
        outer.cancel()
    elif error := inner.exception():
        outer.set_exception(error)
    else:
        outer.set_result(inner.result())


def _cancelled() -> Future[Remembered]:
    future: Future[Remembered] = Future()
    future.cancel()
    return future
