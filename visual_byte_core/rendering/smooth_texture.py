# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""`smooth`: a texture whose distance follows the distance of the words.

Every character n-gram owns two plane waves out of a fixed set, chosen by a stable digest; a wave has an
orientation, a frequency, a phase and a colour of its own. A text is the sum of its n-grams' waves, so that two
texts that share most n-grams share most of the picture: a typo or a plural lands near, in any script. Weights
are never negative, because a network that pools over the picture sees the energy of a wave, not its sign.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from functools import lru_cache

import numpy as np

WAVES_PER_NGRAM = 2
# Cycles over the side of the picture: visible at 64 pixels, and repeating often enough to be read anywhere in it.
MIN_FREQUENCY, MAX_FREQUENCY = 2.0, 14.0
ORIENTATIONS = 12
# Standard deviation of the picture in grey levels; 3 of them stay within 0..255.
CONTRAST = 42.0


def smooth_texture(words: str, size: int, *, waves: int, ngrams: tuple[int, ...]) -> np.ndarray:
    """Texture of canonical words: uint8 (size, size, 3)."""
    weights = wave_weights(words, waves, ngrams)
    used = np.flatnonzero(weights)
    picture = _waves(waves, size)[used].T @ (weights[used, None] * wave_colours(waves)[used])
    pixels: np.ndarray = np.clip(np.rint(127.5 + CONTRAST * picture), 0, 255).astype(np.uint8).reshape(size, size, 3)
    return pixels


def wave_weights(words: str, waves: int, ngrams: tuple[int, ...]) -> np.ndarray:
    """How strong each wave is: float64 (waves,), not negative, unit length."""
    weights = np.zeros(waves)
    for ngram, count in _ngrams(words, ngrams).items():
        digest = hashlib.blake2b(ngram.encode(), digest_size=4 * WAVES_PER_NGRAM).digest()
        for wave in np.frombuffer(digest, "<u4") % waves:
            # The square root keeps a repeated letter from drowning the rest.
            weights[wave] += np.sqrt(count)
    return weights / np.linalg.norm(weights)


def _ngrams(words: str, lengths: tuple[int, ...]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for word in words.split():
        # NFKD splits a Hangul syllable into its letters and an accent from its base: one slip changes few n-grams.
        marked = f"<{unicodedata.normalize('NFKD', word)}>"
        for length in lengths:
            # Single characters leave out the two word marks, which every word has.
            text = marked[1:-1] if length == 1 else marked
            counts.update(text[i : i + length] for i in range(len(text) - length + 1))
    return counts


def wave_geometry(waves: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Angle in radians, cycles over the side and phase in radians of each wave: float64 (waves,) each."""
    number = np.arange(waves)
    angle = np.pi * (number % ORIENTATIONS) / ORIENTATIONS
    # The golden ratio spreads frequencies and phases evenly for any number of waves.
    frequency = MIN_FREQUENCY * (MAX_FREQUENCY / MIN_FREQUENCY) ** (number * 0.6180339887498949 % 1)
    phase = 2 * np.pi * (number * 0.7548776662466927 % 1)
    return angle, frequency, phase


@lru_cache(maxsize=4)
def _waves(waves: int, size: int) -> np.ndarray:
    """Plane waves of unit power: float64 (waves, size * size)."""
    angle, frequency, phase = wave_geometry(waves)
    y, x = np.mgrid[0:size, 0:size].reshape(2, -1) / size
    along = np.outer(np.cos(angle) * frequency, x) + np.outer(np.sin(angle) * frequency, y)
    basis: np.ndarray = np.sqrt(2) * np.cos(2 * np.pi * along + phase[:, None])
    return basis


@lru_cache(maxsize=4)
def wave_colours(waves: int) -> np.ndarray:
    """One colour direction a wave, root mean square 1 over the channels: float64 (waves, 3)."""
    hue = 2 * np.pi * (np.arange(waves) * 0.5698402909980532 % 1)
    colours = 1 + 1.4 * np.cos(hue[:, None] + 2 * np.pi * np.arange(3) / 3)
    even: np.ndarray = colours / np.sqrt(np.mean(colours**2, axis=1, keepdims=True))
    return even
