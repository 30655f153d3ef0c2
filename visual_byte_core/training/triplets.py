# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Triplets: photos, a rendered name and a rendered utterance of one class, drawn afresh every time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from visual_byte_core.dataset.class_folders import class_folders, photos_of, sounds_below
from visual_byte_core.errors import ConfigurationError, DataError, InvalidImage, InvalidSound
from visual_byte_core.names import ClassName
from visual_byte_core.pretrained.renderers import render_speech, render_text
from visual_byte_core.rendering.photo import read_photo, render_photo
from visual_byte_core.rendering.settings import MODALITIES, TextSettings
from visual_byte_core.rendering.speech import RATE, mono_at, prepare, read_sound
from visual_byte_core.training import photo_augment, sound_augment, text_augment
from visual_byte_core.training.config import AugmentConfig, DataConfig, TrainingConfig
from visual_byte_core.training.sound_pictures import sound_pictures

DISTRACTOR = -1

log = logging.getLogger("visual_byte")


@dataclass(frozen=True)
class Draw:
    """What to make one item of: a class by its number, or DISTRACTOR; the seed decides everything random about it."""

    number: int
    seed: int


@dataclass(frozen=True)
class Triplet:
    """uint8 images: photos (k, size, size, 3), none of a distractor; text (size, size, 3).

    sound: of speech method 2 what becomes a picture with the others of a batch, float64 (samples,), else the picture;
    seed: of the changes of that picture. sources: the files of the photos, the words, and the file of the sound;
    unreadable: files that were drawn and could not be read, with the reason; others of the class took their place.
    """

    number: int
    photos: np.ndarray
    text: np.ndarray
    sound: np.ndarray
    seed: int = 0
    sources: tuple[str, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Batch:
    """uint8 (.., size, size, 3): photos (k * n), all classes k times; texts and sounds (n + m); classes int64 (n,).

    sources: what every image was made of, in the order photos, texts, sounds; unreadable: see `Triplet`.
    """

    photos: Tensor
    texts: Tensor
    sounds: Tensor
    classes: Tensor
    sources: tuple[str, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()


class TripletDataset(Dataset[Triplet]):
    """Reads and augments one item for each `Draw`; images come as uint8."""

    def __init__(self, config: TrainingConfig, names: list[ClassName]) -> None:
        self.config, self.names = config, names
        root = Path(config.data.root)
        self.photos = [photos_of(root / "image" / name.slug, config.data.cap) for name in names]
        self._leave_out_reserved()
        self.sounds = [_sounds_by_language(root / "audio" / name.slug, config.data) for name in names]
        self.distractors = _distractors(config.data)
        self.noises = noises_of(config.data)
        self._check()

    @property
    def numbers(self) -> list[int]:
        """Classes that have photos."""
        return [number for number, photos in enumerate(self.photos) if photos]

    @property
    def photo_count(self) -> int:
        """Photos of all classes."""
        return sum(map(len, self.photos))

    @property
    def file_count(self) -> int:
        """Files that are drawn from."""
        sounds = [clips for languages in self.sounds for clips in languages.values()]
        return self.photo_count + sum(map(len, [*sounds, *[clips for _, clips in self.distractors]]))

    def __getitem__(self, draw: Draw) -> Triplet:
        generator = np.random.default_rng([self.config.seed, draw.seed])
        size, change = self.config.renderer.size, self.config.augment
        unreadable: list[tuple[str, str]] = []
        photos: list[tuple[Path, np.ndarray]] = []
        if draw.number == DISTRACTOR:
            words, clips = self.distractors[int(generator.integers(len(self.distractors)))]
        else:
            language, words = self._spelling(self.names[draw.number], generator)
            clips = self.sounds[draw.number][language]
            paths, count = self.photos[draw.number], self.config.optimizer.photos
            photos = [_read_one(paths, self._photo, generator, unreadable) for _ in range(count)]
        if change.request and generator.random() < change.request:
            words = text_augment.as_request(words, generator)
        elif generator.random() < change.text:
            words = text_augment.vary_words(words, generator)
        text = _text_image(words, size, self.config.renderer.text)
        path, sound = _read_one(clips, self._sound, generator, unreadable)
        images = np.stack([image for _, image in photos]) if photos else np.zeros((0, size, size, 3), np.uint8)
        sources = (*[str(path) for path, _ in photos], words, str(path))
        seed = int(generator.integers(1 << 62))
        return Triplet(draw.number, images, text, sound, seed, sources, tuple(unreadable))

    def _spelling(self, name: ClassName, generator: np.random.Generator) -> tuple[str, str]:
        """A language in which the name may be trained on, and one of its spellings there: mostly the name itself."""
        data = self.config.data
        weights = np.array(data.language_weights) * [bool(name.trainable(language)) for language in data.languages]
        language = str(generator.choice(data.languages, p=weights / weights.sum()))
        spellings = name.trainable(language)
        if self.config.augment.synonym and generator.random() < self.config.augment.synonym:
            return language, str(generator.choice(spellings))
        return language, spellings[0]

    def _photo(self, path: Path, generator: np.random.Generator) -> np.ndarray:
        image, change = read_photo(path), self.config.augment
        size = self.config.renderer.size
        if generator.random() >= change.photo:
            return render_photo(image, size, self.config.renderer.photo)
        return photo_augment.change_photo(image, size, change, generator)

    def _sound(self, path: Path, generator: np.random.Generator) -> np.ndarray:
        renderer = self.config.renderer
        samples, rate = read_sound(path)
        try:
            sound = torch.from_numpy(mono_at(samples, rate, RATE).astype(np.float32))
            changed = sound_augment.change_sound(sound, self.config.augment, self.noises, generator)
            name = prepare(changed.numpy(), RATE, renderer.speech)
        except InvalidSound:
            # Noise and echo can leave more than a name's length of sound; the clip itself was checked when it was made.
            name = prepare(samples, rate, renderer.speech)
        if renderer.speech.method == 2:
            return name
        return render_speech(name, RATE, renderer.size_of("audio"), renderer.speech)

    def _leave_out_reserved(self) -> None:
        """Classes without any spelling that may be trained on are not drawn: a triplet needs its words."""
        mute = [i for i, n in enumerate(self.names) if not any(map(n.trainable, self.config.data.languages))]
        for number in mute:
            self.photos[number] = []
        if mute:
            first = ", ".join(self.names[number].slug for number in mute[:5])
            log.info("%d classes have no spelling to train on and are left out: %s, ...", len(mute), first)

    def _check(self) -> None:
        _check_augment(self.config.augment)
        renderer = self.config.renderer
        if len({renderer.size_of(modality) for modality in MODALITIES}) > 1:
            raise ConfigurationError(
                "renderer: text.size and speech.size other than size are for names learned from a classifier"
                " (transfer.classifier); set them to 0"
            )
        silent = [
            name.slug
            for name, sounds in zip(self.names, self.sounds, strict=True)
            if not all(clips for language, clips in sounds.items() if name.trainable(language))
        ]
        if silent:
            raise DataError(
                f"{self.config.data.root}: no speech in one of {self.config.data.languages} for"
                f" {', '.join(silent[:5])} ({len(silent)} classes); run visual-byte collect"
            )
        if len([photos for photos in self.photos if photos]) < self.config.optimizer.classes:
            raise DataError(
                f"{self.config.data.root}: photos of fewer classes than optimizer.classes"
                f" ({self.config.optimizer.classes}); lower it, or collect more"
            )
        if self.config.optimizer.distractors and not self.distractors:
            raise DataError("optimizer.distractors is not 0, but data.distractors names no folder with sounds")


class ClassBalancedBatchSampler(Sampler[list[Draw]]):
    """Batches of distinct classes, then distractors."""

    def __init__(
        self,
        photos: list[int],
        classes: int,
        distractors: int,
        steps: int,
        seed: int,
        *,
        balance: float = 1.0,
        start: int = 0,
        shard: tuple[int, int] = (0, 1),
        distinct: bool = True,
    ) -> None:
        """photos: photos of each class; steps: batches in an epoch; seed: another one for each epoch.

        start: batches at the beginning that are left out. shard: (r, w) for the r-th of w equal shards of each batch,
        so that the processes of a distributed run share one batch of distinct classes. balance: 1 draws every class
        equally often, 0 in proportion to its photos, between them to their power of 1 - balance. With few photos in
        some classes and many in others, 1 memorises the few. distinct: no class twice in a batch; false only to
        see what that is worth.
        """
        self.numbers = np.flatnonzero(photos)
        self.classes, self.distractors = min(classes, len(self.numbers)), distractors
        self.steps, self.seed, self.start, self.shard = steps, seed, start, shard
        self.log_weights = (1 - balance) * np.log(np.asarray(photos, float)[self.numbers])
        self.distinct = distinct

    def __len__(self) -> int:
        return self.steps - self.start

    def __iter__(self) -> Iterator[list[Draw]]:
        generator = np.random.default_rng([self.seed, 1])
        for step in range(self.steps):
            numbers = [*self._draw_classes(generator), *[DISTRACTOR] * self.distractors]
            seeds = generator.integers(1 << 62, size=len(numbers))
            draws = [Draw(int(number), int(seed)) for number, seed in zip(numbers, seeds, strict=True)]
            if step >= self.start:
                yield [*self._my_shard(draws[: self.classes]), *self._my_shard(draws[self.classes :])]

    def _draw_classes(self, generator: np.random.Generator) -> np.ndarray:
        if self.distinct:
            # The largest of weights with Gumbel noise: drawing one by one without putting back (Vieira, 2014).
            order = np.argsort(-(self.log_weights + generator.gumbel(size=len(self.numbers))))
            return self.numbers[order[: self.classes]]
        noisy = self.log_weights + generator.gumbel(size=(self.classes, len(self.numbers)))
        drawn: np.ndarray = self.numbers[noisy.argmax(axis=1)]
        return drawn

    def _my_shard(self, draws: list[Draw]) -> list[Draw]:
        rank, world = self.shard
        return draws[rank * len(draws) // world : (rank + 1) * len(draws) // world]


def collate(items: list[Triplet], config: TrainingConfig) -> Batch:
    """One batch of the items of `ClassBalancedBatchSampler`, whose sounds become pictures together."""
    named = [item for item in items if item.number != DISTRACTOR]
    photos = np.stack(
        [item.photos for item in named], axis=1
    )  # (k, n, ...): the first photo of every class, the second, ...
    of_photos = [item.sources[i] for i in range(len(photos)) for item in named]
    return Batch(
        torch.from_numpy(photos.reshape(-1, *photos.shape[2:])),
        torch.from_numpy(np.stack([item.text for item in items])),
        _sound_pictures(items, config),
        torch.tensor([item.number for item in named]),
        (*of_photos, *[f"the words {item.sources[-2]!r}" for item in items], *[item.sources[-1] for item in items]),
        tuple(reason for item in items for reason in item.unreadable),
    )


def _sound_pictures(items: list[Triplet], config: TrainingConfig) -> Tensor:
    """uint8 (n, size, size, 3), changed as the seeds of the items say."""
    sounds, renderer, change = [item.sound for item in items], config.renderer, config.augment
    if renderer.speech.method == 2:
        pictures = sound_pictures(sounds, renderer.size, renderer.speech)
    else:
        pictures = torch.from_numpy(np.stack(sounds)[..., 0])
    for item, picture in zip(items, pictures, strict=True):
        generator = np.random.default_rng(item.seed)
        if change.warp and generator.random() < change.warp:
            picture[:] = sound_augment.warp_time(picture, generator)
        if generator.random() < change.mask:
            picture[:] = sound_augment.mask_spectrogram(picture, generator)
    return pictures[..., None].repeat(1, 1, 1, 3)


@lru_cache(maxsize=1024)  # the names alone are most of what is drawn; 13 MB at 64 pixels, 154 MB at 224
def _text_image(words: str, size: int, settings: TextSettings) -> np.ndarray:
    image = render_text(words, size, settings)
    image.flags.writeable = False
    return image


def _read_one(
    paths: list[Path],
    read: Callable[[Path, np.random.Generator], np.ndarray],
    generator: np.random.Generator,
    unreadable: list[tuple[str, str]],
) -> tuple[Path, np.ndarray]:
    """A random file and its image; those that cannot be read are noted, and another one is drawn.

    Raises DataError when ten in a row could not be read.
    """
    for _ in range(10):
        path = paths[int(generator.integers(len(paths)))]
        try:
            return path, read(path, generator)
        except (InvalidImage, InvalidSound, OSError) as error:
            unreadable.append((str(path), str(error)))
    raise DataError(f"{paths[0].parent}: ten files drawn here could not be read, the last: {unreadable[-1][1]}")


def _check_augment(change: AugmentConfig) -> None:
    for name, value in asdict(change).items():
        if name != "snr" and not 0 <= value <= 1:
            raise ConfigurationError(f"augment.{name}: expected a number from 0 to 1, got {value:g}")
    if len(change.snr) != 2 or change.snr[0] > change.snr[1]:
        raise ConfigurationError(
            f"augment.snr: expected the least and the greatest dB, as [0, 30], got {[*change.snr]}"
        )


def _sounds_by_language(folder: Path, config: DataConfig) -> dict[str, list[Path]]:
    return {language: sounds_below(folder / language) for language in config.languages}


def _distractors(config: DataConfig) -> list[tuple[str, list[Path]]]:
    if not config.distractors:
        return []
    folders = class_folders(Path(config.distractors))
    return [(folder.name.replace("_", " "), sounds_below(folder)) for folder in folders]


def noises_of(config: DataConfig) -> list[np.ndarray]:
    """The background sounds of `data.noise`, float32 at 16 kHz; none if it is empty. Raises DataError."""
    if not config.noise:
        return []
    noises = []
    for path in sounds_below(Path(config.noise)):
        samples, rate = read_sound(path, max_s=3600.0)
        if rate != RATE:
            raise DataError(f"{path}: noise must have {RATE} Hz, got {rate}; convert it")
        noises.append(samples)
    return noises
