# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Putting files of many sources into one folder: told apart by their content, and every one of them counted."""

from __future__ import annotations

import filecmp
import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from visual_byte_core.files import copy_whole, sha256_of_file, write_whole


@dataclass
class Filed:
    """What became of the files of a source: read = new + there + the sum of left_out, always.

    Attributes:
        new: written now.
        there: were in the data set already.
        left_out: by reason.
    """

    read: int = 0
    new: int = 0
    there: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def kept(self) -> int:
        """Files of this run that the data set has now."""
        return self.new + self.there

    def __str__(self) -> str:
        reasons = "".join(f"; {count} {reason}" for reason, count in sorted(self.left_out.items()))
        return f"{self.read} read, {self.kept} kept ({self.new} new), {sum(self.left_out.values())} left out{reasons}"


class Filing:
    """Remembers what this run has put where.

    Args:
        overwrite: write again what is there.
    """

    def __init__(self, *, overwrite: bool) -> None:
        self._overwrite = overwrite
        self._taken: set[Path] = set()

    def place(self, content: Path | bytes, target: Path) -> Path | None:
        """Where a file goes: `target`, or the same with a digest of the content if another one is there.

        None if this run has filed the same content under that name.

        Raises:
            OSError: the file cannot be read.
        """
        numbered = target.with_name(f"{target.stem}_{_digest(content)}{target.suffix}")
        for place in (target, numbered):
            if same_content(content, place):
                return None if place in self._taken else self._take(place)
        return self._take(target if target not in self._taken and not _other(target, self._overwrite) else numbered)

    def put(self, content: Path | bytes, place: Path, filed: Filed) -> None:
        """Write it unless it is there, and count it. Raises DataError, OSError."""
        if place.exists() and not self._overwrite:
            filed.there += 1
            return
        if isinstance(content, bytes):
            write_whole(place, content)
        else:
            copy_whole(content, place)
        filed.new += 1

    def _take(self, place: Path) -> Path:
        self._taken.add(place)
        return place


def same_content(content: Path | bytes, path: Path) -> bool:
    """Whether the file `path` is there and holds that content. Raises OSError."""
    if not path.is_file():
        return False
    if isinstance(content, bytes):
        return path.stat().st_size == len(content) and path.read_bytes() == content
    return filecmp.cmp(content, path, shallow=False)


def _other(target: Path, overwrite: bool) -> bool:
    """Whether a file of another content is there, which is to stay."""
    return target.exists() and not overwrite


def _digest(content: Path | bytes) -> str:
    digest = hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else sha256_of_file(content)
    return digest[:8]
