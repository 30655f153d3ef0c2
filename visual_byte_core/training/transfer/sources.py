# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What is shown to the frozen blocks, once: photos with their changes, names with their slips, spoken clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visual_byte_core.dataset.class_folders import photos_of
from visual_byte_core.errors import DataError
from visual_byte_core.names import ClassName
from visual_byte_core.pretrained.renderers import render_text, with_open_model
from visual_byte_core.rendering.photo import read_photo, render_photo
from visual_byte_core.seeding import seeded
from visual_byte_core.training import photo_augment
from visual_byte_core.training.config import AugmentConfig, TrainingConfig
from visual_byte_core.training.text_augment import vary_words
from visual_byte_core.training.transfer.kept import Item

PICTURES_A_NAME = 160  # names with fewer photos have more views of each kept
PLAIN = 1 / 3  # share of views that are left as they are


def photo_items(config: TrainingConfig, names: Sequence[ClassName], part: str, cap: int = 0) -> tuple[int, Iterator[Item]]:
    """How many pictures, and these, of a part of the data set: `image` with changes, `image_eval` and others without.

    Raises DataError if there are none.
    """
    root = Path(config.data.root) / part
    jobs: list[tuple[int, Path, int]] = []
    for number, name in enumerate(names):
        paths = photos_of(root / name.slug, cap)
        views = max(1, min(config.transfer.photo_views, round(PICTURES_A_NAME / max(1, len(paths)))))
        jobs += [(number, path, view) for path in paths for view in range(views if part == "image" else 1)]
    if not jobs:
        raise DataError(f"{root}: no photos of these names; run visual-byte collect")
    return len(jobs), _photos(config, jobs, change=part == "image")


def _photos(config: TrainingConfig, jobs: list[tuple[int, Path, int]], change: bool) -> Iterator[Item]:
    size, settings = config.renderer.size, config.renderer.photo
    last: tuple[Path, NDArray[np.uint8]] | None = None
    for number, path, view in jobs:
        if last is None or last[0] != path:
            last = path, read_photo(path)
        generator = seeded("photo", config.seed, path.parent.name, path.name, view)
        if not change or generator.random() < PLAIN:
            yield number, render_photo(last[1], size, settings), None
        else:
            yield number, changed_photo(last[1], size, config.augment, generator), None


def changed_photo(
    image: NDArray[np.uint8], size: int, change: AugmentConfig, generator: np.random.Generator
) -> NDArray[np.uint8]:
    """A part of the photo, changed as `augment` says: uint8 (size, size, 3)."""
    if generator.random() < change.rotate:
        image = photo_augment.rotate(image, size, generator)
    image = photo_augment.flip_and_colour(photo_augment.photo_crop(image, size, change.crop, generator), generator)
    changes = (
        (change.any, photo_augment.any_change),
        (change.blur, photo_augment.blur),
        (change.motion, photo_augment.motion_blur),
        (change.low_light, photo_augment.low_light),
        (change.reduce, photo_augment.reduce_resolution),
        (change.jpeg, photo_augment.jpeg),
        (change.erase, photo_augment.erase),
    )
    for probability, apply in changes:
        if probability and generator.random() < probability:
            image = apply(image, generator)
    return image


def text_items(config: TrainingConfig, names: Sequence[ClassName]) -> tuple[int, Iterator[Item]]:
    """How many pictures, and these: each trainable spelling of each name, a third of them plain, the rest with a slip, a
    plural or an article; the first spelling of a name as often again as each of the others."""
    jobs: list[tuple[int, str, int]] = []
    for number, name in enumerate(names):
        for language in config.data.languages:
            for place, spelling in enumerate(name.trainable(language)):
                views = config.transfer.text_views if place == 0 and language == "en" else config.transfer.text_views // 2
                jobs += [(number, spelling, view) for view in range(max(1, views))]
    return len(jobs), _texts(config, jobs)


def _texts(config: TrainingConfig, jobs: list[tuple[int, str, int]]) -> Iterator[Item]:
    size, settings = config.renderer.size_of("text"), with_open_model(config.renderer.text)
    plain: tuple[str, NDArray[np.uint8]] | None = None
    for number, spelling, view in jobs:
        generator = seeded("text", config.seed, spelling, view)
        if plain is None or plain[0] != spelling:
            plain = spelling, render_text(spelling, size, settings)
        if view == 0 or generator.random() < PLAIN:
            yield number, plain[1], None
        else:
            yield number, render_text(vary_words(spelling, generator), size, settings), None


def plain_text_items(config: TrainingConfig, names: Sequence[ClassName]) -> tuple[int, Iterator[Item]]:
    """The first trainable English spelling of each name that has one."""
    asked = [(number, name.trainable()[0], 0) for number, name in enumerate(names) if name.trainable()]
    return len(asked), _texts(config, asked)
