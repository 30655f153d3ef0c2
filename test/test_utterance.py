# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Utterances in a stream: found, kept whole, separated; noise, clicks and silence are none."""

from __future__ import annotations

import numpy as np
import pytest

from visual_byte_core.capture.utterance import Utterance, UtteranceDetector, UtteranceSettings
from visual_byte_core.errors import ConfigurationError, InvalidSound

RATE = 16_000


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


def tone(seconds: float, level: float = 0.3) -> np.ndarray:
    return (level * np.sin(2 * np.pi * 300 * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def noise(seconds: float, level: float, seed: int = 0) -> np.ndarray:
    return (level * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


def hear(*parts: np.ndarray, block: int = 800, after_silence: bool = True, **settings: float) -> list[Utterance]:
    """What the detector hears in the parts, given in blocks, and at their end."""
    detector = UtteranceDetector(RATE, UtteranceSettings(**settings), after_silence=after_silence)
    sound = np.concatenate(parts)
    heard = [u for start in range(0, len(sound), block) for u in detector.push(sound[start : start + block])]
    last = detector.finish()
    return heard + ([last] if last else [])


def test_two_names_with_a_pause_are_two_utterances_with_pre_roll() -> None:
    first, second = hear(silence(1), tone(0.4), silence(0.8), tone(0.6), silence(1))
    assert first.seconds == pytest.approx(0.4 + 2 * 0.15, abs=0.04)
    assert second.seconds == pytest.approx(0.6 + 2 * 0.15, abs=0.04)
    assert first.rate == RATE and first.samples.dtype == np.float32


def test_the_samples_are_those_of_the_stream() -> None:
    (utterance,) = hear(silence(1), tone(0.5), silence(1))
    assert np.sum(utterance.samples**2) == pytest.approx(np.sum(tone(0.5) ** 2), rel=1e-5)


def test_a_short_pause_does_not_split_a_name() -> None:
    (utterance,) = hear(silence(0.5), tone(0.3), silence(0.3), tone(0.3), silence(1))
    assert utterance.seconds == pytest.approx(0.9 + 2 * 0.15, abs=0.04)


def test_a_recording_may_begin_and_end_with_speech() -> None:
    (utterance,) = hear(tone(0.5))
    assert utterance.seconds == pytest.approx(0.5)


@pytest.mark.parametrize("block", [1, 7, 160, 4096, 10**6])
def test_blocks_of_any_length_give_the_same(block: int) -> None:
    parts = (silence(0.2), tone(0.2), silence(0.7), tone(0.2))
    if block == 1:
        parts = (silence(0.02), tone(0.2))
    expected, got = hear(*parts), hear(*parts, block=block)
    assert [u.seconds for u in expected] == [u.seconds for u in got] and len(got) >= 1


@pytest.mark.parametrize("sound", [silence(3), tone(0.05), noise(3, 1e-4), tone(1, 1e-4), np.empty(0, np.float32)])
def test_silence_clicks_and_a_quiet_room_are_no_utterances(sound: np.ndarray) -> None:
    assert hear(sound) == []


def test_a_name_in_a_loud_room_is_found() -> None:
    room = noise(4, 0.02)
    room[3 * RATE : round(3.5 * RATE)] += tone(0.5)
    (utterance,) = hear(room, after_silence=False)
    assert 0.5 <= utterance.seconds <= 0.9


def test_a_fan_that_starts_is_at_most_one_utterance() -> None:
    heard = hear(noise(3, 1e-4), noise(15, 0.05), after_silence=False)
    assert len(heard) <= 1


def test_a_long_sound_is_cut_and_its_rest_is_no_second_name() -> None:
    (utterance,) = hear(silence(1), tone(3.9), tone(1.9), silence(1))
    assert utterance.seconds == pytest.approx(4 + 0.15, abs=0.04)


def test_after_a_cut_the_next_name_is_heard_again() -> None:
    assert len(hear(silence(1), tone(5), silence(0.8), tone(0.4), silence(1))) == 2


def test_a_constant_offset_is_no_sound() -> None:
    assert hear(silence(1) + np.float32(0.4)) == []


def test_not_finite_samples_are_refused_and_the_next_are_heard() -> None:
    detector = UtteranceDetector(RATE, after_silence=True)
    with pytest.raises(InvalidSound, match="NaN"):
        detector.push(np.array([0, np.nan], np.float32))
    detector.push(tone(0.5))
    assert detector.finish() is not None


def test_several_channels_are_refused() -> None:
    with pytest.raises(InvalidSound, match=r"\(100, 2\)"):
        UtteranceDetector(RATE, after_silence=True).push(np.zeros((100, 2), np.float32))


def test_levels() -> None:
    detector = UtteranceDetector(RATE, after_silence=False)
    detector.push(tone(1, 0.1))
    assert detector.level_dbfs == pytest.approx(20 * np.log10(0.1 / np.sqrt(2)), abs=0.2)
    detector.push(silence(0.5))
    assert detector.level_dbfs == detector.noise_dbfs == -120


@pytest.mark.parametrize("settings", [{"hangover": 0}, {"shortest": 4.5}, {"pre_roll": -1}])
def test_settings_that_contradict_each_other(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        UtteranceSettings(**settings)
