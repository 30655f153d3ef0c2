# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Augmentation does what it says, and nothing to photos too small for it."""

from __future__ import annotations

import numpy as np
import pytest

from visual_byte_core.dataset import photo_augment, sound_augment, text_augment
from visual_byte_core.rendering.speech import RATE
from visual_byte_core.rendering.text import canonical_words

SIZE = 64


def ramp(side: int) -> np.ndarray:
    """Brightness from 0 to 255 along the width, so that a crop's range tells its share."""
    row = np.linspace(0, 255, side).astype(np.uint8)
    return np.repeat(np.broadcast_to(row, (side, side))[..., None], 3, axis=2)


@pytest.mark.parametrize(("side", "least"), [(224, 0.1), (32, photo_augment.SMALL_PHOTO_CROP)])
def test_crops_of_large_photos_come_nearer_than_those_of_small_ones(side: int, least: float) -> None:
    generator = np.random.default_rng(0)
    crops = [photo_augment.photo_crop(ramp(side), SIZE, 0.1, generator) for _ in range(300)]
    assert all(crop.shape == (SIZE, SIZE, 3) and crop.dtype == np.uint8 for crop in crops)
    widths = [np.ptp(crop.astype(int)) / 255 for crop in crops]
    assert min(widths) > 0.8 * (least * 0.75) ** 0.5  # the narrowest crop of that area has sides of 3:4
    assert min(widths) < 1.4 * (least * 0.75) ** 0.5


def test_only_large_photos_are_turned() -> None:
    small, large = ramp(SIZE), ramp(4 * SIZE)
    assert np.array_equal(photo_augment.rotate(small, SIZE, np.random.default_rng(0)), small)
    turned = photo_augment.rotate(large, SIZE, np.random.default_rng(0))
    assert turned.shape == large.shape and np.ptp(turned[:, 2 * SIZE].astype(int)) > 5


def test_blur_softens_and_keeps_the_brightness() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    soft = photo_augment.blur(noise, np.random.default_rng(1))
    assert soft.std() < 0.8 * noise.std() and abs(soft.mean() - noise.mean()) < 2


def test_the_same_seed_gives_the_same_colours() -> None:
    image = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    first, again, other = (photo_augment.flip_and_colour(image, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


CHANGES = [
    photo_augment.low_light, photo_augment.motion_blur, photo_augment.jpeg, photo_augment.any_change,
    photo_augment.erase, photo_augment.flip_and_colour, sound_augment.warp_time, sound_augment.mask_spectrogram,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_repeats_with_its_seed_and_keeps_the_form(change) -> None:
    image = photo()
    first, again = (change(image, np.random.default_rng(3)) for _ in range(2))
    assert first.shape == image.shape and first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert any(not np.array_equal(change(image, np.random.default_rng(seed)), image) for seed in range(5))


def photo() -> np.ndarray:
    import cv2

    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 2)


def test_dim_rooms_are_darker_and_noisier() -> None:
    image = np.full((SIZE, SIZE, 3), 128, np.uint8)
    dim = [photo_augment.low_light(image, np.random.default_rng(seed)) for seed in range(10)]
    assert np.mean([d.mean() for d in dim]) < 110 and min(d.std() for d in dim) > 1


def test_motion_smears_along_one_line() -> None:
    point = np.zeros((SIZE, SIZE, 3), np.uint8)
    point[SIZE // 2, SIZE // 2] = 255
    rows, columns = np.nonzero(photo_augment.motion_blur(point, np.random.default_rng(1))[..., 0])
    assert len(rows) >= 3 and min(np.ptp(rows), np.ptp(columns)) < max(np.ptp(rows), np.ptp(columns)) + 1
    assert abs(np.corrcoef(rows, columns)[0, 1]) > 0.5 or min(np.ptp(rows), np.ptp(columns)) <= 2


def tone(hz: float = 440.0) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(RATE) / RATE)


def test_overdrive_cuts_the_peaks() -> None:
    cut = sound_augment.overdrive(tone(), np.random.default_rng(0))
    assert np.abs(cut).max() < 0.55 and np.mean(np.abs(cut) == np.abs(cut).max()) > 0.3


def test_warped_time_keeps_its_ends() -> None:
    image = ramp(SIZE)
    warped = sound_augment.warp_time(image, np.random.default_rng(2))
    assert np.array_equal(warped[:, [0, -1]], image[:, [0, -1]]) and (np.diff(warped[0, :, 0].astype(int)) >= 0).all()
    assert not np.array_equal(warped, image)


def test_speed_moves_the_pitch() -> None:
    faster = sound_augment.change_speed(tone(), np.random.default_rng(1))
    hz = np.argmax(np.abs(np.fft.rfft(faster))) * RATE / len(faster)
    assert 0.84 * 440 < hz < 1.16 * 440 and abs(hz - 440) > 1


def test_case_needs_no_augmentation() -> None:
    assert canonical_words("Oat MILK") == canonical_words("oat milk")


def test_requests_hold_the_name() -> None:
    generator = np.random.default_rng(0)
    asked = {text_augment.as_request("mug", generator) for _ in range(100)}
    assert asked == {request.format("mug") for request in text_augment.REQUESTS}
    assert "머그컵" in text_augment.as_request("머그컵", generator)


def test_a_slip_changes_one_jamo_and_leaves_whole_syllables() -> None:
    import unicodedata

    for seed in range(30):
        slipped = text_augment.slip_of_jamo("바나나", np.random.default_rng(seed))
        a, b = (unicodedata.normalize("NFD", words) for words in ("바나나", slipped))
        assert len(a) == len(b) and sum(x != y for x, y in zip(a, b, strict=True)) == 1 and len(slipped) == 3
    assert text_augment.slip_of_jamo("mug", np.random.default_rng(0)) == "mug"


def test_particles_fit_the_last_sound() -> None:
    generator = np.random.default_rng(0)
    after_vowel = {text_augment.with_particle("바나나", generator)[-1] for _ in range(60)}
    after_consonant = {text_augment.with_particle("수박", generator)[-1] for _ in range(60)}
    assert after_vowel == {"가", "를", "는"} and after_consonant == {"이", "을", "은"}


def test_words_vary_in_both_languages() -> None:
    for words in ("banana", "바나나"):
        varied = {text_augment.vary_words(words, np.random.default_rng(seed)) for seed in range(40)}
        assert len(varied) > 5
