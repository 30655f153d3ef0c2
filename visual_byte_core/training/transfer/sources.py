# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What is shown to the frozen blocks, once: photos with their changes, names with their slips, spoken clips."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from visual_byte_core.dataset.class_folders import photos_of, sounds_below
from visual_byte_core.errors import DataError, InvalidSound
from visual_byte_core.names import ClassName, reserved_spellings, slugify
from visual_byte_core.pretrained.renderers import render_speech, render_text, with_open_model
from visual_byte_core.rendering.photo import read_photo, render_photo
from visual_byte_core.rendering.speech import RATE, mono_at, read_sound
from visual_byte_core.seeding import seeded
from visual_byte_core.training import photo_augment, sound_augment
from visual_byte_core.training.config import TrainingConfig
from visual_byte_core.training.text_augment import vary_words
from visual_byte_core.training.transfer.kept import Item
from visual_byte_core.training.triplets import noises_of

log = logging.getLogger("visual_byte")

PICTURES_A_NAME = 160  # names with fewer photos have more views of each kept
PLAIN = 1 / 3  # share of views that are left as they are


def photo_items(
    config: TrainingConfig, names: Sequence[ClassName], part: str, cap: int = 0
) -> tuple[int, Iterator[Item]]:
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
            yield number, photo_augment.change_photo(last[1], size, config.augment, generator), None


def text_items(config: TrainingConfig, names: Sequence[ClassName]) -> tuple[int, Iterator[Item]]:
    """How many pictures of typed names, and these.

    Each trainable spelling of each name, a third of them plain, the rest with a slip, a plural or an article; the first
    spelling of a name as often again as each of the others.
    """
    jobs: list[tuple[int, str, int]] = []
    for number, name in enumerate(names):
        for language in config.data.languages:
            for place, spelling in enumerate(name.trainable(language)):
                views = (
                    config.transfer.text_views if place == 0 and language == "en" else config.transfer.text_views // 2
                )
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


@dataclass(frozen=True)
class Clip:
    """A spoken name: its number in the list, -1 for words that are none, its file, and its key below the data."""

    number: int
    path: Path
    key: str


def clips_of(config: TrainingConfig, names: Sequence[ClassName], split: str = "audio") -> list[Clip]:
    """The clips of a split of the data set that may be trained on; for `audio` those of `data.distractors` too.

    `<split>/<slug>/<language>/*` say the name, `<split>/<slug>/<language>/<slug of a synonym>/*` that one. Reserved
    spellings are left out, and counted in the log.
    """
    root, found, reserved = Path(config.data.root), list[Clip](), 0
    for number, name in enumerate(names):
        for language in config.data.languages:
            folder = root / split / name.slug / language
            spellings = {slugify(spelling) for spelling in name.trainable(language)}
            own = slugify(getattr(name, language)) if getattr(name, language) else ""
            for path in sounds_below(folder) if folder.is_dir() else []:
                said = path.parent.name if path.parent != folder else own
                if said in spellings:
                    found.append(Clip(number, path, path.relative_to(root).as_posix()))
                else:
                    reserved += 1
    if reserved:
        log.info("%s: %d clips say reserved spellings and are left out", root / split, reserved)
    others = Path(config.data.distractors) if config.data.distractors and split == "audio" else None
    forbidden = reserved_spellings(names)
    for path in sounds_below(others) if others else []:
        assert others is not None
        if path.relative_to(others).parts[0] not in forbidden:
            found.append(Clip(-1, path, f"distractors/{path.relative_to(others).as_posix()}"))
    return found


def sound_items(
    config: TrainingConfig, clips: Sequence[Clip], views: int, values: Mapping[str, NDArray[np.floating]]
) -> tuple[int, Iterator[Item]]:
    """How many pictures of spoken names, and these: each clip `views` times, the first time as it is.

    values: what a speech teacher makes of a clip, by its key; clips without are left out if there are any.
    """
    used = [clip for clip in clips if not values or clip.key in values]
    return len(used) * views, _sounds(config, used, views, values)


def _sounds(
    config: TrainingConfig, clips: Sequence[Clip], views: int, values: Mapping[str, NDArray[np.floating]]
) -> Iterator[Item]:
    size, settings = config.renderer.size_of("audio"), config.renderer.speech
    noises = noises_of(config.data) if views > 1 else []
    for clip in clips:
        samples, rate = read_sound(clip.path)
        for view in range(views):
            generator = seeded("sound", config.seed, clip.key, view)
            try:
                if view == 0:
                    picture = render_speech(samples, rate, size, settings)
                else:
                    picture = changed_sound(samples, rate, size, config, noises, generator)
            except InvalidSound as error:
                if view == 0:  # a change can leave more than a name's length of sound
                    log.warning("left out: %s: %s", clip.path, error)
                    break
                continue
            yield clip.number, picture, values.get(clip.key)


def changed_sound(
    samples: NDArray[np.floating],
    rate: int,
    size: int,
    config: TrainingConfig,
    noises: Sequence[NDArray[np.floating]],
    generator: np.random.Generator,
) -> NDArray[np.uint8]:
    """The picture of a clip that was changed as `augment` says: uint8 (size, size, 3)."""
    sound = torch.from_numpy(mono_at(samples, rate, RATE).astype(np.float32))
    changed = sound_augment.change_sound(sound, config.augment, noises, generator)
    picture = render_speech(changed.numpy(), RATE, size, config.renderer.speech)
    if generator.random() >= config.augment.mask:
        return picture
    masked = sound_augment.mask_spectrogram(torch.from_numpy(picture[:, :, 0]), generator).numpy()
    return np.repeat(masked[:, :, None], 3, axis=2)


def plain_text_items(config: TrainingConfig, names: Sequence[ClassName]) -> tuple[int, Iterator[Item]]:
    """The first trainable English spelling of each name that has one."""
    asked = [(number, name.trainable()[0], 0) for number, name in enumerate(names) if name.trainable()]
    return len(asked), _texts(config, asked)
