# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Finding spoken names in a stream of sound: between two pauses, or while a button is held."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from visual_byte_core.capture.voice_activity import (
    VOICE_ACTIVITIES,
    EnergyVoiceActivity,
    SileroVoiceActivity,
    VoiceActivity,
)
from visual_byte_core.errors import ConfigurationError, InvalidSound
from visual_byte_core.rendering.speech import HOP, RATE

MODES = ("voice", "push_to_talk", "both")
# Where a name begins and ends in noise (docs/listening.md): frames of 25 ms, every 10 ms, five of them smoothed.
FRAME, SMOOTH = 400, 5
ROOM_PERCENTILE, OVER_ROOM_DB = 20, 3.0
MIN_AUDIBLE_S = 0.08


@dataclass(frozen=True)
class UtteranceSettings:
    """What counts as an utterance.

    Attributes:
        mode: what begins one: `voice`, `push_to_talk` (a button) or `both`.
        voice_activity: how a voice is told from other sound, `silero` or `energy`.
        voice_probability: how sure Silero VAD must be that somebody speaks, 0..1.
        threshold_dbfs: level (RMS of a window, decibels under full scale) that a voice must exceed in any case.
        above_noise_db: decibels by which it must also exceed the noise of the room, for `energy`.
        pre_roll_s: seconds kept before the first window with a voice and after the last, as far as they stand out from
            the noise of the room, so that soft consonants are not cut.
        hangover_s: seconds without a voice that end an utterance.
        min_utterance_s: seconds of voice under which it is a click and no utterance.
        max_utterance_s: seconds after which an utterance is cut; what goes on without a pause is not heard as another
            one.
    """

    mode: str = "voice"
    voice_activity: str = "silero"
    voice_probability: float = 0.5
    threshold_dbfs: float = -60.0
    above_noise_db: float = 10.0
    pre_roll_s: float = 0.25
    hangover_s: float = 0.5
    min_utterance_s: float = 0.1
    max_utterance_s: float = 4.0

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ConfigurationError(f"mode must be one of {', '.join(MODES)}, got {self.mode!r}")
        if self.voice_activity not in VOICE_ACTIVITIES:
            raise ConfigurationError(
                f"voice_activity must be one of {', '.join(VOICE_ACTIVITIES)}, got {self.voice_activity!r}"
            )
        if (
            min(self.above_noise_db, self.pre_roll_s) < 0
            or self.hangover_s <= 0
            or not 0 < self.min_utterance_s < self.max_utterance_s
        ):
            raise ConfigurationError(
                f"utterance settings must be positive, and max_utterance_s above min_utterance_s; got {self}"
            )


@dataclass(frozen=True)
class Utterance:
    """Samples of one utterance: float32 (n,), mono, in -1..1, at `rate` Hz."""

    samples: np.ndarray
    rate: int = RATE

    @property
    def seconds(self) -> float:
        """Its length, with what was kept before and after the voice."""
        return len(self.samples) / self.rate


