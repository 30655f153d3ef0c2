# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Names of the things a robot can be asked for."""

from __future__ import annotations

import csv
import logging
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from visual_byte_core.errors import InvalidNames

LANGUAGES = ("en", "ko")
MAX_TEXT_CHARACTERS = 200
"""Characters of a label, the name of a map or of a coordinate frame; messages bring them."""
MAX_SLUG_CHARACTERS, MAX_FILE_NAME_BYTES = 100, 200  # characters, and bytes of UTF-8, of which file systems take 255
RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{kind}{n}" for kind in ("com", "lpt") for n in range(1, 10))})

log = logging.getLogger("visual_byte")


@dataclass(frozen=True)
class ClassName:
    """One class.

    slug: its folder's name; en, ko: how people say it (ko may be empty); parent: slug of a broader name, or empty.
    """

    slug: str
    en: str
    ko: str = ""
    parent: str = ""


def folded(words: str) -> str:
    """What makes two spellings the same name: how a name is found, and so how labels are compared.

    Compatibility forms unified, case folded, blanks and what nobody sees collapsed.
    """
    plain = unicodedata.normalize("NFKC", words).casefold()
    # Cc, Cf, Cs: control characters, direction marks, lone surrogates - what a terminal or keyboard adds unseen.
    visible = "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c for c in plain)
    return " ".join(visible.split())


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
    """Read a UTF-8 CSV with the header `en,ko` and optionally `parent` (a broader name of the same file).

    A byte order mark, blank lines, either kind of line end and blanks around values are fine. A line that says the
    same as an earlier one is left out with a warning.

    Raises:
        InvalidNames: the file cannot be read, lacks the column `en` or holds no name; or, with its line, a row lacks
        its English name or holds too many values, a name gives no usable folder name or that of another name, a parent
        is unknown or its own descendant.
    """
    lines: dict[str, int] = {}
    names: dict[str, ClassName] = {}
    for line, row in _read_rows(path):
        name = _read_name(row, f"{path}, line {line}")
        first = names.setdefault(name.slug, name)
        if first != name:
            raise InvalidNames(
                f"{path}, line {line}: {name.en!r} would share the folder {name.slug} with {first.en!r} of line"
                f" {lines[name.slug]}; rename or remove one of them"
            )
        if lines.setdefault(name.slug, line) != line:
            log.warning("%s: line %d repeats line %d (%s) and is left out", path, line, lines[name.slug], name.en)
    if not names:
        raise InvalidNames(f"{path}: holds no name")
    _check_parents({slug: name.parent for slug, name in names.items()}, lines, path)
    return list(names.values())


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


def _read_rows(path: str | Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line and values by column of every row that is not blank."""
    columns: list[str] = []
    with _opened(path) as file:
        reader = csv.reader(file, skipinitialspace=True, strict=True)
        try:
            for row in reader:
                values = [" ".join(value.split()) for value in row]
                if not any(values):
                    continue
                if columns:
                    yield reader.line_num, _by_column(columns, values, f"{path}, line {reader.line_num}")
                elif "en" in values:
                    columns = values
                else:
                    raise InvalidNames(f"{path}: expected a header with the columns en,ko, got {','.join(values)}")
        except (UnicodeDecodeError, csv.Error) as error:
            where = f"{path}, line {reader.line_num}" if isinstance(error, csv.Error) else path
            raise InvalidNames(f"{where}: cannot be read as a UTF-8 CSV of names ({error})") from error


def _opened(path: str | Path) -> TextIO:
    try:
        return open(path, encoding="utf-8-sig", newline="")
    except OSError as error:
        raise InvalidNames(f"{path}: cannot be read as a UTF-8 CSV of names ({error.strerror})") from error


def _by_column(columns: list[str], values: list[str], where: str) -> dict[str, str]:
    if any(values[len(columns) :]):
        raise InvalidNames(f"{where}: {len(values)} values for {len(columns)} columns; quote a name that holds a comma")
    return dict(zip(columns, values, strict=False))


def _read_name(row: dict[str, str], where: str) -> ClassName:
    english, parent = row.get("en", ""), row.get("parent", "")
    if not english:
        raise InvalidNames(f"{where}: no English name in the column en")
    try:
        return ClassName(_usable_slug(english), english, row.get("ko", ""), _usable_slug(parent) if parent else "")
    except InvalidNames as error:
        raise InvalidNames(f"{where}: {error}") from error


def _usable_slug(name: str) -> str:
    slug = slugify(name)
    if len(slug) > MAX_SLUG_CHARACTERS or len(slug.encode()) > MAX_FILE_NAME_BYTES:
        shown = name if len(name) <= 30 else f"{name[:30]}..."
        raise InvalidNames(
            f"{shown!r} makes a folder name of {len(slug)} characters ({len(slug.encode())} bytes); shorten it to"
            f" {MAX_SLUG_CHARACTERS} ({MAX_FILE_NAME_BYTES})"
        )
    if slug in RESERVED:
        raise InvalidNames(f"{name!r} makes the folder name {slug}, which Windows keeps for a device; reword it")
    return slug


def _check_parents(parents: dict[str, str], lines: dict[str, int], path: str | Path) -> None:
    for slug, parent in parents.items():
        where = f"{path}, line {lines[slug]}"
        if parent and parent not in parents:
            raise InvalidNames(f"{where}: the parent {parent} of {slug} is no name of this file; add it, or correct it")
        if parent and slug in _ancestors(parent, parents):
            raise InvalidNames(f"{where}: {slug} is its own parent, by way of {parent}; remove one parent")
