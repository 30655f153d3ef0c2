# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What a room, a cheap microphone and another mouth do to a spoken name: torchaudio's transforms, drawn at random.

Tempo needs no change of its own: the renderer stretches every utterance to the same length. What remains is pitch,
which `change_speed` moves (torchaudio's `pitch_shift` keeps a tempo that is lost here anyway, and takes 20 s for a
second of sound). Loudness needs none either, as the renderer takes it out.

Sounds are float32 (n,) at 16 kHz.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from visual_byte_core.pretrained.torch_companions import import_torchaudio
from visual_byte_core.rendering.speech import RATE
from visual_byte_core.training.config import AugmentConfig

F = import_torchaudio().functional
Generator = np.random.Generator

SPEEDS = (0.85, 0.9, 0.95, 1.05, 1.1, 1.15)  # ratios of small numbers, which are quick to resample by
MICROPHONE_TAPS = 257
HIGHEST_SHARE, WIDEST_SHARE = 0.15, 0.1  # of the picture that a strip hides


def change_sound(sound: Tensor, change: AugmentConfig, noises: Sequence[np.ndarray], generator: Generator) -> Tensor:
    """What `augment` says, each change by its probability; noises: float32 (n,) at 16 kHz each, or none."""
    if generator.random() < change.speed:
        sound = change_speed(sound, generator)
    if generator.random() < change.reverb:
        sound = reverberate(sound, generator)
    if noises and generator.random() < change.noise:
        noise = torch.from_numpy(noises[int(generator.integers(len(noises)))])
        sound = add_noise(sound, noise, generator, change.snr)
    if change.overdrive and generator.random() < change.overdrive:
        sound = overdrive(sound, generator)
    return limit_band(sound, generator) if generator.random() < change.band else sound


def change_speed(sound: Tensor, generator: Generator) -> Tensor:
    """Play 5 to 15 % slower or faster: tempo and pitch move together, as between speakers."""
    changed, _ = F.speed(sound, RATE, float(generator.choice(SPEEDS)))
    return changed


def reverberate(sound: Tensor, generator: Generator) -> Tensor:
    """A room: direct sound and an exponentially decaying tail of noise, 60 dB down after 0.15 to 0.6 s."""
    samples = int(generator.uniform(0.15, 0.6) * RATE)
    room = _noise(samples, generator) * torch.logspace(0, -3, samples)
    room *= generator.uniform(0.2, 0.8) / room.norm()
    room[0] += 1.0
    return F.fftconvolve(sound, room)[: len(sound) + samples // 3]


def limit_band(sound: Tensor, generator: Generator) -> Tensor:
    """A cheap microphone: tilt of -9 to +6 dB over the band, cut off below 50-300 Hz and above 3-8 kHz."""
    hz = torch.linspace(0, RATE / 2, MICROPHONE_TAPS // 2 + 1)
    tilt = 10 ** (generator.uniform(-9, 6) / 20 * hz / (RATE / 2))
    low, high = generator.uniform(50, 300), generator.uniform(3000, 8000)
    rolled = torch.sqrt((1 + (low / hz.clamp(min=1)) ** 4) * (1 + (hz / high) ** 8))
    # torchaudio's own filters run sample by sample where its compiled part is missing, a hundred times as long.
    taps = torch.fft.irfft(tilt / rolled, MICROPHONE_TAPS).roll(MICROPHONE_TAPS // 2)
    return F.fftconvolve(sound, taps * torch.hann_window(MICROPHONE_TAPS), mode="same")


def add_noise(sound: Tensor, noise: Tensor, generator: Generator, snr: tuple[float, float] = (0.0, 30.0)) -> Tensor:
    """Mix in a random stretch of noise, so many dB under the speech; silent noise changes nothing."""
    start = int(generator.integers(max(1, len(noise) - len(sound))))
    stretch = noise[start : start + len(sound)]
    stretch = stretch.repeat(-(-len(sound) // len(stretch)))[: len(sound)]
    if stretch.square().mean() < 1e-10:
        return sound
    return F.add_noise(sound, stretch, torch.tensor(generator.uniform(*snr), dtype=sound.dtype))


def overdrive(sound: Tensor, generator: Generator) -> Tensor:
    """Too loud for the microphone: the loudest half to tenth part of the range is cut off."""
    peak = float(sound.abs().max())
    return F.gain(sound, -20 * float(np.log10(generator.uniform(0.1, 0.5)))).clamp(-peak, peak)


def warp_time(picture: Tensor, generator: Generator) -> Tensor:
    """SpecAugment's time warping: one point of the spectrogram moves by up to an eighth of its width.

    picture: (rows, columns), any dtype.
    """
    last = picture.shape[1] - 1
    point = generator.uniform(0.3, 0.7) * last
    moved = point + generator.uniform(-1, 1) * last / 8
    columns = np.interp(np.arange(last + 1), [0, moved, last], [0, point, last])
    left = torch.from_numpy(columns.astype(np.int64)).clamp(max=last - 1)
    share = torch.from_numpy(columns).float() - left
    return (picture[:, left] * (1 - share) + picture[:, left + 1] * share).to(picture.dtype)


def mask_spectrogram(picture: Tensor, generator: Generator) -> Tensor:
    """SpecAugment (Park et al., 2019): strips of up to 15 % of the height and 10 % of the width go black.

    picture: (rows, columns), any dtype.
    """
    height, width = picture.shape
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(generator.integers(1 << 62)))
        for axis, most in ((0, round(HIGHEST_SHARE * height)), (1, round(WIDEST_SHARE * width))):
            picture = F.mask_along_axis(picture[None], most + 1, 0.0, axis + 1)[0]
    return picture


def _noise(samples: int, generator: Generator) -> Tensor:
    return torch.from_numpy(generator.standard_normal(samples, dtype=np.float32))
