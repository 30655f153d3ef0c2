# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What a microphone hears, for the one who sets it up: level, noise of the room, clipping, and whether it is muted."""

from __future__ import annotations

from collections import deque

import numpy as np

from visual_byte_core.capture.sound_source import BLOCK_S, Block
from visual_byte_core.capture.voice_activity import ENERGY_WINDOW, SILENCE_DBFS, NoiseFloor, dbfs
from visual_byte_core.rendering.speech import RATE

CLIPPED_SHARE = 0.01
CLIPPED_S = 3.0  # longer than diagnostics are apart
LEVEL_S = 0.1
SILENT_S = 5.0
CANCELLED_S = 1.0
# A hundredth of a 16-bit step: what the resampler leaves of a constant. Every real room is louder.
SAME = 3e-7


class Meter:
    """Hears the blocks of one source."""

    def __init__(self) -> None:
        self._noise = NoiseFloor()
        self._levels: deque[float] = deque(maxlen=round(LEVEL_S * RATE / ENERGY_WINDOW))
        self._clipped: deque[float] = deque(maxlen=round(CLIPPED_S / BLOCK_S))
        self._silent = self._cancelled = 0

    @property
    def level_dbfs(self) -> float:
        """Level of the loudest 20 ms in the latest tenth of a second, decibels under full scale."""
        return max(self._levels, default=SILENCE_DBFS)

    @property
    def noise_dbfs(self) -> float:
        """Level of the room's noise, decibels under full scale."""
        return self._noise.dbfs

    @property
    def clipped(self) -> float:
        """Share of samples at full scale in the latest 3 s, 0..1."""
        return sum(self._clipped) / max(1, len(self._clipped))

    @property
    def silent_s(self) -> float:
        """For how long every sample was the same."""
        return self._silent / RATE

    def hear(self, block: Block) -> None:
        """What finite samples say."""
        for start in range(0, len(block.samples), ENERGY_WINDOW):
            level = dbfs(block.samples[start : start + ENERGY_WINDOW])
            self._levels.append(level)
            self._noise.hear(level)
        self._clipped.append(block.clipped)
        same = len(block.samples) == 0 or float(np.ptp(block.samples)) < SAME
        self._silent = self._silent + len(block.samples) if same else 0
        self._cancelled = self._cancelled + len(block.samples) if block.cancelled else 0

    def warning(self) -> str:
        """What is wrong with the sound and what to do; empty if nothing is."""
        if self._cancelled > CANCELLED_S * RATE:
            return "the channels of the microphone cancel one another (opposite phase): set channel to 1"
        if self.silent_s > SILENT_S:
            return f"only digital silence for {self.silent_s:.0f} s: is the microphone muted?"
        if self.clipped > CLIPPED_SHARE:
            return f"{self.clipped:.0%} of the samples are clipped: lower the gain of the microphone"
        return ""
