# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A source of sound: what one is, and which one the settings name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from visual_byte_core.errors import ConfigurationError, InvalidSound

SOURCES = ("device", "folder")
BLOCK_S = 0.05
FULL_SCALE = 0.999
MAX_CHANNELS = 64


@dataclass(frozen=True)
class SoundSettings:
    """Where sound comes from.

    source: `device` (a microphone) or `folder` (recordings in it and below it, in the order of their paths).
    device: the microphone's index or part of its name; empty for the system's default.
    channel: the channel of the microphone that is heard, from 1; 0 is the mean of all.
    folder: the folder of recordings.
    speed: how many times faster than life recordings are played.
    loop: start again after the last recording.
    """

    source: str = "device"
    device: str = ""
    channel: int = 0
    folder: str = ""
    speed: float = 1.0
    loop: bool = False

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise ConfigurationError(f"source must be one of {', '.join(SOURCES)}, got {self.source!r}")
        if self.source == "folder" and not self.folder:
            raise ConfigurationError("folder is empty; source 'folder' needs the folder of recordings to play")
        if self.speed <= 0:
            raise ConfigurationError(f"speed must be positive, got {self.speed}")
        if not 0 <= self.channel <= MAX_CHANNELS:
            raise ConfigurationError(f"channel must be 0 (the mean of all) to {MAX_CHANNELS}, got {self.channel}")

    @property
    def name(self) -> str:
        """What is heard, to show."""
        return self.folder or self.device or "the default microphone"


@dataclass(frozen=True)
class Block:
    """A short piece of sound.

    samples: float32 (n,), mono, 16 kHz, in -1..1. name: the recording's file name without suffix, empty for a
    microphone. clipped: share of the source's samples at full scale, 0..1. ends: the recording ends with it.
    cancelled: the channels of its source are of opposite phase, so that their mean is nothing.
    """

    samples: np.ndarray
    name: str = ""
    clipped: float = 0.0
    ends: bool = False
    cancelled: bool = False


class Sounds(Protocol):
    """A source of sound that is open."""

    live: bool

    def begin(self) -> None:
        """Forget what was said while nobody listened."""

    def read(self, timeout_s: float) -> Block | None:
        """The next block when its time has come; None if it has not within `timeout_s`.

        Raises:
            EndOfSource: there is no more.
            UnreadableRecording: this recording cannot be read; the next call reads on after it.
            DeviceError: the source is lost.
        """

    def close(self) -> None:
        """Let go of the device or file."""

    @property
    def closed(self) -> bool:
        """Whether `close` was called and everything is let go of."""


class UnreadableRecording(InvalidSound):
    """A recording that cannot be played; `name` is its file name without suffix."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def clipped_share(samples: np.ndarray) -> float:
    """Share of samples at full scale, 0..1."""
    return float((np.abs(samples) >= FULL_SCALE).mean()) if samples.size else 0.0
