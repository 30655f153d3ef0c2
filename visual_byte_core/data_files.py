# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Which files of a folder are data: photos or sounds, by one list of suffixes, wherever a folder is read."""

from __future__ import annotations

import logging
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from visual_byte_core.errors import DataError

PHOTO_SUFFIXES = frozenset(
    (".avif", ".bmp", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif",
     ".tiff", ".webp")
)  # fmt: skip
SOUND_SUFFIXES = frozenset(
    (".aif", ".aifc", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".w64", ".wav", ".wave")
)
# What people have, too, and no library that is installed here reads.
OTHER_PHOTOS = frozenset((".arw", ".cr2", ".dng", ".heic", ".heif", ".jxl", ".nef", ".svg"))
OTHER_SOUNDS = frozenset((".3gp", ".aac", ".amr", ".m4a", ".webm", ".wma"))
KINDS = {"photo": (PHOTO_SUFFIXES, OTHER_PHOTOS, "JPEG or PNG"), "sound": (SOUND_SUFFIXES, OTHER_SOUNDS, "FLAC or WAV")}
HIDDEN = ("__macosx", "$recycle.bin", "system volume information", "@eadir")

log = logging.getLogger("visual_byte")


@dataclass
class DataFiles:
    """The data of a folder.

    Attributes:
        found: the files, sorted.
        passed_over: how many other files, by reason.
        mended: those reasons that a user may want to do something about.
    """

    folder: Path
    found: list[Path] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)
    mended: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        return ", ".join(f"{count} {reason}" for reason, count in sorted(self.passed_over.items()))

    def tell(self) -> None:
        """Say what was passed over; as a warning if something looks like data."""
        if self.passed_over:
            level = logging.WARNING if self.mended else logging.INFO
            log.log(level, "%s: %d files taken; passed over: %s", self.folder, len(self.found), self)


def data_files(folder: Path, kind: str, *, deep: bool = True) -> DataFiles:
    """The photos or sounds (`kind`) in a folder and, if `deep`, below it.

    A link is followed, but no folder is entered twice: the folder itself comes before links to it. Hidden files and
    those that macOS and Windows put beside others are passed over.

    Raises:
        DataError: there is no such folder or it cannot be read.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected one with {kind}s")
    walk = _Walk(folder, kind, deep)
    try:
        walk.enter(folder)
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror}); check its permissions") from error
    walk.follow_links()
    walk.files.found.sort()
    return walk.files


def expected(kind: str) -> str:
    """The suffixes of a kind, to show."""
    return f"files that end in {', '.join(sorted(KINDS[kind][0]))}"


def is_hidden(name: str) -> bool:
    """Whether a name is one that systems keep for themselves: .x, ._x (AppleDouble), __MACOSX."""
    return name.startswith(".") or name.casefold() in HIDDEN


class _Walk:
    def __init__(self, folder: Path, kind: str, deep: bool) -> None:
        self.files = DataFiles(folder)
        self._kind = kind
        self._suffixes, self._others, self._better = KINDS[kind]
        self._deep = deep
        self._entered: set[tuple[int, int]] = set()
        self._links: list[Path] = []

    def enter(self, folder: Path) -> None:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in self._entered:
            self._pass_over("links to a folder that was read already")
            return
        self._entered.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                self._look_at(entry)

    def follow_links(self) -> None:
        while self._links:
            self._enter_below(self._links.pop(0))

    def _enter_below(self, folder: Path) -> None:
        try:
            self.enter(folder)
        except OSError as error:
            self._pass_over(f"folders that cannot be read ({error.strerror})", mend=True)

    def _look_at(self, entry: os.DirEntry[str]) -> None:
        path = Path(entry.path)
        if is_hidden(entry.name):
            self._pass_over("hidden")
        elif entry.is_dir():
            if not self._deep:
                self._pass_over("folders in it")
            elif entry.is_symlink():
                self._links.append(path)
            else:
                self._enter_below(path)
        elif entry.is_file():
            self._judge(path)
        else:
            self._pass_over("links that lead nowhere" if entry.is_symlink() else "no files", mend=entry.is_symlink())

    def _judge(self, path: Path) -> None:
        suffix = path.suffix.lower()
        if suffix in self._suffixes:
            self.files.found.append(path)
        elif suffix in self._others:
            self._pass_over(f"{suffix}, which is not read (convert it to {self._better})", mend=True)
        else:
            self._pass_over(f"no {self._kind}s ({suffix or 'without a suffix'})")

    def _pass_over(self, reason: str, *, mend: bool = False) -> None:
        self.files.passed_over[reason] += 1
        if mend:
            self.files.mended.add(reason)
