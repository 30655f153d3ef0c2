# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Augmentation does what it says, and nothing to photos too small for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from visual_byte_core.dataset.collect_config import CollectConfig
from visual_byte_core.errors import ConfigurationError
from visual_byte_core.names import read_names, spell
from visual_byte_core.rendering.text import canonical_words
from visual_byte_core.training import photo_augment, text_augment
from visual_byte_core.training.config import config_from_dict
from visual_byte_core.training.triplets import Draw, TripletDataset, collate

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
    photo_augment.erase, photo_augment.flip_and_colour,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_repeats_with_its_seed_and_keeps_the_form(change) -> None:
    image = photo()
    first, again = (change(image, np.random.default_rng(3)) for _ in range(2))
    assert first.shape == image.shape and first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert any(not np.array_equal(change(image, np.random.default_rng(seed)), image) for seed in range(5))


def test_every_change_of_the_list_works_at_every_strength() -> None:
    image, generator = photo(), np.random.default_rng(0)
    changed = [photo_augment.any_change(image, generator) for _ in range(400)]
    assert all(one.shape == image.shape and one.dtype == np.uint8 for one in changed)
    assert np.mean([not np.array_equal(one, image) for one in changed]) > 0.8


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


def test_an_erased_rectangle_has_the_mean_colour() -> None:
    image = photo()
    erased = photo_augment.erase(image, np.random.default_rng(0))
    changed = (erased != image).any(axis=2)
    assert 0.01 < changed.mean() < 0.26
    assert np.ptp(erased[changed], axis=0).max() == 0 and np.abs(erased[changed][0] - image.mean(axis=(0, 1))).max() < 1


def test_reduced_photos_lose_detail_and_small_ones_stay() -> None:
    fine = np.random.default_rng(0).integers(0, 256, (2 * SIZE, 2 * SIZE, 3)).astype(np.uint8)
    assert photo_augment.reduce_resolution(fine, np.random.default_rng(0)).std() < 0.7 * fine.std()
    assert np.array_equal(photo_augment.reduce_resolution(fine[:32, :32], np.random.default_rng(0)), fine[:32, :32])


def test_case_needs_no_augmentation() -> None:
    assert canonical_words("Oat MILK") == canonical_words("oat milk")


def test_requests_hold_the_name() -> None:
    generator = np.random.default_rng(0)
    asked = {text_augment.as_request("mug", generator) for _ in range(100)}
    assert asked == {request.format("mug") for request in text_augment.REQUESTS}
    asked = {text_augment.as_request("머그컵", generator) for _ in range(200)}
    assert len(asked) == len(text_augment.KOREAN_REQUESTS) and all("머그컵" in request for request in asked)
    assert {"머그컵 찾아줘", "머그컵을 찾아줘", "머그컵이 어디 있어"} <= asked
    assert "바나나를 찾아줘" in {text_augment.as_request("바나나", generator) for _ in range(200)}


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


def test_changed_words_and_requests_reach_the_items(dataset: Path, collect_config: CollectConfig) -> None:
    data = items_of(dataset, collect_config, {"text": 0.0, "request": 1.0})
    words = {data[Draw(0, seed)].sources[-2] for seed in range(10)}
    name = spell(data.names[0], "en")
    assert all(name in asked and asked != name for asked in words)


def test_an_item_repeats_with_its_seed_and_names_its_files(dataset: Path, collect_config: CollectConfig) -> None:
    changes = ("blur", "motion", "low_light", "jpeg", "any", "rotate", "overdrive", "warp", "request")
    data = items_of(dataset, collect_config, dict.fromkeys(changes, 0.5))
    first, again, other = (data[Draw(1, seed)] for seed in (4, 4, 5))
    for part in ("photos", "text"):
        image = getattr(first, part)
        assert image.dtype == np.uint8 and image.shape[-3:] == (SIZE, SIZE, 3)
        assert np.array_equal(image, getattr(again, part))
    drawn, repeated = collate([first, other], data.config), collate([again, other], data.config)
    assert drawn.sounds.dtype == torch.uint8 and drawn.sounds.shape == (2, SIZE, SIZE, 3)
    assert torch.equal(drawn.sounds, repeated.sounds) and not torch.equal(drawn.sounds[0], drawn.sounds[1])
    assert first.sources == again.sources and not np.array_equal(first.photos, other.photos)
    assert all(Path(path).is_file() for path in (*first.sources[:-2], first.sources[-1]))


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        ({"blur": 3}, r"augment\.blur: expected a number from 0 to 1, got 3"),
        ({"noise": -0.5}, r"augment\.noise: expected a number from 0 to 1, got -0\.5"),
        ({"snr": [30, 0]}, r"augment\.snr: expected the least and the greatest dB, as \[0, 30\], got \[30.0, 0.0\]"),
        ({"snr": [10]}, r"augment\.snr: expected the least and the greatest dB"),
    ],
)
def test_impossible_augmentation_is_refused(
    dataset: Path, collect_config: CollectConfig, augment: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        items_of(dataset, collect_config, augment)


def items_of(dataset: Path, collect_config: CollectConfig, augment: dict[str, Any]) -> TripletDataset:
    values = {
        "renderer": {"size": SIZE},
        "data": {"root": str(dataset), "names": collect_config.names},
        "augment": augment,
        "optimizer": {"classes": 2, "photos": 2},
    }
    return TripletDataset(config_from_dict(values), read_names(collect_config.names))
