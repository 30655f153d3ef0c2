# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""CIFAR-100: the official binary archive, and sheets that hold the photos of one class."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import IO

import numpy as np

from visual_byte_core.dataset.download import download
from visual_byte_core.errors import DataError
from visual_byte_core.names import slugify
from visual_byte_core.rendering.photo import read_photo

TILE = 32  # pixels a side
RECORD = 2 + 3 * TILE * TILE  # coarse label, fine label, then red, green and blue, row by row
LABELS = "fine_label_names.txt"
MAX_MEMBER_BYTES = 60_000 * RECORD
PAGE = "https://www.cs.toronto.edu/~kriz/cifar.html"
ARCHIVE_SHA256 = "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"
ARCHIVE_SIZE = 168_513_733  # bytes


def read_sheet(sheet: Path) -> list[np.ndarray]:
    """The tiles of a sheet, row by row: uint8 (32, 32, 3) each, RGB. Raises InvalidImage."""
    pixels = read_photo(sheet)
    rows, columns = pixels.shape[0] // TILE, pixels.shape[1] // TILE
    return [
        pixels[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE]
        for row in range(rows)
        for column in range(columns)
    ]


def read_cifar100(path: Path, split: str, url: str = "") -> dict[str, np.ndarray]:
    """Photos by slug, in the official order: uint8 (n, 32, 32, 3), RGB.

    path: `cifar-100-binary.tar.gz`, or the folder that was unpacked from it; split: `train` or `test`; url: where to
    fetch the archive when it is not there, or empty. Nothing is unpacked to the disk.

    Raises:
        DataError: missing, damaged, or the pickled version, whose loading would execute what is in it.
    """
    if url and not path.exists():
        download(url, path, sha256=ARCHIVE_SHA256, size=ARCHIVE_SIZE)
    files = {LABELS: b"", f"{split}.bin": b""}
    files |= _read_folder(path, list(files)) if path.is_dir() else _read_archive(path, list(files))
    labels = [slugify(line) for line in files[LABELS].decode("ascii", errors="replace").split("\n") if line.strip()]
    records = np.frombuffer(files[f"{split}.bin"], np.uint8)
    if not len(records) or len(records) % RECORD or not labels:
        raise DataError(
            f"{path}: {split}.bin of {len(records)} bytes, no multiple of {RECORD}; fetch it again from {PAGE}"
        )
    records = records.reshape(-1, RECORD)
    if records[:, 1].max() >= len(labels):
        raise DataError(f"{path}: class {records[:, 1].max()} has no line in {LABELS}; fetch it again from {PAGE}")
    pixels = records[:, 2:].reshape(-1, 3, TILE, TILE).transpose(0, 2, 3, 1)
    return {slug: pixels[records[:, 1] == number] for number, slug in enumerate(labels)}


def _read_folder(folder: Path, names: list[str]) -> dict[str, bytes]:
    try:
        return {name: (folder / name).read_bytes() for name in names}
    except OSError as error:
        if (folder / "meta").exists():
            raise _pickled(folder) from error
        raise DataError(
            f"{error.filename}: cannot be read as CIFAR-100 ({error.strerror}); expected the files of"
            f" cifar-100-binary.tar.gz from {PAGE}"
        ) from error


def _read_archive(path: Path, names: list[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                if member.name.startswith("cifar-100-python/"):
                    raise _pickled(path)
                folder, _, name = member.name.rpartition("/")
                if name in names and folder in ("", "cifar-100-binary") and member.isreg():
                    found[name] = _read_member(path, archive.extractfile(member), member.size)
    except (OSError, tarfile.TarError, EOFError) as error:  # gzip's and zlib's errors among them
        raise DataError(
            f"{path}: cannot be read as CIFAR-100 ({error}); fetch cifar-100-binary.tar.gz from {PAGE}, or let collect"
            " do it with photos.url"
        ) from error
    missing = sorted(set(names) - set(found))
    if missing:
        raise DataError(f"{path}: holds no {' and no '.join(missing)}; expected cifar-100-binary.tar.gz from {PAGE}")
    return found


def _read_member(path: Path, member: IO[bytes] | None, size: int) -> bytes:
    if member is None or size > MAX_MEMBER_BYTES:
        raise DataError(f"{path}: a file of {size} bytes in it is no part of CIFAR-100; fetch it again from {PAGE}")
    return member.read()


def _pickled(path: Path) -> DataError:
    return DataError(
        f"{path}: is the Python version of CIFAR-100, a pickle, which can execute anything as it is loaded; take"
        f" cifar-100-binary.tar.gz from {PAGE} instead"
    )
