# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A recorded word is speech, loud or quiet and at any rate; music, beeps, noise and clicks are not."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import soxr

from visual_byte_core.capture.speech_likeness import DEFAULT_SPEECH_PROBABILITY, SpeechLikeness
from visual_byte_core.errors import InvalidSound
from visual_byte_core.rendering.sound_signal import RATE
from visual_byte_testing.paths import BANANA

GENERATOR = np.random.default_rng(0)
TIME = np.arange(RATE) / RATE


def harmonics(hz: float) -> np.ndarray:
    return sum(np.sin(2 * np.pi * hz * n * TIME) / n for n in range(1, 5)) / 4


@pytest.fixture(scope="module")
def banana() -> np.ndarray:
    samples, rate = soundfile.read(BANANA)
    assert rate == RATE
    return samples


@pytest.fixture(scope="module")
def likeness() -> SpeechLikeness:
    return SpeechLikeness()


def test_a_spoken_word_is_speech(likeness: SpeechLikeness, banana: np.ndarray) -> None:
    for samples, rate in (
        (banana, RATE),
        (banana * 0.001, RATE),
        (soxr.resample(banana, RATE, 44_100), 44_100),
        (np.stack([banana, banana], axis=1).astype(np.float32), RATE),
    ):
        likeness.check(samples, rate, DEFAULT_SPEECH_PROBABILITY)


@pytest.mark.parametrize(
    "sound",
    [
        pytest.param(0.3 * np.sin(2 * np.pi * 300 * TIME), id="beep"),
        pytest.param(0.1 * GENERATOR.normal(size=RATE), id="noise"),
        pytest.param(np.where(np.arange(RATE) % 4000 < 20, 0.8, 0.0), id="clicks"),
        pytest.param(harmonics(220) + harmonics(277) + harmonics(330), id="chord"),
    ],
)
def test_other_sounds_are_not(likeness: SpeechLikeness, sound: np.ndarray) -> None:
    with pytest.raises(InvalidSound, match="no speech .*`speech_probability` asks for 0.8"):
        likeness.check(sound, RATE, DEFAULT_SPEECH_PROBABILITY)
    likeness.check(sound, RATE, 0)  # every sound asks


@pytest.mark.parametrize(
    ("sound", "says"), [(np.zeros(RATE), "silent, every sample is 0"), (np.zeros(0), "expected samples")]
)
def test_silence_and_nothing_have_their_own_words(likeness: SpeechLikeness, sound: np.ndarray, says: str) -> None:
    with pytest.raises(InvalidSound, match=says):
        likeness.check(sound, RATE, DEFAULT_SPEECH_PROBABILITY)
    likeness.check(sound, RATE, 0)


def test_what_was_heard_before_makes_no_difference(likeness: SpeechLikeness, banana: np.ndarray) -> None:
    first = likeness.probability(banana, RATE)
    likeness.probability(harmonics(220), RATE)
    assert likeness.probability(banana, RATE) == first
