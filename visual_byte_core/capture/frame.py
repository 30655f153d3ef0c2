# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A frame, and what every source of frames can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Frame:
    """One picture of a source.

    Attributes:
        image: uint8 (height, width, 3).
        channel_order: `rgb` or `bgr`.
        name: the file, or the video and frame number.
        captured_at: seconds of the monotonic clock when the camera delivered it, or when it was read from a file.
        jpeg: the same picture as the camera sent it, if it sends JPEG; else empty.
    """

    image: np.ndarray
    channel_order: str
    name: str
    captured_at: float
    jpeg: bytes = b""


class Frames(Protocol):
    """A source of frames that is open."""

    live: bool
    """Frames come at their own pace, and the newest one counts."""
    rate: float
    """Frames a second to play at."""
    dropped: int
    """Frames that were due and that a newer one replaced before they were read."""

    def read(self) -> Frame | None:
        """The next frame; None after the last or, of a live source, if there is no new one yet.

        Raises:
            InvalidImage: this one cannot be read; the next call reads on after it.
            DeviceError: the source is lost.
        """

    def close(self) -> None:
        """Let go of the device or file; `closed` tells when that is done."""

    @property
    def closed(self) -> bool:
        """Whether `close` was called and everything is let go of: a driver that hangs may take its time."""
