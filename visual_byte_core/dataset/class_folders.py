# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Data in folders of one class each, `DIR/<slug>/...`."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from visual_byte_core.errors import DataError
from visual_byte_core.names import LANGUAGES
from visual_byte_core.rendering.photo import PHOTO_SUFFIXES
from visual_byte_core.rendering.speech import SOUND_SUFFIXES


@dataclass(frozen=True)
class LabelledFile:
    """A file, the slug of the class folder it lies in, and its path below the data folder."""

    path: Path
    slug: str
    key: str


def find_photos(folder: Path, pattern: str = "*") -> list[LabelledFile]:
    """The photos of `folder/<slug>/` whose file name fits the pattern, sorted. Raises DataError if there are none."""
    found = [
        LabelledFile(path, one.name, path.relative_to(folder).as_posix())
        for one in _class_folders(folder)
        for path in sorted(one.iterdir())
        if path.suffix.lower() in PHOTO_SUFFIXES and fnmatch(path.name, pattern) and path.is_file()
    ]
    if not found:
        named = f" named {pattern}" if pattern != "*" else ""
        raise DataError(f"{folder}: no photos{named}; expected {folder}/<slug>/*{'|*'.join(PHOTO_SUFFIXES)}")
    return found


def find_speech(folder: Path, language: str | None = None) -> list[LabelledFile]:
    """The sounds of `folder/<slug>/` at any depth, sorted; with a language, none below a folder of another language.

    Raises DataError if there are none.
    """
    others = {other for other in LANGUAGES if language and other != language}
    found = [
        LabelledFile(path, one.name, path.relative_to(folder).as_posix())
        for one in _class_folders(folder)
        for path in sorted(one.rglob("*"))
        if path.suffix.lower() in SOUND_SUFFIXES and path.is_file()
        if not others & set(path.relative_to(one).parts[:-1])
    ]
    if not found:
        wanted = f" in {language!r}" if language else ""
        raise DataError(f"{folder}: no speech{wanted}; expected {folder}/<slug>/**/*{'|*'.join(SOUND_SUFFIXES)}")
    return found


def photos_of(folder: Path, cap: int = 0) -> list[Path]:
    """The photos in a class folder, sorted; with a cap that many, evenly spread. Empty if there is no such folder."""
    if not folder.is_dir():
        return []
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in PHOTO_SUFFIXES)
    return paths if not cap or len(paths) <= cap else [paths[i * len(paths) // cap] for i in range(cap)]


def sounds_below(folder: Path) -> list[Path]:
    """All sound files below a folder, sorted."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SOUND_SUFFIXES)


def _class_folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be read ({error.strerror}); expected a folder with one folder a class"
        ) from error
