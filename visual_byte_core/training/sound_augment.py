# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What a room, a cheap microphone and another mouth do to a spoken name.

Tempo needs no change of its own: the renderer stretches every utterance to the same length. What remains is pitch,
which `change_speed` moves, and an uneven tempo, which `warp_time` makes. Loudness needs none either, as the renderer
takes it out.

All of it is numpy on 16 kHz samples. For a second of sound audiomentations 0.43 takes 19 times as long to shift the
pitch (keeping the tempo, which is lost here anyway), 2.3 times for a band limit, 2 times for clipping, 1.7 times for
noise and 0.7 times for an echo that is already a file; and it wants an older soxr than rendering.
"""

from __future__ import annotations

import cv2
import numpy as np

from visual_byte_core.rendering.speech import RATE

Generator = np.random.Generator

DECIBEL = np.log(10) / 20  # exponent of the amplitude


def change_speed(samples: np.ndarray, generator: Generator) -> np.ndarray:
    """Play 15 % slower to 15 % faster: tempo and pitch move together, as between speakers."""
    steps = np.arange(0, len(samples) - 1, generator.uniform(0.85, 1.15))
    return np.interp(steps, np.arange(len(samples)), samples)


def reverberate(samples: np.ndarray, generator: Generator) -> np.ndarray:
    """A room: direct sound and an exponentially decaying tail of noise, 60 dB down after 0.15 to 0.6 s."""
    seconds = generator.uniform(0.15, 0.6)
    tail = generator.standard_normal(int(seconds * RATE)) * np.exp(np.linspace(0, -60 * DECIBEL, int(seconds * RATE)))
    tail *= generator.uniform(0.2, 0.8) / np.sqrt(np.sum(tail**2))
    tail[0] += 1.0
    length = 1 << (len(samples) + len(tail)).bit_length()
    wet = np.fft.irfft(np.fft.rfft(samples, length) * np.fft.rfft(tail, length), length)
    return wet[: len(samples) + len(tail) // 3]


def limit_band(samples: np.ndarray, generator: Generator) -> np.ndarray:
    """A cheap microphone: tilt of -9 to +6 dB over the band, cut off below 50-300 Hz and above 3-8 kHz."""
    length = 1 << (len(samples) - 1).bit_length()  # a prime length would take a hundred times as long
    spectrum = np.fft.rfft(samples, length)
    hz = np.fft.rfftfreq(length, 1 / RATE)
    tilt = np.exp(generator.uniform(-9, 6) * DECIBEL * hz / (RATE / 2))  # quicker by far than powers of 10
    low, high = generator.uniform(50, 300), generator.uniform(3000, 8000)
    under, over = np.square(low / np.maximum(hz, 1)), np.square(np.square(hz / high))
    rolled = np.sqrt((1 + np.square(under)) * (1 + np.square(over)))
    return np.fft.irfft(spectrum * tilt / rolled, length)[: len(samples)]


def add_noise(
    samples: np.ndarray, noise: np.ndarray, generator: Generator, snr: tuple[float, float] = (0.0, 30.0)
) -> np.ndarray:
    """Mix in a random stretch of noise, that many dB below the speech; silent noise changes nothing."""
    start = int(generator.integers(max(1, len(noise) - len(samples))))
    stretch = np.resize(noise[start : start + len(samples)], len(samples))
    loudness, loudness_of_noise = np.sqrt(np.mean(samples**2)), np.sqrt(np.mean(stretch**2))
    if loudness_of_noise < 1e-5:
        return samples
    return samples + stretch * (loudness / loudness_of_noise * np.exp(-generator.uniform(*snr) * DECIBEL))


def overdrive(samples: np.ndarray, generator: Generator) -> np.ndarray:
    """Too loud for the microphone: the loudest half to tenth part of the range is cut off."""
    peak = float(np.abs(samples).max())
    limit = peak * generator.uniform(0.1, 0.5)
    return np.clip(samples, -limit, limit)


def warp_time(image: np.ndarray, generator: Generator) -> np.ndarray:
    """SpecAugment's time warping: one point of the spectrogram moves by up to an eighth of its width."""
    size = image.shape[1]
    point = generator.uniform(0.3, 0.7) * size
    moved = point + generator.uniform(-1, 1) * size / 8
    columns = np.interp(np.arange(size), [0, moved, size - 1], [0, point, size - 1]).astype(np.float32)
    rows = np.arange(image.shape[0], dtype=np.float32)
    across, down = np.meshgrid(columns, rows)
    return cv2.remap(image, across, down, cv2.INTER_LINEAR)


def mask_spectrogram(image: np.ndarray, generator: Generator) -> np.ndarray:
    """SpecAugment (Park et al., 2019): strips of up to 15 % of the height and 10 % of the width go black."""
    size = image.shape[0]
    high, wide = generator.integers(1, size * 15 // 100 + 2), generator.integers(1, size // 10 + 2)
    top, left = generator.integers(size - high), generator.integers(size - wide)
    masked = image.copy()
    masked[top : top + high] = 0
    masked[:, left : left + wide] = 0
    return masked
