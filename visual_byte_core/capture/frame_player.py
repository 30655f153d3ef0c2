# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Playing frames at their rate, and reporting how their source is."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from visual_byte_core.capture.frame import Frame, Frames
from visual_byte_core.capture.frame_sources import FrameSettings, open_frames
from visual_byte_core.capture.source_state import SourceStatus
from visual_byte_core.capture.source_thread import EndOfSource, SourceThread
from visual_byte_core.errors import InvalidImage, VisualByteError
from visual_byte_core.log import Log

FIRST_RETRY_S = 0.5
MAX_RETRY_S = 8.0
ODD_PAUSE_S = 0.05
MAX_NAMED_FRAMES = 1000
RATE_FRAMES = 30


@dataclass(frozen=True)
class PlayerReport:
    """How a source is.

    shown, unreadable, dropped: frames since the source was configured. rate: frames a second shown of late, 0 if there
    are none. age: seconds since the newest frame, or since playing began. resolution: (width, height) of the newest
    frame in pixels, (0, 0) before the first.
    """

    status: SourceStatus
    shown: int
    unreadable: int
    dropped: int
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
        self._show, self._log = show, log
        self._shown = self._unreadable = self._dropped = self._returns = 0
        self._named: set[str] = set()
        self._times: deque[float] = deque(maxlen=RATE_FRAMES)
        self._began = self._due = time.monotonic()
        self._resolution = (0, 0)
        self._thread: SourceThread[Frames, Frame] = SourceThread(
            settings.name,
            open_frames(settings),
            lambda: open_frames(settings, wait_s=0.0),
            self._read,
            self._show_one,
            log,
            first_pause_s=FIRST_RETRY_S,
            max_pause_s=MAX_RETRY_S,
            wanted=wanted,
            lost=self._count_dropped,
        )

    def start(self) -> None:
        """Begin to play, or go on where `stop` left off."""
        self._began = self._due = time.monotonic()
        self._times.clear()
        self._thread.start()

    def stop(self) -> None:
        """Stop playing; returns when the thread has ended, or after 2 s if the source hangs."""
        self._thread.stop()

    def close(self) -> None:
        """Stop playing, and let go of the source."""
        self._thread.close()

    def report(self) -> PlayerReport:
        """How it goes: state, rate and age of the last frame; any thread may ask."""
        now, times, frames = time.monotonic(), list(self._times), self._thread.source
        rate = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 and times[-1] > times[0] else 0.0
        age = now - max([self._began, *times[-1:]])
        return PlayerReport(
            status=self._thread.status,
            shown=self._shown,
            unreadable=self._unreadable,
            dropped=self._dropped + (frames.dropped if frames else 0),
            rate=0.0 if age > 2 / (rate or 1) + 1 else rate,
            age=age,
            resolution=self._resolution,
        )

    def _read(self, frames: Frames, stopping: threading.Event) -> Frame | None:
        if not frames.live:
            if stopping.wait(self._due - time.monotonic()):
                return None
            self._due = max(self._due, time.monotonic() - 1 / frames.rate) + 1 / frames.rate
        try:
            frame = frames.read()
        except InvalidImage as error:
            self._skip(error)
            return None
        except VisualByteError:
            raise
        except Exception as error:  # of one frame; the next may be whole
            self._skip(InvalidImage(f"{self.settings.name}: a frame cannot be read ({type(error).__name__}: {error})"))
            stopping.wait(ODD_PAUSE_S)
            return None
        if frame is None and not frames.live:
            raise EndOfSource
        return frame

    def _show_one(self, frame: Frame) -> None:
        if (returns := self._thread.status.returns) != self._returns:
            self._returns = returns
            self._times.clear()
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

    def _count_dropped(self, frames: Frames) -> None:
        self._dropped += frames.dropped
