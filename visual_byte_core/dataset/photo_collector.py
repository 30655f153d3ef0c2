# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Photos of each class from folders, CIFAR-100 and image search, shared out among the splits of a data set.

A photo stays in the split where it once came, however its source grows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from visual_byte_core.dataset.cifar import read_cifar100, read_sheet
from visual_byte_core.dataset.collect_config import PhotoSource
from visual_byte_core.dataset.web_images import search_photos
from visual_byte_core.errors import DataError, InvalidImage, InvalidNames
from visual_byte_core.files import write_whole
from visual_byte_core.names import ClassName, slugify
from visual_byte_core.rendering.photo import PHOTO_SUFFIXES, decode_photo

SPLIT_SUFFIXES = ("", "_calibrate", "_eval")
MAX_SHARE_UNREADABLE = 0.05
LISTED = 10  # unreadable photos named in the error


@dataclass(frozen=True)
class SourceReport:
    """What a source of photos gave.

    classes: how many known ones it has; photos: of these; written: new in the data set; unreadable: for each photo
    that is no picture its path and why; searched: of an image search how many photos were taken, or why not.
    """

    source: str
    classes: int
    photos: int
    written: int
    unreadable: tuple[str, ...] = ()
    searched: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Photo:
    """A file, or pixels: uint8 (height, width, 3), RGB."""

    name: str
    content: Path | np.ndarray

    def encoded(self) -> bytes:
        """The file's bytes. Raises InvalidImage if it cannot be read."""
        if isinstance(self.content, np.ndarray):
            return cv2.imencode(".png", self.content[:, :, ::-1])[1].tobytes()
        try:
            return self.content.read_bytes()
        except OSError as error:
            raise InvalidImage(f"{self.content}: cannot be read ({error.strerror})") from error


class PhotoCollector:
    """Writes photos of many sources into one data set.

    Files of one name in one split, of different sources, are told apart by their content.
    """

    def __init__(self, out: Path, names: Mapping[str, ClassName], *, overwrite: bool = False) -> None:
        self._out, self._names, self._overwrite = out, names, overwrite
        self._claimed: set[Path] = set()

    def collect(self, source: PhotoSource) -> SourceReport:
        """Add what is not there yet.

        Raises:
            DataError: the source is missing or damaged, has no known class, over 5 % of its photos cannot be read, or
                the disk is full; what was written before stays.
            HttpError: see `download` and `search_photos`.
        """
        searched = self._search(source)
        classes = _classes_of(source, self._names)
        if not classes:
            raise DataError(f"{source.path}: no {source.kind} of a known name; check photos.path and the names file")
        written, unreadable = 0, list[str]()
        for slug, photos in tqdm(classes.items(), desc=f"photos of {Path(source.path).name}", unit="class"):
            for split, (first, last) in enumerate(source.splits(len(photos))):
                for photo in photos[first:last]:
                    try:
                        written += self._add(slug, split, photo)
                    except InvalidImage as error:
                        unreadable.append(str(error))
        total = sum(map(len, classes.values()))
        if len(unreadable) > MAX_SHARE_UNREADABLE * total:
            more = f"; and {len(unreadable) - LISTED} more" if len(unreadable) > LISTED else ""
            raise DataError(
                f"{source.path}: {len(unreadable)} of {total} photos cannot be read, over 5 %; mend or remove them:"
                f" {'; '.join(unreadable[:LISTED])}{more}"
            )
        return SourceReport(source.path, len(classes), total, written, tuple(unreadable), searched)

    def _search(self, source: PhotoSource) -> dict[str, int]:
        if source.search is None:
            return {}
        return dict(search_photos(source.search, Path(source.path), self._names.values(), self._photos_of))

    def _photos_of(self, slug: str) -> Iterator[Path]:
        return (path for split in SPLIT_SUFFIXES for path in (self._out / f"image{split}" / slug).glob("*"))

    def _add(self, slug: str, split: int, photo: _Photo) -> bool:
        """Whether it was written. Raises InvalidImage, DataError."""
        target = self._out / f"image{SPLIT_SUFFIXES[split]}" / slug / photo.name
        content: bytes | None = None
        if target in self._claimed:
            content = photo.encoded()
            digest = hashlib.sha256(content).hexdigest()[:8]
            target = target.with_name(f"{target.stem}_{digest}{target.suffix}")
        self._claimed.add(target)
        if target.exists() and not self._overwrite:
            return False
        content = photo.encoded() if content is None else content
        if self._is_elsewhere(target, slug, split, content):
            return False
        if isinstance(photo.content, Path):
            decode_photo(content, str(photo.content))
        write_whole(target, content)
        return True

    def _is_elsewhere(self, target: Path, slug: str, split: int, content: bytes) -> bool:
        """Whether the photo is in another split already, where it came when its source was smaller."""
        others = (
            self._out / f"image{name}" / slug / target.name for name in SPLIT_SUFFIXES if name != SPLIT_SUFFIXES[split]
        )
        return any(
            other.exists() and other.stat().st_size == len(content) and other.read_bytes() == content
            for other in others
        )


def _classes_of(source: PhotoSource, names: Mapping[str, ClassName]) -> dict[str, Sequence[_Photo]]:
    """By slug the photos of the known classes, always in the same order. Raises DataError."""
    path = Path(source.path)
    if source.kind == "cifar_binary":
        prefix = "cifar" if source.split == "train" else "cifar_test"
        photos = read_cifar100(path, source.split, source.url)
        return {slug: _numbered(prefix, list(tiles)) for slug, tiles in photos.items() if slug in names}
    if source.kind == "cifar_sheets":
        return {p.stem: _numbered("cifar", read_sheet(p)) for p in sorted(path.glob("*.webp")) if p.stem in names}
    classes: dict[str, list[_Photo]] = {}
    for folder in sorted(p for p in path.glob("*") if p.is_dir()):
        slug = _slug_of(folder.name)
        if slug in names:
            classes.setdefault(slug, []).extend(_files(folder))
    return {slug: photos for slug, photos in classes.items() if photos}


def _numbered(prefix: str, tiles: Sequence[np.ndarray]) -> list[_Photo]:
    return [_Photo(f"{prefix}_{number:03d}.png", tile) for number, tile in enumerate(tiles)]


def _files(folder: Path) -> Iterator[_Photo]:
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in PHOTO_SUFFIXES and not path.name.startswith("."):
            yield _Photo(path.name, path)


def _slug_of(folder: str) -> str:
    try:
        return slugify(folder)
    except InvalidNames:
        return ""
