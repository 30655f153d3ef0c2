# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Photos of a data set: from folders, CIFAR sheets and CIFAR-100 itself into the folders of the parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from visual_byte_core.dataset.cifar import read_cifar100
from visual_byte_core.dataset.collect_config import PhotoSource
from visual_byte_core.errors import DataError, InvalidImage
from visual_byte_core.rendering.photo import PHOTO_SUFFIXES, decode_photo, read_photo

TILE = 32  # CIFAR sheets: tiles row by row, in the official order
FOLDERS = ("image", "image_calibrate", "image_eval")
MOST_UNREADABLE = 0.05
LISTED = 10  # unreadable photos named in the error

Photo = tuple[str, "Path | np.ndarray"]
Write = Callable[[Path, bytes], bool]


@dataclass(frozen=True)
class PhotosCollected:
    """written: files; unreadable: a line for each photo left out; without_photos: slugs that nothing was found for."""

    written: int
    unreadable: tuple[str, ...]
    without_photos: tuple[str, ...]


def collect_photos(sources: tuple[PhotoSource, ...], slugs: set[str], out: Path, write: Write) -> PhotosCollected:
    """Photos of the classes `slugs` into the parts' folders below `out`; `write` says whether it wrote the file.

    Raises:
        DataError: a source is missing, holds no photo of a known name, or over 5 % of its photos are unreadable.
    """
    written, unreadable, found = 0, [], set[str]()
    for source in sources:
        classes = _classes(source, slugs)
        total, bad = 0, []
        for slug, photos in tqdm(sorted(classes.items()), desc=f"photos of {Path(source.path).name}", unit="class"):
            listed = list(photos)
            total += len(listed)
            for folder, (first, last) in zip(FOLDERS, source.parts(len(listed)), strict=True):
                for photo in listed[first:last]:
                    try:
                        written += _write_photo(out / folder / slug, photo, write)
                        found.add(slug)
                    except InvalidImage as error:
                        bad.append(str(error))
        _refuse_many(source, bad, total)
        unreadable += bad
    return PhotosCollected(written, tuple(unreadable), tuple(sorted(slugs - found)))


def _classes(source: PhotoSource, slugs: set[str]) -> dict[str, Iterator[Photo]]:
    folder = Path(source.path)
    found: dict[str, Iterator[Photo]]
    if source.kind == "cifar_binary":
        found = {slug: _numbered(images, source.split) for slug, images in read_cifar100(folder, source.split).items()}
    elif source.kind == "cifar_sheets":
        found = {path.stem: _tiles(path) for path in folder.glob("*.webp")}
    else:
        found = {path.name: _files(path) for path in folder.glob("*") if path.is_dir()}
    known = {slug: photos for slug, photos in found.items() if slug in slugs}
    if not known:
        raise DataError(f"{folder}: no {source.kind} of a known name; check photos.path and the names file")
    return known


def _refuse_many(source: PhotoSource, bad: list[str], total: int) -> None:
    if len(bad) > MOST_UNREADABLE * total:
        more = f"; and {len(bad) - LISTED} more" if len(bad) > LISTED else ""
        raise DataError(
            f"{source.path}: {len(bad)} of {total} photos cannot be read, over {MOST_UNREADABLE:.0%}; "
            f"mend or remove them: {'; '.join(bad[:LISTED])}{more}"
        )


def _tiles(sheet: Path) -> Iterator[Photo]:
    pixels = read_photo(sheet)
    rows, columns = pixels.shape[0] // TILE, pixels.shape[1] // TILE
    tiles = pixels[: rows * TILE, : columns * TILE].reshape(rows, TILE, columns, TILE, 3).swapaxes(1, 2)
    return _numbered(tiles.reshape(-1, TILE, TILE, 3), "train")


def _numbered(images: np.ndarray, split: str) -> Iterator[Photo]:
    prefix = "cifar" if split == "train" else f"cifar_{split}"
    return ((f"{prefix}_{number:03d}.png", image) for number, image in enumerate(images))


def _files(folder: Path) -> Iterator[Photo]:
    return ((path.name, path) for path in sorted(folder.iterdir()) if path.suffix.lower() in PHOTO_SUFFIXES)


def _write_photo(folder: Path, photo: Photo, write: Write) -> bool:
    name, content = photo
    if isinstance(content, np.ndarray):
        return write(folder / name, cv2.imencode(".png", content[:, :, ::-1])[1].tobytes())
    try:
        data = content.read_bytes()
    except OSError as error:
        raise InvalidImage(f"{content}: cannot be read ({error.strerror})") from error
    decode_photo(data, str(content))
    return write(folder / name, data)
