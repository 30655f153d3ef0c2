# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Data in folders of one class each, `DIR/<name>/...`; the slug is made of the folder's name by one rule everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from visual_byte_core.data_files import DataFiles, data_files, expected, is_hidden
from visual_byte_core.errors import DataError, InvalidNames
from visual_byte_core.names import LANGUAGES, slugify


@dataclass(frozen=True)
class LabelledFile:
    """A file, the slug of the class folder it lies in, and its path below the data folder."""

    path: Path
    slug: str
    key: str


def slug_of_folder(name: str) -> str:
    """The slug that a folder's name means, however it is spelled; empty if it holds no letter or digit."""
    try:
        return slugify(name)
    except InvalidNames:
        return ""


def find_photos(folder: Path, pattern: str = "*") -> list[LabelledFile]:
    """The photos of `folder/<name>/` whose file name fits the pattern, sorted.

    Raises:
        DataError: there are none.
    """
    walked = _walked(folder, "photo")
    found = []
    for file in _labelled(walked):
        if file.path.parent.parent != folder:
            walked.passed_over[f"below {folder}/<name>/"] += 1
        elif fnmatch(file.path.name, pattern):
            found.append(file)
    if not found:
        named = f" named {pattern}" if pattern != "*" else ""
        raise _nothing(walked, f"no photos{named}; expected {folder}/<name>/ with {expected('photo')}")
    walked.tell()
    return found


def find_speech(folder: Path, language: str | None = None) -> list[LabelledFile]:
    """The sounds of `folder/<name>/` at any depth, sorted; with a language, none below a folder of another language.

    Raises:
        DataError: there are none.
    """
    others = {other for other in LANGUAGES if language and other != language}
    walked = _walked(folder, "sound")
    found = []
    for file in _labelled(walked):
        if others & set(file.path.relative_to(folder).parts[1:-1]):
            walked.passed_over["in another language"] += 1
        else:
            found.append(file)
    if not found:
        wanted = f" in {language!r}" if language else ""
        raise _nothing(walked, f"no speech{wanted}; expected {folder}/<name>/ with {expected('sound')}")
    walked.tell()
    return found


def class_folders(folder: Path) -> list[Path]:
    """The folders in a folder, links too, sorted; not the hidden ones.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not is_hidden(path.name))
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be read ({error.strerror}); expected a folder with one folder a class"
        ) from error


def photos_of(folder: Path, cap: int = 0) -> list[Path]:
    """The photos in a class folder, sorted; with a cap that many, evenly spread. Empty if there is no such folder."""
    if not folder.is_dir():
        return []
    paths = data_files(folder, "photo", deep=False).found
    return paths if not cap or len(paths) <= cap else [paths[i * len(paths) // cap] for i in range(cap)]


def sounds_below(folder: Path) -> list[Path]:
    """All sound files below a folder, sorted. Empty if there is no such folder."""
    return data_files(folder, "sound").found if folder.is_dir() else []


def _walked(folder: Path, kind: str) -> DataFiles:
    class_folders(folder)
    return data_files(folder, kind)


def _labelled(walked: DataFiles) -> list[LabelledFile]:
    """The files in class folders, sorted; others are counted as passed over."""
    labelled = []
    for path in walked.found:
        below = path.relative_to(walked.folder)
        slug = slug_of_folder(below.parts[0]) if len(below.parts) > 1 else ""
        if slug:
            labelled.append(LabelledFile(path, slug, below.as_posix()))
        else:
            walked.passed_over["in no folder of a class"] += 1
    walked.found = [file.path for file in labelled]
    return labelled


def _nothing(walked: DataFiles, what: str) -> DataError:
    return DataError(f"{walked.folder}: {what}" + (f"; passed over: {walked}" if walked.passed_over else ""))
