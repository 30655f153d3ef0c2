# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Finding spoken names in a stream of sound by their energy over the noise of the room."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from visual_byte_core.errors import ConfigurationError, InvalidSound

WINDOW_SECONDS = 0.02
# The room's noise is the quietest of the last windows: longer than any utterance goes without a pause.
NOISE_SECONDS = 4.5
SILENCE_DBFS = -120.0


@dataclass(frozen=True)
class UtteranceSettings:
    """What counts as an utterance.

    threshold_dbfs: level (RMS of 20 ms, decibels under full scale) that speech must exceed in any case.
    above_noise_db: decibels by which it must also exceed the noise of the room.
    pre_roll: seconds kept before the first loud window and after the last, so that soft consonants are not cut off.
    hangover: seconds of quiet that end an utterance.
    shortest: seconds of loud windows under which it is a click and no utterance.
    longest: seconds after which an utterance is cut; what goes on without a pause is not heard as another one.
    """

    threshold_dbfs: float = -60.0
    above_noise_db: float = 10.0
    pre_roll: float = 0.15
    hangover: float = 0.5
    shortest: float = 0.1
    longest: float = 4.0

    def __post_init__(self) -> None:
        if min(self.above_noise_db, self.pre_roll) < 0 or self.hangover <= 0 or not 0 < self.shortest < self.longest:
            raise ConfigurationError(f"utterance settings must be positive, and longest above shortest; got {self}")


@dataclass(frozen=True)
class Utterance:
    """Samples of one utterance: float32 (n,), mono, in -1..1, at `rate` Hz."""

    samples: np.ndarray
    rate: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate


class UtteranceDetector:
    """Takes a stream of mono samples at `rate` Hz in blocks of any length and gives back the utterances in it.

    after_silence: what came before the first sample counts as silence (a recording); otherwise it is unknown, and
    a noise that is there from the start is the room's (a microphone).
    """

    def __init__(self, rate: int, settings: UtteranceSettings = UtteranceSettings(), *, after_silence: bool) -> None:
        self.rate = rate
        self.settings = settings
        self.level_dbfs = SILENCE_DBFS
        """Level of the latest window."""
        self._window = max(1, round(rate * WINDOW_SECONDS))
        noise_windows = round(NOISE_SECONDS / WINDOW_SECONDS)
        self._noise = deque([SILENCE_DBFS] * noise_windows if after_silence else [], maxlen=noise_windows)
        self._rest = np.empty(0, np.float32)
        self._before: deque[np.ndarray] = deque(maxlen=round(settings.pre_roll / WINDOW_SECONDS))
        self._windows: list[np.ndarray] = []
        """The utterance so far, with its pre-roll; empty in a pause."""
        self._lead = 0
        """How many of these are pre-roll."""
        self._loud = 0
        """How many of these are loud."""
        self._quiet = 0
        """How many quiet windows came last."""
        self._waits_for_quiet = False
        """An utterance was cut, and what goes on is still the same."""

    @property
    def noise_dbfs(self) -> float:
        """The room's noise as heard so far."""
        return min(self._noise, default=SILENCE_DBFS)

    def push(self, samples: np.ndarray) -> list[Utterance]:
        """Hear float32 samples (n,) in -1..1 and return the utterances that ended in them.

        Raises:
            InvalidSound: not one channel, or NaN or infinite samples; nothing of the block is heard then.
        """
        if samples.ndim != 1 or not np.isfinite(samples).all():
            raise InvalidSound(
                f"sound: expected finite mono samples, got shape {samples.shape} with NaN or infinite values or several"
                " channels; check the driver or record again"
            )
        samples = np.concatenate([self._rest, samples.astype(np.float32, copy=False)])
        whole = len(samples) // self._window * self._window
        self._rest = samples[whole:]
        ended = (self._hear(window) for window in samples[:whole].reshape(-1, self._window))
        return [utterance for utterance in ended if utterance is not None]

    def finish(self) -> Utterance | None:
        """End the stream: the utterance that was going on, if it is long enough."""
        if self._windows and len(self._rest):
            self._windows.append(self._rest)
        self._rest = np.empty(0, np.float32)
        utterance = self._end()
        self._before.clear()
        self._waits_for_quiet = False
        return utterance

    def _hear(self, window: np.ndarray) -> Utterance | None:
        self.level_dbfs = _dbfs(window)
        self._noise.append(self.level_dbfs)
        loud = self.level_dbfs > max(self.settings.threshold_dbfs, self.noise_dbfs + self.settings.above_noise_db)
        if not self._windows:
            self._hear_in_a_pause(window, loud)
            return None
        self._windows.append(window)
        self._quiet = 0 if loud else self._quiet + 1
        self._loud += loud
        if self._quiet * WINDOW_SECONDS >= self.settings.hangover:
            return self._end()
        if (len(self._windows) - self._lead) * WINDOW_SECONDS >= self.settings.longest:
            self._waits_for_quiet = True
            return self._end()
        return None

    def _hear_in_a_pause(self, window: np.ndarray, loud: bool) -> None:
        if self._waits_for_quiet:
            self._quiet = 0 if loud else self._quiet + 1
            self._waits_for_quiet = self._quiet * WINDOW_SECONDS < self.settings.hangover
        elif loud:
            self._windows = [*self._before, window]
            self._lead = len(self._before)
            self._loud, self._quiet = 1, 0
            self._before.clear()
            return
        self._before.append(window)

    def _end(self) -> Utterance | None:
        long_enough = self._loud * WINDOW_SECONDS >= self.settings.shortest
        kept = len(self._windows) - max(0, self._quiet - round(self.settings.pre_roll / WINDOW_SECONDS))
        windows = self._windows[:kept]
        self._before.extend(self._windows[kept:])
        self._windows = []
        self._lead = self._loud = self._quiet = 0
        return Utterance(np.concatenate(windows), self.rate) if long_enough else None


def _dbfs(samples: np.ndarray) -> float:
    """Level without the mean, which is the driver's and no sound; 0 is a square wave of full scale."""
    power = float(np.var(samples, dtype=np.float64))
    return max(SILENCE_DBFS, 10 * np.log10(power)) if power > 0 else SILENCE_DBFS
