# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Utterances in a stream: found, kept whole, separated; noise, clicks and silence are none."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from visual_byte_core.capture.utterance_detector import Utterance, UtteranceDetector, UtteranceSettings, audible_span
from visual_byte_core.errors import ConfigurationError, InvalidSound
from visual_byte_testing.paths import BANANA as BANANA_FILE

RATE = 16_000
ENERGY = UtteranceSettings(voice_activity="energy")
BANANA = soundfile.read(BANANA_FILE, dtype="float32")[0]


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


def tone(seconds: float, level: float = 0.3) -> np.ndarray:
    return (level * np.sin(2 * np.pi * 300 * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def noise(seconds: float, level: float, seed: int = 0) -> np.ndarray:
    return (level * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


def hear(*parts: np.ndarray, block: int = 800, after_silence: bool = True, **settings: object) -> list[Utterance]:
    """What the detector hears in the parts, given in blocks, and at their end; by energy, as tones are no speech."""
    settings = {"voice_activity": "energy", **settings}
    detector = UtteranceDetector(UtteranceSettings(**settings), after_silence=after_silence)  # type: ignore[arg-type]
    sound = np.concatenate(parts)
    heard = [u for start in range(0, len(sound), block) for u in detector.push(sound[start : start + block])]
    last = detector.finish()
    return heard + ([last] if last else [])


def test_two_names_with_a_pause_are_two_utterances() -> None:
    first, second = hear(silence(1), tone(0.4), silence(0.8), tone(0.6), silence(1))
    assert first.seconds == pytest.approx(0.4, abs=0.1)
    assert second.seconds == pytest.approx(0.6, abs=0.1)
    assert first.rate == RATE and first.samples.dtype == np.float32


def test_the_samples_are_those_of_the_stream() -> None:
    (utterance,) = hear(silence(1), tone(0.5), silence(1))
    assert np.sum(utterance.samples**2) == pytest.approx(np.sum(tone(0.5) ** 2), rel=1e-5)


def test_a_short_pause_does_not_split_a_name() -> None:
    (utterance,) = hear(silence(0.5), tone(0.3), silence(0.3), tone(0.3), silence(1))
    assert utterance.seconds == pytest.approx(0.9, abs=0.1)


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
    assert utterance.seconds == pytest.approx(4 + 0.25, abs=0.04)


def test_after_a_cut_the_next_name_is_heard_again() -> None:
    assert len(hear(silence(1), tone(5), silence(0.8), tone(0.4), silence(1))) == 2


def test_a_constant_offset_is_no_sound() -> None:
    assert hear(silence(1) + np.float32(0.4)) == []


def test_not_finite_samples_are_refused_and_the_next_are_heard() -> None:
    detector = UtteranceDetector(ENERGY, after_silence=True)
    with pytest.raises(InvalidSound, match="NaN"):
        detector.push(np.array([0, np.nan], np.float32))
    detector.push(tone(0.5))
    assert detector.finish() is not None


def test_several_channels_are_refused() -> None:
    with pytest.raises(InvalidSound, match=r"\(100, 2\)"):
        UtteranceDetector(ENERGY, after_silence=True).push(np.zeros((100, 2), np.float32))


def test_soft_sounds_around_a_voice_are_kept_as_far_as_they_stand_out() -> None:
    """A consonant too soft to be a voice belongs to the name; the room around it does not."""
    soft = tone(0.15, 0.01)
    (utterance,) = hear(noise(2, 0.001), soft, tone(0.4), soft, noise(1, 0.001), threshold_dbfs=-30)
    assert utterance.seconds == pytest.approx(0.7, abs=0.1)
    (bare,) = hear(noise(2, 0.001), soft, tone(0.4), soft, noise(1, 0.001), threshold_dbfs=-30, pre_roll_s=0.0)
    assert bare.seconds == pytest.approx(0.4, abs=0.05)


def test_a_sound_of_one_level_is_left_whole() -> None:
    assert audible_span(tone(1.0), RATE) == (0, RATE)
    assert audible_span(tone(0.01), 160) == (0, 160)


@pytest.mark.parametrize("settings", [{"mode": "telepathy"}, {"voice_activity": "luck"}])
def test_choices_that_are_none(settings: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="must be one of"):
        UtteranceSettings(**settings)  # type: ignore[arg-type]


# Silero VAD


def in_a_room(*parts: np.ndarray, level: float = 0.002) -> np.ndarray:
    sound = np.concatenate(parts)
    return sound + noise(len(sound) / RATE, level)[: len(sound)]


def test_spoken_names_are_found_by_silero_and_cut_where_they_are() -> None:
    sound = in_a_room(silence(2), BANANA, silence(1.5), BANANA, silence(1.5))
    heard = hear(sound, after_silence=False, voice_activity="silero")
    spoken = np.ptp(np.flatnonzero(np.abs(BANANA) > 0.02)) / RATE
    assert [u.seconds for u in heard] == [pytest.approx(spoken, abs=0.3)] * 2


def test_a_name_after_a_long_pause_is_found_as_well() -> None:
    """The state of the network drifts in a pause unless it is made to forget."""
    assert len(hear(in_a_room(silence(30), BANANA, silence(1)), after_silence=False, voice_activity="silero")) == 1


def test_noise_that_begins_and_ends_is_no_voice_to_silero() -> None:
    sound = in_a_room(silence(1), noise(1, 0.1), silence(1), noise(0.3, 0.02, 1), silence(1), noise(3, 0.05, 2))
    assert hear(sound, after_silence=False, voice_activity="silero") == []
    assert len(hear(sound, after_silence=False)) >= 2


# A button


def held(before: float, hold: float, *, mode: str = "push_to_talk", sound: np.ndarray | None = None) -> list[Utterance]:
    """What is heard of 12 s of a quiet room, or of another sound, of which the button is held for a while."""
    sound = noise(12, 1e-4) if sound is None else sound
    detector = UtteranceDetector(UtteranceSettings(mode=mode), after_silence=False)
    heard: list[Utterance] = []
    for start in range(0, len(sound), 800):
        if start == round(before * RATE):
            detector.hold()
        if start == round((before + hold) * RATE):
            detector.release()
        heard += detector.push(sound[start : start + 800])
    return heard


def test_a_button_holds_an_utterance_with_pre_roll_and_the_sound_that_comes_late() -> None:
    (utterance,) = held(2.0, 1.0)
    assert utterance.seconds == pytest.approx(0.25 + 1.0 + 0.25, abs=0.12)


def test_without_the_button_nothing_is_heard() -> None:
    sound = in_a_room(silence(1), BANANA, silence(2))
    assert held(99, 1, sound=sound) == []
    assert len(held(99, 1, sound=sound, mode="both")) == 1


def test_a_button_that_is_tapped_is_an_utterance_too() -> None:
    (utterance,) = held(2.0, 0.0)
    assert utterance.seconds == pytest.approx(0.5, abs=0.12)


def test_a_button_that_is_never_released_ends_with_the_longest_utterance() -> None:
    (utterance,) = held(2.0, 99)
    assert utterance.seconds == pytest.approx(4.25, abs=0.12)


def test_a_button_held_over_a_voice_is_one_utterance() -> None:
    sound = in_a_room(silence(1), BANANA, silence(0.8), BANANA, silence(2))
    begin = 1.5 // 0.05 * 0.05
    assert len(held(begin, 2.0, sound=sound, mode="both")) == 1
    assert len(held(99, 2.0, sound=sound, mode="both")) == 2


@pytest.mark.parametrize("settings", [{"hangover_s": 0}, {"min_utterance_s": 4.5}, {"pre_roll_s": -1}])
def test_settings_that_contradict_each_other(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="must be positive, and max_utterance_s above min_utterance_s"):
        UtteranceSettings(**settings)  # type: ignore[arg-type]