class UtteranceDetector:
    """Takes a stream of mono samples at 16 kHz in blocks of any length and gives back the utterances in it.

    Args:
        after_silence: see `VoiceActivity.forget`.
    """

    def __init__(self, settings: UtteranceSettings = UtteranceSettings(), *, after_silence: bool) -> None:
        self.settings = settings
        self._activity = _voice_activity(settings)
        self._by_voice = settings.mode != "push_to_talk"
        self.restart(after_silence=after_silence)

    def restart(self, *, after_silence: bool) -> None:
        """Begin another stream; an utterance that was going on is forgotten."""
        self._activity.forget(after_silence=after_silence)
        self._rest = np.empty(0, np.float32)
        self._before: deque[np.ndarray] = deque(maxlen=self._windows_in(self.settings.pre_roll_s))
        self._windows: list[np.ndarray] = []
        """The utterance so far, with its pre-roll; empty in a pause."""
        self._lead = 0
        """How many of these are pre-roll."""
        self._voiced = 0
        """How many of these have a voice."""
        self._quiet = 0
        """How many windows without a voice came last."""
        self._waits_for_quiet = False
        """An utterance was cut, and what goes on is still the same."""
        self._held = False
        """The button is down."""
        self._released = 0
        """How many windows are still kept after the button went up; 0: no button has begun this utterance."""

    def hold(self) -> None:
        """The button goes down: an utterance begins or goes on, whatever is heard."""
        self._held, self._released = True, 0

    def release(self) -> None:
        """The button goes up: the utterance ends after `pre_roll_s`, as sound comes late."""
        if self._held:
            self._held, self._released = False, 1 + self._windows_in(self.settings.pre_roll_s)

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
        whole = len(samples) // self._activity.window * self._activity.window
        self._rest = samples[whole:]
        ended = (self._hear(window) for window in samples[:whole].reshape(-1, self._activity.window))
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
        voice = self._activity.hears(window)
        if not self._windows:
            self._hear_in_a_pause(window, voice)
            return None
        self._windows.append(window)
        self._quiet = 0 if voice else self._quiet + 1
        self._voiced += voice
        if self._released:
            self._released -= 1
            if not self._released:
                return self._end(whole=True)
        elif not self._held and self._seconds(self._quiet) >= self.settings.hangover_s:
            return self._end()
        if self._seconds(len(self._windows) - self._lead) >= self.settings.max_utterance_s:
            return self._end(whole=True)
        return None

    def _hear_in_a_pause(self, window: np.ndarray, voice: bool) -> None:
        if self._held or self._released or (voice and self._by_voice and not self._waits_for_quiet):
            self._windows = [*self._before, window]
            self._lead = len(self._before)
            self._voiced, self._quiet = int(voice), 0
            self._before.clear()
            return
        self._quiet = 0 if voice else self._quiet + 1
        self._waits_for_quiet &= self._seconds(self._quiet) < self.settings.hangover_s
        self._before.append(window)

    def _end(self, *, whole: bool = False) -> Utterance | None:
        """whole: it was cut, by its length or by the button, and what goes on is still the same."""
        enough = whole or self._seconds(self._voiced) >= self.settings.min_utterance_s
        windows = self._windows
        after = 0 if whole else max(0, self._quiet - self._windows_in(self.settings.pre_roll_s))
        self._before.extend(windows[len(windows) - after :])
        self._windows = []
        self._lead = self._voiced = self._quiet = self._released = 0
        self._held, self._waits_for_quiet = False, whole
        if not enough or not windows:
            return None
        samples = np.concatenate(windows)
        begin, end = audible_span(samples, len(samples) - after * self._activity.window)
        return Utterance(samples[begin:end])

    def _seconds(self, windows: int) -> float:
        return windows * self._activity.window / RATE

    def _windows_in(self, seconds: float) -> int:
        return round(seconds * RATE / self._activity.window)


def audible_span(samples: np.ndarray, end: int) -> tuple[int, int]:
    """Where an utterance, the first `end` of samples, float32 (n,) at 16 kHz, stands out from the room around it.

    A rendered name is stretched to the network's frame, so that noise left at its ends moves all of it. The level of
    the room is that of the quietest fifth; a sound that is all one level is left whole.
    """
    if end < FRAME:
        return 0, end
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP]
    power = np.var(frames, axis=1, dtype=np.float64)
    power = np.convolve(np.pad(power, SMOOTH // 2, mode="edge"), np.ones(SMOOTH) / SMOOTH, "valid")
    room = np.percentile(power, ROOM_PERCENTILE)
    loud = np.flatnonzero(power[: 1 + (end - FRAME) // HOP] > room * 10 ** (OVER_ROOM_DB / 10))
    if len(loud) * HOP < MIN_AUDIBLE_S * RATE:
        return 0, end
    return max(0, int(loud[0]) - 1) * HOP, min(end, (int(loud[-1]) + 1) * HOP + FRAME)


def _voice_activity(settings: UtteranceSettings) -> VoiceActivity:
    if settings.voice_activity == "energy":
        return EnergyVoiceActivity(settings.threshold_dbfs, settings.above_noise_db)
    return SileroVoiceActivity(settings.threshold_dbfs, settings.voice_probability)
