# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Augmentation does what it says, and nothing to photos too small for it."""

from __future__ import annotations

import numpy as np
import pytest

from visual_byte_core.dataset import augment

SIZE = 64


def ramp(side: int) -> np.ndarray:
    """Brightness from 0 to 255 along the width, so that a crop's range tells its share."""
    row = np.linspace(0, 255, side).astype(np.uint8)
    return np.repeat(np.broadcast_to(row, (side, side))[..., None], 3, axis=2)


@pytest.mark.parametrize(("side", "least"), [(224, 0.1), (32, augment.SMALL_PHOTO_CROP)])
def test_crops_of_large_photos_come_nearer_than_those_of_small_ones(side: int, least: float) -> None:
    generator = np.random.default_rng(0)
    crops = [augment.photo_crop(ramp(side), SIZE, 0.1, generator) for _ in range(300)]
    assert all(crop.shape == (SIZE, SIZE, 3) and crop.dtype == np.uint8 for crop in crops)
    widths = [np.ptp(crop.astype(int)) / 255 for crop in crops]
    assert min(widths) > 0.8 * (least * 0.75) ** 0.5  # the narrowest crop of that area has sides of 3:4
    assert min(widths) < 1.4 * (least * 0.75) ** 0.5


def test_only_large_photos_are_turned() -> None:
    small, large = ramp(SIZE), ramp(4 * SIZE)
    assert np.array_equal(augment.rotate(small, SIZE, np.random.default_rng(0)), small)
    turned = augment.rotate(large, SIZE, np.random.default_rng(0))
    assert turned.shape == large.shape and np.ptp(turned[:, 2 * SIZE].astype(int)) > 5


def test_blur_softens_and_keeps_the_brightness() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    soft = augment.blur(noise, np.random.default_rng(1))
    assert soft.std() < 0.8 * noise.std() and abs(soft.mean() - noise.mean()) < 2


def test_the_same_seed_gives_the_same_colours() -> None:
    image = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    first, again, other = (augment.flip_and_colour(image, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
