# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Sounds in training: torchaudio's changes of them, and their pictures, which are the robot's."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from visual_byte_core.rendering.settings import SpeechSettings
from visual_byte_core.rendering.speech import RATE, prepare, read_sound, render_speech
from visual_byte_core.training import sound_augment
from visual_byte_core.training.sound_pictures import sound_pictures
from visual_byte_testing.paths import BANANA

SIZE = 64


def tone(hz: float = 440.0) -> torch.Tensor:
    return torch.sin(2 * np.pi * hz * torch.arange(RATE) / RATE)


def noise(seconds: float = 2.0) -> torch.Tensor:
    return 0.3 * torch.randn(int(seconds * RATE), generator=torch.Generator().manual_seed(7))


def power_in(samples: torch.Tensor, low: float, high: float) -> float:
    spectrum, hz = np.abs(np.fft.rfft(samples.numpy())) ** 2, np.fft.rfftfreq(len(samples), 1 / RATE)
    return float(spectrum[(hz >= low) & (hz < high)].sum())


@pytest.mark.parametrize("snr", [(10.0, 10.0), (-5.0, 20.0)])
def test_noise_lies_in_the_range_that_is_asked_for(snr: tuple[float, float]) -> None:
    found = []
    for seed in range(30):
        added = sound_augment.add_noise(tone(), noise(), np.random.default_rng(seed), snr) - tone()
        found.append(10 * float(torch.log10(tone().square().mean() / added.square().mean())))
    assert snr[0] - 0.01 < min(found) and max(found) < snr[1] + 0.01
    assert np.ptp(found) >= 0.7 * (snr[1] - snr[0])


def test_silent_and_short_noise_do_no_harm() -> None:
    generator = np.random.default_rng(0)
    assert torch.equal(sound_augment.add_noise(tone(), torch.zeros(2 * RATE), generator), tone())
    assert len(sound_augment.add_noise(tone(), noise(0.1), generator)) == RATE


def test_a_room_rings_on() -> None:
    click = torch.zeros(RATE)
    click[0] = 1.0
    heard = sound_augment.reverberate(click, np.random.default_rng(0))
    assert len(heard) > RATE and heard[0] > 0.5
    early, late = heard[1:800].square().sum(), heard[1600:2400].square().sum()
    assert 0 < late < 0.5 * early


def test_a_cheap_microphone_loses_the_ends_of_the_band() -> None:
    for seed in range(5):
        heard = sound_augment.limit_band(noise(), np.random.default_rng(seed))
        middle = power_in(heard, 500, 1500) / power_in(noise(), 500, 1500)
        assert power_in(heard, 0, 40) / power_in(noise(), 0, 40) < 0.5 * middle
    cut = [sound_augment.limit_band(noise(), np.random.default_rng(seed)) for seed in range(20)]
    assert min(power_in(c, 7000, 8000) / power_in(c, 500, 1500) for c in cut) < 0.02


SOUND_CHANGES = [
    sound_augment.change_speed, sound_augment.reverberate, sound_augment.limit_band, sound_augment.overdrive,
]  # fmt: skip


@pytest.mark.parametrize("change", SOUND_CHANGES, ids=lambda change: change.__name__)
def test_a_sound_repeats_with_its_seed_and_stays_a_sound(change) -> None:
    first, again, other = (change(tone(), np.random.default_rng(seed)) for seed in (3, 3, 6))
    assert first.ndim == 1 and first.dtype == torch.float32 and first.isfinite().all()
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_masks_are_one_strip_each_way() -> None:
    image = torch.full((SIZE, SIZE), 200, dtype=torch.uint8)
    masked = sound_augment.mask_spectrogram(image, np.random.default_rng(0)).numpy()
    rows, columns = (masked == 0).all(axis=1), (masked == 0).all(axis=0)
    assert rows.sum() <= 0.16 * SIZE + 1 and columns.sum() <= 0.1 * SIZE + 1 and rows.sum() + columns.sum() > 0
    assert np.abs(np.diff(rows.astype(int))).sum() <= 2 and (masked[~rows][:, ~columns] == 200).all()


def test_overdrive_cuts_the_peaks() -> None:
    cut = sound_augment.overdrive(tone(), np.random.default_rng(0))
    assert cut.abs().max() <= 1 and (cut.abs() == cut.abs().max()).float().mean() > 0.3


def test_warped_time_keeps_its_ends() -> None:
    image = (torch.arange(SIZE) * 3).to(torch.uint8).repeat(SIZE, 1)
    warped = sound_augment.warp_time(image, np.random.default_rng(2))
    assert torch.equal(warped[:, [0, -1]], image[:, [0, -1]]) and (warped[0].int().diff() >= 0).all()
    assert not torch.equal(warped, image)


def test_speed_moves_the_pitch() -> None:
    faster = sound_augment.change_speed(tone(), np.random.default_rng(1))
    hz = np.argmax(np.abs(np.fft.rfft(faster.numpy()))) * RATE / len(faster)
    assert 0.84 * 440 < hz < 1.16 * 440 and abs(hz - 440) > 1


@pytest.mark.parametrize("warp", ["spectrogram", "waveform"])
@pytest.mark.parametrize("size", [64, 96, 224])
def test_pictures_of_a_batch_are_the_robot_s_to_one_grey_level(warp: str, size: int) -> None:
    settings = SpeechSettings(warp=warp)
    samples, rate = read_sound(BANANA)
    mono = samples if samples.ndim == 1 else samples[:, 0]
    hiss = np.random.default_rng(0).normal(0, 0.02, len(mono))
    sounds = [mono, mono[: len(mono) // 2], np.concatenate([mono] * 3), mono + hiss]
    robot = np.stack([render_speech(sound, rate, size, settings)[..., 0] for sound in sounds]).astype(int)
    batch = sound_pictures([prepare(sound, rate, settings) for sound in sounds], size, settings).numpy()
    assert np.abs(batch - robot).max() <= 1 and np.mean(batch != robot) < 1e-3
    assert sound_pictures([], size, settings).shape == (0, size, size)


def test_torchaudio_is_mended_only_where_its_import_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    from visual_byte_core.pretrained.torch_companions import import_torchaudio

    torchaudio = import_torchaudio()
    assert torchaudio.functional.add_noise(tone(), noise(1.0), torch.tensor(5.0)).shape == (RATE,)
    assert import_torchaudio() is torchaudio
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchaudio"]:
        monkeypatch.delitem(sys.modules, name)

    def broken(path: object) -> None:
        raise OSError(f"Could not load this library: {path}")

    monkeypatch.setattr(torch.ops, "load_library", broken)
    mended = import_torchaudio()
    assert not sys.modules["torchaudio._extension"]._IS_TORCHAUDIO_EXT_AVAILABLE
    assert mended.functional.fftconvolve(tone(), noise(0.1)).isfinite().all()
