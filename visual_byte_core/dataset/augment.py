# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What a robot's camera, room and people do to a photo, a spoken and a typed name."""

from __future__ import annotations

import cv2
import numpy as np

from visual_byte_core.evaluation.perturb import perturb_text
from visual_byte_core.rendering.speech import RATE

Generator = np.random.Generator


SMALL_PHOTO_CROP = 0.35


def photo_crop(image: np.ndarray, size: int, smallest: float, generator: Generator) -> np.ndarray:
    """A random part of the photo, sides between 3:4 and 4:3, as uint8 (size, size, 3).

    smallest: least share of the area, 0..1; 0.35 for a photo that is not larger than the image that it becomes, as it
    has no detail to come near to.
    """
    height, width = image.shape[:2]
    area = (
        height * width * generator.uniform(smallest if _is_large(image, size) else max(smallest, SMALL_PHOTO_CROP), 1)
    )
    ratio = np.exp(generator.uniform(-1, 1) * np.log(4 / 3))
    h, w = (min(height, max(1, round((area / ratio) ** 0.5))), min(width, max(1, round((area * ratio) ** 0.5))))
    top, left = generator.integers(height - h + 1), generator.integers(width - w + 1)
    part = np.ascontiguousarray(image[top : top + h, left : left + w])
    shrinks = h >= size and w >= size
    return cv2.resize(part, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def rotate(image: np.ndarray, size: int, generator: Generator) -> np.ndarray:
    """Turn a large photo by some 12 degrees either way; what comes in at the corners is mirrored."""
    if not _is_large(image, size):
        return image
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(generator.normal(0, 12)), 1)
    return cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REFLECT)


def blur(image: np.ndarray, generator: Generator) -> np.ndarray:
    """Out of focus by 0.4 to 1.3 pixels (standard deviation)."""
    return cv2.GaussianBlur(image, (0, 0), float(generator.uniform(0.4, 1.3)))


def flip_and_colour(image: np.ndarray, generator: Generator) -> np.ndarray:
    """Mirror half of the photos; change brightness, contrast, saturation and white balance, and one in five hues."""
    if generator.random() < 0.5:
        image = image[:, ::-1]
    pixels = image.astype(np.float32)
    grey = pixels.mean(axis=2, keepdims=True)
    pixels = grey + (pixels - grey) * generator.uniform(0.6, 1.4)
    mean = pixels.mean()
    pixels = (pixels - mean) * generator.uniform(0.7, 1.3) + mean * generator.uniform(0.6, 1.3)
    pixels *= generator.uniform(0.92, 1.08, 3).astype(np.float32)
    image = np.clip(pixels, 0, 255).astype(np.uint8)
    return _shift_hue(image, int(generator.integers(-8, 9))) if generator.random() < 0.2 else image


def _shift_hue(image: np.ndarray, steps: int) -> np.ndarray:
    """steps: of 2 degrees each, as OpenCV counts hues."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    hsv[:, :, 0] = (hsv[:, :, 0].astype(int) + steps) % 180
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def _is_large(image: np.ndarray, size: int) -> bool:
    return min(image.shape[:2]) > 2 * size


def reduce_resolution(image: np.ndarray, generator: Generator) -> np.ndarray:
    """Down to 32-64 pixels and up again, so that neither sharp nor blurred becomes the mark of a class."""
    size, small = image.shape[0], int(generator.integers(32, 65))
    if small >= size:
        return image
    reduced = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
    return cv2.resize(reduced, (size, size), interpolation=cv2.INTER_LINEAR)


def erase(image: np.ndarray, generator: Generator) -> np.ndarray:
    """Hide a rectangle of up to half the side behind its mean colour: something stands in front."""
    size = image.shape[0]
    h, w = generator.integers(size // 8, size // 2, 2)
    top, left = generator.integers(size - h), generator.integers(size - w)
    erased = image.copy()
    erased[top : top + h, left : left + w] = image.mean(axis=(0, 1))
    return erased


def vary_words(words: str, generator: Generator) -> str:
    """A slip, a plural, or an article, as people type."""
    kind = generator.integers(5)
    if kind < 2:
        return perturb_text(words, "typo", seed=int(generator.integers(1 << 30)))
    if kind == 2:
        return perturb_text(words, "plural")
    return f"{('a', 'the')[kind - 3]} {words}"


def change_speed(samples: np.ndarray, generator: Generator) -> np.ndarray:
    """Play 15 % slower to 15 % faster: tempo and pitch move together, as between speakers."""
    steps = np.arange(0, len(samples) - 1, generator.uniform(0.85, 1.15))
    return np.interp(steps, np.arange(len(samples)), samples)


def reverberate(samples: np.ndarray, generator: Generator) -> np.ndarray:
    """A room: direct sound and an exponentially decaying tail of noise, 60 dB down after 0.15 to 0.6 s."""
    seconds = generator.uniform(0.15, 0.6)
    tail = generator.standard_normal(int(seconds * RATE)) * 10 ** (-3 * np.linspace(0, 1, int(seconds * RATE)))
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
    tilt = 10 ** (generator.uniform(-9, 6) / 20 * hz / (RATE / 2))
    low, high = generator.uniform(50, 300), generator.uniform(3000, 8000)
    rolled = 1 / np.sqrt(1 + (low / np.maximum(hz, 1)) ** 4) / np.sqrt(1 + (hz / high) ** 8)
    return np.fft.irfft(spectrum * tilt * rolled, length)[: len(samples)]


def add_noise(samples: np.ndarray, noise: np.ndarray, generator: Generator) -> np.ndarray:
    """Mix in a random stretch of noise, 0 to 30 dB under the speech."""
    start = int(generator.integers(max(1, len(noise) - len(samples))))
    stretch = np.resize(noise[start : start + len(samples)], len(samples))
    loudness, loudness_of_noise = np.sqrt(np.mean(samples**2)), np.sqrt(np.mean(stretch**2))
    if loudness_of_noise < 1e-5:
        return samples
    return samples + stretch * (loudness / loudness_of_noise * 10 ** (-generator.uniform(0, 30) / 20))


def mask_spectrogram(image: np.ndarray, generator: Generator) -> np.ndarray:
    """SpecAugment (Park et al., 2019): strips of up to 15 % of the height and 10 % of the width go black."""
    size = image.shape[0]
    high, wide = generator.integers(1, size * 15 // 100 + 2), generator.integers(1, size // 10 + 2)
    top, left = generator.integers(size - high), generator.integers(size - wide)
    masked = image.copy()
    masked[top : top + high] = 0
    masked[:, left : left + wide] = 0
    return masked
