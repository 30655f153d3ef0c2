# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Large files from the network: a download that stops goes on where it was, and only the right bytes get their name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, BinaryIO, cast

from tqdm import tqdm

from visual_byte_core.dataset.http_client import HttpError, fetch
from visual_byte_core.errors import DataError
from visual_byte_core.files import sha256_of_file


def download(url: str, target: Path, *, sha256: str, size: int) -> None:
    """Make `target` the file of `size` bytes that has this digest.

    What arrived stays beside it as `.NAME.part` until it is whole, so that the next call asks for the rest only.

    Raises:
        HttpError: see `fetch`.
        DataError: other bytes than expected, or the disk is full.
    """
    partial = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(partial, "r+b" if partial.exists() else "w+b") as file:
            if file.seek(0, os.SEEK_END) != size:
                _fetch_rest(url, file, target.name, size)
        if sha256_of_file(partial) != sha256:
            partial.unlink()
            raise DataError(
                f"{url}: is not the file expected (SHA-256 {sha256[:12]}...); try again, or fetch it by hand"
            )
        partial.replace(target)
    except OSError as error:
        raise DataError(f"{target}: cannot be written ({error.strerror}); make room and run it again") from error


def _fetch_rest(url: str, file: BinaryIO, name: str, size: int) -> None:
    with tqdm(total=size, initial=file.tell(), desc=name, unit="B", unit_scale=True, disable=None) as bar:
        try:
            fetch(url, cast(BinaryIO, _Counted(file, bar)), max_bytes=size, resume=True)
        except HttpError as error:
            kept = f"; the first {file.tell() / 1e6:.1f} MB stay, run it again" if file.tell() else ""
            raise HttpError(f"{error}{kept}", error.status) from error


class _Counted:
    """A file whose end the progress bar follows."""

    def __init__(self, file: BinaryIO, bar: tqdm[Any]) -> None:
        self._file, self._bar = file, bar

    def write(self, block: bytes) -> int:
        written = self._file.write(block)
        self._bar.update(self._file.tell() - self._bar.n)
        return written

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)
