# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Photos of each class from folders, CIFAR-100 and image search, shared out among the splits of a data set.

A photo stays in the split where it once came, however its source grows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from visual_byte_core.data_files import data_files
from visual_byte_core.dataset.cifar import read_cifar100, read_sheet
from visual_byte_core.dataset.class_folders import class_folders, slug_of_folder
from visual_byte_core.dataset.collect_config import PhotoSource
from visual_byte_core.dataset.filing import Filed, Filing, same_content
from visual_byte_core.dataset.unreadable import LIMIT, too_many_unreadable
from visual_byte_core.dataset.web_images import search_photos
from visual_byte_core.errors import DataError, InvalidImage
from visual_byte_core.names import ClassName
from visual_byte_core.rendering.photo import decode_photo

SPLIT_SUFFIXES = ("", "_calibrate", "_eval")
LISTED = 10  # unreadable photos named in the error


@dataclass(frozen=True)
class SourceReport:
    """What a source of photos gave.

    classes: how many known ones it has; photos: of these; written: new in the data set; there: were in it already;
    left_out: others of its photos, by reason; unreadable: for each photo that is no picture its path and why; searched:
    of an image search how many photos were taken, or why not. unknown: folders of no known name.
    """

    source: str
    classes: int
    photos: int
    written: int
    there: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    unknown: int = 0
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

    Files of one name in one split are told apart by their content.
    """

    def __init__(self, out: Path, names: Mapping[str, ClassName], *, overwrite: bool = False) -> None:
        self._out, self._names, self._overwrite = out, names, overwrite
        self._filing = Filing(overwrite=overwrite)

    def collect(self, source: PhotoSource) -> SourceReport:
        """Add what is not there yet.

        Raises:
            DataError: the source is missing or damaged, has no known class, over 5 % of its photos cannot be read, or
                the disk is full; what was written before stays.
            HttpError: see `download` and `search_photos`.
        """
        searched = self._search(source)
        classes, unknown = _classes_of(source, self._names)
        if not classes:
            raise DataError(f"{source.path}: no {source.kind} of a known name; check photos.path and the names file")
        filed, unreadable = Filed(), list[str]()
        progress = tqdm(classes.items(), desc=f"photos of {Path(source.path).name}", unit="class", disable=None)
        for slug, photos in progress:
            filed.read += len(photos)
            spans = source.splits(len(photos))
            filed.left_out["not asked for (train, calibrate, evaluate)"] += len(photos) - sum(b - a for a, b in spans)
            for split, (first, last) in enumerate(spans):
                for photo in photos[first:last]:
                    try:
                        self._add(slug, split, photo, filed)
                    except InvalidImage as error:
                        filed.left_out["cannot be read"] += 1
                        unreadable.append(str(error))
        total = filed.read
        if too_many_unreadable(len(unreadable), total):
            more = f"; and {len(unreadable) - LISTED} more" if len(unreadable) > LISTED else ""
            raise DataError(
                f"{source.path}: {len(unreadable)} of {total} photos cannot be read, over {LIMIT}; mend or remove them:"
                f" {'; '.join(unreadable[:LISTED])}{more}"
            )
        return SourceReport(
            source.path, len(classes), total, filed.new, filed.there, dict(+filed.left_out), unknown, tuple(unreadable),
            searched,
        )  # fmt: skip

    def _search(self, source: PhotoSource) -> dict[str, int]:
        if source.search is None:
            return {}
        return dict(search_photos(source.search, Path(source.path), self._names.values(), self._photos_of))

    def _photos_of(self, slug: str) -> Iterator[Path]:
        return (path for split in SPLIT_SUFFIXES for path in (self._out / f"image{split}" / slug).glob("*"))

    def _add(self, slug: str, split: int, photo: _Photo, filed: Filed) -> None:
        """Raises InvalidImage, DataError."""
        target = self._out / f"image{SPLIT_SUFFIXES[split]}" / slug / photo.name
        if isinstance(photo.content, np.ndarray) and target.exists() and not self._overwrite:
            filed.there += 1  # a numbered tile is the same whenever it is read
            return
        content = photo.encoded()
        if self._is_elsewhere(target, slug, split, content):
            filed.there += 1
            return
        place = self._filing.place(content, target)
        if place is None:
            filed.left_out["the same photo again"] += 1
            return
        if isinstance(photo.content, Path) and not place.exists():
            decode_photo(content, str(photo.content))
        self._filing.put(content, place, filed)

    def _is_elsewhere(self, target: Path, slug: str, split: int, content: bytes) -> bool:
        """Whether the photo is in another split already, where it came when its source was smaller."""
        others = (
            self._out / f"image{name}" / slug / target.name for name in SPLIT_SUFFIXES if name != SPLIT_SUFFIXES[split]
        )
        return any(same_content(content, other) for other in others)


def _classes_of(source: PhotoSource, names: Mapping[str, ClassName]) -> tuple[dict[str, list[_Photo]], int]:
    """By slug the photos of the known classes, always in the same order, and how many others there are.

    Raises:
        DataError: the source cannot be read.
    """
    path = Path(source.path)
    if source.kind == "cifar_binary":
        prefix = "cifar" if source.split == "train" else "cifar_test"
        photos = read_cifar100(path, source.split, source.url)
        known = {slug: _numbered(prefix, list(tiles)) for slug, tiles in photos.items() if slug in names}
        return known, len(photos) - len(known)
    if source.kind == "cifar_sheets":
        sheets = sorted(path.glob("*.webp"))
        known = {p.stem: _numbered("cifar", read_sheet(p)) for p in sheets if p.stem in names}
        return known, len(sheets) - len(known)
    classes: dict[str, list[_Photo]] = {}
    unknown = 0
    for folder in class_folders(path) if path.is_dir() else []:
        slug = slug_of_folder(folder.name)
        if slug in names:
            files = data_files(folder, "photo", deep=False)
            files.tell()
            classes.setdefault(slug, []).extend(_Photo(photo.name, photo) for photo in files.found)
        else:
            unknown += 1
    return {slug: photos for slug, photos in classes.items() if photos}, unknown


def _numbered(prefix: str, tiles: Sequence[np.ndarray]) -> list[_Photo]:
    return [_Photo(f"{prefix}_{number:03d}.png", tile) for number, tile in enumerate(tiles)]
