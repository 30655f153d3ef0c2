# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Playing frames at their rate, in a thread that survives whatever happens to the source."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from visual_byte_core.capture.frames import Frame, Frames, FrameSettings, open_frames
from visual_byte_core.errors import DeviceError, InvalidImage
from visual_byte_core.log import Log

RETRY_SECONDS = 1.0


class FramePlayer:
    """Shows the frames of a source, one call of `show` each, in a thread of its own.

    A frame that cannot be read is named and skipped. A source that is lost is named and opened again every second.
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
        self.state = "stopped"
        """`stopped`, `playing`, `waiting for a subscriber`, `ended`, or `lost: ` and why."""
        self.shown = 0
        self.unreadable: set[str] = set()
        """One message for each frame that could not be read."""
        self.newest = time.monotonic()
        """When the newest frame was shown, or playing began, by the monotonic clock."""
        self._show = show
        self._log = log
        self._wanted = wanted
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._frames: Frames | None = open_frames(settings)

    def start(self) -> None:
        """Begin to play, or go on where `stop` left off."""
        self._stopping.clear()
        self.newest = time.monotonic()
        self._thread = threading.Thread(target=self._play, name="frames", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop playing; returns when the thread has ended."""
        self._stopping.set()
        if self._thread:
            self._thread.join()
            self._thread = None
        self.state = "stopped"

    def close(self) -> None:
        self.stop()
        if self._frames:
            self._frames.close()
            self._frames = None

    def _play(self) -> None:
        due = time.monotonic()
        while not self._stopping.is_set() and self.state != "ended":
            frames = self._frames or self._open_again()
            if frames is None:
                self._stopping.wait(RETRY_SECONDS)
            elif frames.live:
                self._show_next(frames)
            elif not self._wanted():
                self.state = "waiting for a subscriber"
                self._stopping.wait(0.05)
            elif not self._stopping.wait(due - time.monotonic()):
                due = max(due, time.monotonic() - 1 / frames.rate) + 1 / frames.rate
                self._show_next(frames)

    def _show_next(self, frames: Frames) -> None:
        try:
            frame = frames.read()
        except InvalidImage as error:
            if str(error) not in self.unreadable:
                self.unreadable.add(str(error))
                self._log.warning(f"{error} (skipped)")
            return
        except DeviceError as error:
            self._lose(frames, error)
            return
        if frame is None:
            self.state = "ended"
            self._log.info(f"{self.settings.path}: the last frame was shown")
            return
        self.state = "playing"
        self.newest = time.monotonic()
        self.shown += 1
        self._show(frame)

    def _lose(self, frames: Frames, error: DeviceError) -> None:
        if self.state != f"lost: {error}":
            self._log.error(f"{error}; trying again every {RETRY_SECONDS:g} s")
        self.state = f"lost: {error}"  # before closing: a driver that hangs may take its time for that
        self._frames = None
        frames.close()

    def _open_again(self) -> Frames | None:
        try:
            self._frames = open_frames(self.settings)
        except DeviceError:
            return None  # why is in `state` already
        return self._frames
