# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Playing frames at their rate, in a thread that survives whatever happens to the source."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from visual_byte_core.capture.frame import Frame, Frames
from visual_byte_core.capture.frame_sources import FrameSettings, open_frames
from visual_byte_core.errors import InvalidImage, VisualByteError
from visual_byte_core.log import Log

FIRST_RETRY_S = 0.5
MAX_RETRY_S = 8.0
STOP_S = 2.0
MAX_NAMED_FRAMES = 1000
RATE_FRAMES = 30


@dataclass(frozen=True)
class PlayerReport:
    """How a source is.

    state: `stopped`, `opening`, `playing`, `waiting for a subscriber`, `ended`, or `lost: ` and why.
    lost: whether the source is gone. next_try: seconds until it is opened again, if it is lost.
    shown, unreadable, dropped: frames since the source was configured. reconnects: how often it came back.
    rate: frames a second shown of late, 0 if there are none. age: seconds since the newest frame, or since playing
    began. resolution: (width, height) of the newest frame in pixels, (0, 0) before the first.
    """

    state: str
    lost: bool
    next_try: float
    shown: int
    unreadable: int
    dropped: int
    reconnects: int
    rate: float
    age: float
    resolution: tuple[int, int]


class FramePlayer:
    """Shows the frames of a source, one call of `show` each, in a thread of its own.

    A frame that cannot be read is named and skipped. A source that is lost is named and opened again after 0.5 s, and
    then after twice as long each time up to 8 s, until a frame comes.
    wanted: whether anybody looks; a recording waits for that, a camera does not.
    Raises DeviceError if the source cannot be opened at first.
    """

    def __init__(
        self,
        settings: FrameSettings,
        show: Callable[[Frame], None],
        log: Log,
        *,
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        self.settings = settings
        self._show, self._log, self._wanted = show, log, wanted
        self._state = "stopped"
        self._shown = self._unreadable = self._dropped = self._reconnects = 0
        self._named: set[str] = set()
        self._times: deque[float] = deque(maxlen=RATE_FRAMES)
        self._began = time.monotonic()
        self._resolution = (0, 0)
        self._pause = FIRST_RETRY_S
        self._next_try = 0.0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._leaving: Frames | None = None
        self._frames: Frames | None = open_frames(settings)

    def start(self) -> None:
        """Begin to play, or go on where `stop` left off."""
        self._stopping = threading.Event()
        self._began = time.monotonic()
        self._times.clear()
        if self._state == "stopped":
            self._state = "opening"
        self._thread = threading.Thread(target=self._play, args=(self._stopping,), name="frames", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop playing; returns when the thread has ended, or after STOP_S if the source hangs."""
        self._stopping.set()
        if self._thread:
            self._thread.join(STOP_S)
            if self._thread.is_alive():
                self._log.warning(f"{self.settings.name}: hangs; it is left behind")
                self._frames = None
            self._thread = None
        self._state = "stopped"

    def close(self) -> None:
        self.stop()
        if self._frames:
            self._frames.close()
            self._frames = None

    def report(self) -> PlayerReport:
        now, times, state, frames = time.monotonic(), list(self._times), self._state, self._frames
        rate = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 and times[-1] > times[0] else 0.0
        age = now - max([self._began, *times[-1:]])
        return PlayerReport(
            state=state,
            lost=state.startswith("lost"),
            next_try=max(0.0, self._next_try - now),
            shown=self._shown,
            unreadable=self._unreadable,
            dropped=self._dropped + (frames.dropped if frames else 0),
            reconnects=self._reconnects,
            rate=0.0 if age > 2 / (rate or 1) + 1 else rate,
            age=age,
            resolution=self._resolution,
        )

    def _play(self, stopping: threading.Event) -> None:
        due = time.monotonic()
        while not stopping.is_set() and self._state != "ended":
            frames = self._frames or self._open_again()
            if frames is None:
                stopping.wait(0.05)
            elif frames.live:
                self._show_next(frames, stopping)
            elif not self._wanted():
                self._state = "waiting for a subscriber"
                stopping.wait(0.05)
            elif not stopping.wait(due - time.monotonic()):
                due = max(due, time.monotonic() - 1 / frames.rate) + 1 / frames.rate
                self._show_next(frames, stopping)

    def _show_next(self, frames: Frames, stopping: threading.Event) -> None:
        try:
            frame = frames.read()
        except InvalidImage as error:
            self._skip(error)
            return
        except VisualByteError as error:
            self._lose(frames, error)
            return
        if stopping.is_set():
            return
        if frame is not None:
            self._show_one(frame)
        elif not frames.live:
            self._state = "ended"
            self._log.info(f"{self.settings.name}: the last frame was shown")

    def _show_one(self, frame: Frame) -> None:
        if self._state.startswith("lost"):
            self._reconnects += 1
            self._times.clear()
            self._log.info(f"{self.settings.name}: is back")
        self._state = "playing"
        self._pause = FIRST_RETRY_S
        self._times.append(time.monotonic())
        self._resolution = (frame.image.shape[1], frame.image.shape[0])
        self._shown += 1
        try:
            self._show(frame)
        except Exception as error:  # of one frame; the next may be shown
            self._skip(InvalidImage(f"{frame.name}: cannot be shown ({type(error).__name__}: {error})"))

    def _skip(self, error: InvalidImage) -> None:
        self._unreadable += 1
        if str(error) not in self._named and len(self._named) < MAX_NAMED_FRAMES:
            self._named.add(str(error))
            self._log.warning(f"{error} (skipped)")

    def _lose(self, frames: Frames, error: VisualByteError) -> None:
        self._tell_lost(error)
        self._frames = None
        self._dropped += frames.dropped
        frames.close()
        self._leaving = frames

    def _tell_lost(self, error: VisualByteError) -> None:
        if self._state != f"lost: {error}":
            self._log.error(f"{error}; trying again after {self._pause:g} s, then less often")
        self._state = f"lost: {error}"
        self._next_try = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, MAX_RETRY_S)

    def _open_again(self) -> Frames | None:
        """The source, if it is time to try and the last one, whose driver may hang, has let go of the device."""
        if time.monotonic() < self._next_try or (self._leaving and not self._leaving.closed):
            return None
        try:
            self._frames = open_frames(self.settings, wait_s=0.0)
        except VisualByteError as error:
            self._tell_lost(error)
        return self._frames
