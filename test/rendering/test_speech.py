# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Spoken names become log-mel images: whatever the loudness, the rate and the channels."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
import soxr

from visual_byte_core.errors import InvalidSound
from visual_byte_core.rendering.settings import SpeechSettings
from visual_byte_core.rendering.speech import RATE, mel_spectrogram, read_sound, render_speech
from visual_byte_testing.paths import BANANA, GOLDEN


@pytest.fixture(scope="module")
def banana() -> np.ndarray:
    samples, rate = read_sound(BANANA)
    assert rate == RATE
    return samples


def test_speech_agrees_with_its_golden_image(banana: np.ndarray) -> None:
    golden = cv2.imread(str(GOLDEN / "speech_96.png"))[:, :, ::-1]
    assert np.abs(render_speech(banana, RATE, 96).astype(int) - golden).max() <= 1


def test_mel_spectrogram_agrees_with_librosa(banana: np.ndarray) -> None:
    # librosa 0.11: melspectrogram(n_fft=512, hop_length=160, win_length=400, n_mels=80, pad_mode="reflect")
    librosa = np.load(GOLDEN / "librosa_mel.npy")
    ours = mel_spectrogram(banana)
    assert ours.shape == librosa.shape
    assert np.abs(ours - librosa).max() <= 1e-3 * librosa.max()
    loud = librosa > 1e-6 * librosa.max()
    assert (np.abs(ours - librosa)[loud] / librosa[loud]).max() <= 1e-3


def test_a_quiet_microphone_gives_the_same_image(banana: np.ndarray) -> None:
    loud, quiet = (render_speech(banana * gain, RATE, 96).astype(int) for gain in (1.0, 0.01))
    assert np.abs(loud - quiet).max() <= 1


def test_silence_around_the_name_makes_no_difference(banana: np.ndarray) -> None:
    padded = np.concatenate([np.zeros(8000), banana, np.zeros(12000)]).astype(np.float32)
    # Trimming moves by whole hops, so the picture may shift by a part of a column.
    assert np.abs(render_speech(padded, RATE, 96).astype(int) - render_speech(banana, RATE, 96)).mean() < 6


def test_low_frequencies_lie_at_the_bottom_and_time_runs_right() -> None:
    t = np.arange(RATE) / RATE
    image = render_speech(np.where(t < 0.5, np.sin(2 * np.pi * 200 * t), np.sin(2 * np.pi * 4000 * t)), RATE, 96)
    rows = image[:, :, 0].argmax(axis=0)
    assert rows[10:40].min() > 80 and rows[56:86].max() < 40


@pytest.mark.parametrize("warp", ["spectrogram", "waveform"])
def test_both_warps_fill_the_frame(banana: np.ndarray, warp: str) -> None:
    image = render_speech(banana, RATE, 96, SpeechSettings(warp=warp))
    assert image.min() == 0 and image.max() > 230


def test_stretching_the_spectrogram_keeps_the_pitch_and_stretching_samples_does_not() -> None:
    tone = np.sin(2 * np.pi * 2000 * np.arange(RATE // 2) / RATE)
    rows = {
        w: render_speech(tone, RATE, 96, SpeechSettings(warp=w))[:, 48, 0].argmax() for w in ("spectrogram", "waveform")
    }
    assert rows["waveform"] > rows["spectrogram"] + 15  # 500 Hz instead of 2,000


def test_eight_channels_at_96_khz_are_heard_like_one_at_16(banana: np.ndarray) -> None:
    fast = soxr.resample(banana, RATE, 96000)
    image = render_speech(np.repeat(fast[:, None], 8, axis=1), 96000, 96)
    assert np.abs(image.astype(int) - render_speech(banana, RATE, 96)).mean() < 4


def test_integer_samples_are_read_at_full_scale(banana: np.ndarray) -> None:
    whole = np.round(banana * 32767).astype(np.int16)
    assert np.abs(render_speech(whole, RATE, 96).astype(int) - render_speech(banana, RATE, 96)).mean() < 2


@pytest.mark.parametrize(
    ("samples", "rate", "reason"),
    [
        (np.zeros(RATE), RATE, "silent"),
        (np.full(RATE, 0.3), RATE, "silent"),
        (np.sin(np.arange(800) / 5), RATE, "0.05 s"),
        (np.random.default_rng(0).standard_normal(RATE * 20) / 9, RATE, "20.0. s"),
        (np.r_[np.nan, np.zeros(RATE)], RATE, "NaN"),
        (np.zeros(0), RATE, "expected samples"),
        (np.zeros((4, 4, 4)), RATE, "expected samples"),
        (np.ones(RATE), 7, "at 7 Hz"),
        (np.ones(RATE, np.uint8), RATE, "uint8"),
    ],
    ids=["silent", "constant", "50 ms", "20 s", "NaN", "empty", "three dimensions", "7 Hz", "uint8"],
)
def test_what_is_no_name_is_refused(samples: np.ndarray, rate: int, reason: str) -> None:
    with pytest.raises(InvalidSound, match=reason):
        render_speech(samples, rate, 96)


def test_what_is_no_sound_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "no.wav").write_bytes(b"RIFF nothing")
    for name in ("no.wav", "missing.wav"):
        with pytest.raises(InvalidSound, match=name):
            read_sound(tmp_path / name)


def test_files_of_eight_channels_are_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "eight.wav", np.zeros((100, 8)), 96000)
    samples, rate = read_sound(tmp_path / "eight.wav")
    assert samples.shape == (100, 8) and rate == 96000
