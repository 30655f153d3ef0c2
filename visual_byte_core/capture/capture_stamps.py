# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Times of capture that never go back, although the system's clock may be set back."""

from __future__ import annotations


class CaptureStamps:
    """Turns times of the monotonic clock into stamps of the system's clock, each later than the one before.

    When the system's clock is set forward the stamps follow. When it is set back they go on at the pace of life, ahead
    of it by as much.
    """

    def __init__(self) -> None:
        self._offset: int | None = None
        self._last = 0
        self.ahead = 0.0
        """Seconds by which the newest stamp is ahead of the system's clock, because that was set back."""

    def stamp(self, captured_at: float, system: int, monotonic: float) -> int:
        """Nanoseconds since 1970 of a capture at `captured_at`, seconds of the monotonic clock.

        Args:
            system: nanoseconds since 1970 now.
            monotonic: seconds now, read just after `system`.
        """
        offset = system - round(monotonic * 1e9)
        self._offset = offset if self._offset is None else max(self._offset, offset)
        self.ahead = (self._offset - offset) * 1e-9
        self._last = max(self._last + 1, round(captured_at * 1e9) + self._offset)
        return self._last
