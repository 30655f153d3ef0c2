# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Names of the things a robot can be asked for."""

from __future__ import annotations

import csv
import io
import logging
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from visual_byte_core.errors import InvalidNames
from visual_byte_core.resources import named_or_path

LANGUAGES = ("en", "ko")
COLUMNS = ("en", "ko", "slug", "broader", "synonyms", "reserved", "source", "synset")
_FIELDS = {"source": "sources"}  # columns whose field has another name
MAX_TEXT_CHARACTERS = 200
"""Characters of a label, the name of a map or of a coordinate frame; messages bring them."""
MAX_SLUG_CHARACTERS, MAX_FILE_NAME_BYTES = 100, 200  # characters, and bytes of UTF-8, of which file systems take 255
RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{kind}{n}" for kind in ("com", "lpt") for n in range(1, 10))})

log = logging.getLogger("visual_byte")


@dataclass(frozen=True)
class ClassName:
    """One class.

    Attributes:
        slug: its folder's name.
        en: how people say it.
        ko: likewise in Korean, or empty.
        broader: slugs of broader names, direct ones.
        synonyms: other English spellings.
        reserved: spellings kept for measuring, never trained on as text or as sound, `en` itself if it is among them.
        sources: where it comes from.
        synset: its WordNet 3.0 id, or empty.
    """

    slug: str
    en: str
    ko: str = ""
    broader: tuple[str, ...] = ()
    synonyms: tuple[str, ...] = ()
    reserved: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    synset: str = ""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ClassName:
        """The inverse of `to_dict`; also reads what bundles of an earlier kind hold: one broader name as `parent`."""
        kept: dict[str, Any] = {k: tuple(value) if isinstance(value, list) else value for k, value in values.items()}
        if parent := kept.pop("parent", ""):
            kept["broader"] = (parent,)
        return cls(**kept)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, fit for YAML and JSON; beside slug, en and ko only what is not empty."""
        values = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        return {key: value for key, value in values.items() if value or key == "ko"}

    def trainable(self, language: str = "en") -> tuple[str, ...]:
        """The spellings that training may show, the name first; none if all are reserved or the language has none."""
        spellings = (self.en, *self.synonyms) if language == "en" else (self.ko,)
        kept_out = {slugify(spelling) for spelling in self.reserved}
        return tuple(spelling for spelling in spellings if spelling and slugify(spelling) not in kept_out)


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
    """Read the names of a UTF-8 CSV; the bare word `starter` is the file that comes with Visual Byte.

    The header is `en,ko` and optionally `slug`, `broader`, `synonyms`, `reserved`, `source` and `synset`; broader names
    are names of the same file, and several values of a cell stand with `;` between them. A byte order mark, blank
    lines, either kind of line end and blanks around values are fine. `parent` is read as `broader`. A line that says
    the same as an earlier one is left out with a warning.

    Raises:
        InvalidNames: the file cannot be read, lacks the column `en` or holds no name; or, with its line, a row lacks
        its English name or holds too many values, a name gives no usable folder name or that of another name, two names
        share a spelling in a language, a synonym is another name, a broader name is unknown or its own descendant.
        ConfigurationError: no names of that name come with Visual Byte.
    """
    path = named_or_path(path, "names/*.csv")
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
    _check_spellings(names.values(), lines, path)
    _check_broader({slug: name.broader for slug, name in names.items()}, lines, path)
    return list(names.values())


def write_names(names: Iterable[ClassName]) -> str:
    """The CSV that `read_names` reads; columns that no name fills are left out."""
    names = list(names)
    rows = [[_cell(getattr(name, _FIELDS.get(column, column))) for column in COLUMNS] for name in names]
    for row, name in zip(rows, names, strict=True):
        row[COLUMNS.index("slug")] = "" if name.slug == slugify(name.en) else name.slug
    filled = [i for i, column in enumerate(COLUMNS) if column in ("en", "ko") or any(row[i] for row in rows)]
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerows([[COLUMNS[i] for i in filled], *([row[i] for i in filled] for row in rows)])
    return table.getvalue()


def reserved_spellings(names: Iterable[ClassName]) -> frozenset[str]:
    """Slugs of all English spellings that are reserved, of whatever name: what training must neither show nor play."""
    return frozenset(slugify(spelling) for name in names for spelling in name.reserved)


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
    broader = {name.slug: name.broader for name in names}
    lines = {slug: _ancestors(slug, broader) & broader.keys() for slug in broader}
    related = {slug: set(line) for slug, line in lines.items()}
    for slug, line in lines.items():
        for ancestor in line:
            related[ancestor].add(slug)
    return {slug: frozenset(others) for slug, others in related.items()}


def _ancestors(slug: str, broader: Mapping[str, tuple[str, ...]]) -> set[str]:
    line: set[str] = set()
    waiting = [slug]
    while waiting:
        one = waiting.pop()
        if one not in line:
            line.add(one)
            waiting += broader.get(one, ())
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
    english = row.get("en", "")
    if not english:
        raise InvalidNames(f"{where}: no English name in the column en")
    try:
        return ClassName(
            _usable_slug(row.get("slug") or english),
            english,
            row.get("ko", ""),
            tuple(_usable_slug(name) for name in _listed(row.get("broader") or row.get("parent", ""))),
            _listed(row.get("synonyms", "")),
            _listed(row.get("reserved", "")),
            _listed(row.get("source", "")),
            row.get("synset", ""),
        )
    except InvalidNames as error:
        raise InvalidNames(f"{where}: {error}") from error


def _listed(cell: str) -> tuple[str, ...]:
    return tuple(value.strip() for value in cell.split(";") if value.strip())


def _cell(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else "; ".join(value)


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


def _check_spellings(names: Iterable[ClassName], lines: dict[str, int], path: str | Path) -> None:
    """Every spelling belongs to one name, as what is typed is answered by one."""
    taken: dict[tuple[str, str], ClassName] = {}
    names = list(names)
    own = [(language, spelling, name) for name in names for language, spelling in (("en", name.en), ("ko", name.ko))]
    # The names come first, so that a synonym that is another name is told from two names with one spelling.
    others = [("en", spelling, name) for name in names for spelling in (*name.synonyms, *name.reserved)]
    for i, (language, spelling, name) in enumerate([*own, *others]):
        if not spelling:
            continue
        other = taken.setdefault((language, slugify(spelling)), name)
        if other.slug == name.slug:
            continue
        where = f"{path}, line {lines[name.slug]}"
        if i < len(own):
            problem = f"{name.slug} and {other.slug} of line {lines[other.slug]} have one spelling, {spelling!r}"
            raise InvalidNames(f"{where}: {problem}; reword one of them")
        kind = "another name" if slugify(spelling) == slugify(other.en) else "a synonym of another name"
        raise InvalidNames(
            f"{where}: the synonym {spelling!r} of {name.slug} is {kind}, {other.slug} of line {lines[other.slug]};"
            " remove it from one of them"
        )


def _check_broader(broader: dict[str, tuple[str, ...]], lines: dict[str, int], path: str | Path) -> None:
    for slug, names in broader.items():
        where = f"{path}, line {lines[slug]}"
        for name in names:
            if name not in broader:
                raise InvalidNames(
                    f"{where}: the broader name {name} of {slug} is no name of this file; add it, or correct it"
                )
            if slug in _ancestors(name, broader):
                raise InvalidNames(f"{where}: {slug} is broader than itself, by way of {name}; remove one broader name")
