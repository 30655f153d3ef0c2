# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Names of the things a robot can be asked for."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from visual_byte_core.errors import InvalidNames

LANGUAGES = ("en", "ko")


@dataclass(frozen=True)
class ClassName:
    """One class.

    slug: its folder's name; en, ko: how people say it (ko may be empty); parent: slug of a broader name, or empty.
    """

    slug: str
    en: str
    ko: str = ""
    parent: str = ""


def slugify(name: str) -> str:
    """A folder name: letters and digits of any script in lower case, joined by underscores.

    Raises:
        InvalidNames: no letter or digit is left.
    """
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", name).casefold())
    if not words:
        raise InvalidNames(f"name {name!r} holds no letter or digit")
    return "_".join(words)


def read_names(path: str | Path) -> list[ClassName]:
    """Read a CSV with the header `en,ko` and optionally `parent` (a broader name of the same file).

    A byte order mark, blank lines and blanks around values are fine.

    Raises:
        InvalidNames: the file cannot be read, lacks the column `en`, is empty, repeats a name or names an
        unknown parent.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, skipinitialspace=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidNames(f"{path}: cannot be read as a UTF-8 CSV of names ({error})") from error
    if rows and "en" not in rows[0]:
        raise InvalidNames(f"{path}: expected a header with the columns en,ko, got {','.join(map(str, rows[0]))}")
    names = [_read_row(row) for row in rows if (row["en"] or "").strip()]
    _check(names, path)
    return names


def spell(name: ClassName, language: str) -> str:
    """The name in `language` (en or ko).

    Raises:
        InvalidNames: the language is unknown, or this name has no spelling in it.
    """
    if language not in LANGUAGES:
        raise InvalidNames(f"language {language!r}: expected one of {', '.join(LANGUAGES)}")
    spelling = name.en if language == "en" else name.ko
    if not spelling:
        raise InvalidNames(f"{name.slug}: has no name in language {language!r}; add it to the names file")
    return spelling


def overlaps(names: Iterable[ClassName]) -> dict[str, frozenset[str]]:
    """For each slug the slugs that may name the same thing: itself, its broader and its narrower names."""
    parents = {name.slug: name.parent for name in names}
    lines = {slug: _ancestors(slug, parents) for slug in parents}
    return {a: frozenset(b for b in parents if a in lines[b] or b in lines[a]) for a in parents}


def _ancestors(slug: str, parents: dict[str, str]) -> set[str]:
    line: set[str] = set()
    while slug and slug not in line:
        line.add(slug)
        slug = parents.get(slug, "")
    return line


def _read_row(row: dict[str, str | None]) -> ClassName:
    english = " ".join((row["en"] or "").split())
    parent = (row.get("parent") or "").strip()
    return ClassName(
        slugify(english), english, " ".join((row.get("ko") or "").split()), slugify(parent) if parent else ""
    )


def _check(names: list[ClassName], path: str | Path) -> None:
    if not names:
        raise InvalidNames(f"{path}: holds no name")
    slugs = [name.slug for name in names]
    repeated = sorted({slug for slug in slugs if slugs.count(slug) > 1})
    if repeated:
        raise InvalidNames(f"{path}: names the same class twice: {', '.join(repeated)}; remove one line each")
    unknown = sorted({name.parent for name in names if name.parent} - set(slugs))
    if unknown:
        raise InvalidNames(f"{path}: parents that are no names of this file: {', '.join(unknown)}")
