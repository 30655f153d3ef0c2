# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""`hash`: every text its own pattern and colours, drawn from a digest of the words; near words share nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

Pattern = Callable[[np.ndarray, np.ndarray, "Digest"], np.ndarray]


@dataclass
class Digest:
    """A stream of numbers that depends on the words alone: the same in every process, version and machine."""

    words: str
    drawn: int = 0

    def integer(self, below: int) -> int:
        """The next number of 0..below-1."""
        block = hashlib.sha256(f"{self.drawn}:{self.words}".encode()).digest()
        self.drawn += 1
        return int.from_bytes(block[:8], "little") % below

    def colour(self) -> np.ndarray:
        """The next RGB colour: uint8 (3,)."""
        return np.array([self.integer(256) for _ in range(3)], np.uint8)


def hash_texture(words: str, size: int) -> np.ndarray:
    """Texture of canonical words: uint8 (size, size, 3)."""
    digest = Digest(words)
    pattern = tuple(PATTERNS.values())[digest.integer(len(PATTERNS))]
    back, front = digest.colour(), digest.colour()
    if np.abs(back.astype(int) - front).sum() < 192:
        front = 255 - back  # two like colours would hide the pattern
    # In 1/1000 of the side, in whole numbers: no rounding differs between machines.
    y, x = np.mgrid[0:size, 0:size] * 1000 // size
    mask = pattern(x, y, digest)
    return np.where(mask[:, :, None], front, back).astype(np.uint8)


def _vertical_stripes(x: np.ndarray, y: np.ndarray, digest: Digest) -> np.ndarray:
    period = 60 + digest.integer(200)
    return (x + digest.integer(period)) % period * 2 < period


def _horizontal_stripes(x: np.ndarray, y: np.ndarray, digest: Digest) -> np.ndarray:
    return _vertical_stripes(y, x, digest)


def _checker(x: np.ndarray, y: np.ndarray, digest: Digest) -> np.ndarray:
    side = 50 + digest.integer(150)
    mask: np.ndarray = (x // side + y // side) % 2 == 0
    return mask


def _dots(x: np.ndarray, y: np.ndarray, digest: Digest) -> np.ndarray:
    period = 90 + digest.integer(180)
    radius = period * (20 + digest.integer(25)) // 100
    mask: np.ndarray = (x % period - period // 2) ** 2 + (y % period - period // 2) ** 2 < radius**2
    return mask


def _diagonals(x: np.ndarray, y: np.ndarray, digest: Digest) -> np.ndarray:
    period = 80 + digest.integer(220)
    rising = digest.integer(2) * 2 - 1
    mask: np.ndarray = (x + rising * y) % period * 2 < period
    return mask


def _grid(x: np.ndarray, y: np.ndarray, digest: Digest) -> np.ndarray:
    period = 80 + digest.integer(180)
    line = max(20, period * (10 + digest.integer(25)) // 100)
    return (x % period < line) | (y % period < line)


def _concentric(x: np.ndarray, y: np.ndarray, digest: Digest) -> np.ndarray:
    period = 60 + digest.integer(160)
    centre_x, centre_y = 300 + digest.integer(400), 300 + digest.integer(400)
    # Squared radius in units of period squared: its whole root is the number of the ring.
    rings = ((x - centre_x) ** 2 + (y - centre_y) ** 2) * 4 // period**2
    mask: np.ndarray = np.floor(np.sqrt(rings)).astype(int) % 2 == 0
    return mask


def _noise_blocks(x: np.ndarray, y: np.ndarray, digest: Digest) -> np.ndarray:
    blocks = 6 + digest.integer(8)
    cells = np.array([digest.integer(2) for _ in range(blocks * blocks)], bool).reshape(blocks, blocks)
    mask: np.ndarray = cells[y * blocks // 1000, x * blocks // 1000]
    return mask


PATTERNS: dict[str, Pattern] = {
    "vertical_stripes": _vertical_stripes,
    "horizontal_stripes": _horizontal_stripes,
    "checker": _checker,
    "dots": _dots,
    "diagonals": _diagonals,
    "grid": _grid,
    "concentric": _concentric,
    "noise_blocks": _noise_blocks,
}


def perturb_texture(texture: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """One random perturbation for training: invert, noise or blur; uint8 (size, size, 3) in and out."""
    kind = generator.integers(3)
    if kind == 0:
        return 255 - texture
    if kind == 1:
        noisy = texture + generator.normal(0, 20, texture.shape)
        return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    return cv2.GaussianBlur(texture, (0, 0), float(generator.uniform(0.5, 2.0)))
