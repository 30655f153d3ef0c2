# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Typed queries: how class folders are spelled, files of words, and their embeddings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.errors import DataError, InvalidText
from visual_byte_core.names import ClassName, read_names, spell
from visual_byte_core.rendering.text import canonical_words


def names_by_slug(bundle: Bundle, csv: Path | None = None) -> dict[str, ClassName]:
    """The bundle's names; those of `csv`, if given, come before them. Raises InvalidNames."""
    own = {name.slug: name for name in bundle.class_names}
    return own | ({name.slug: name for name in read_names(csv)} if csv else {})


def spelled(slugs: Iterable[str], names: Mapping[str, ClassName], language: str) -> list[str]:
    """How each class is asked for; a slug without a name by itself, with spaces.

    Raises:
        InvalidNames: a name without a spelling in the language.
    """
    return [spell(names[slug], language) if slug in names else slug.replace("_", " ") for slug in slugs]


def spelled_where_known(slugs: Iterable[str], names: Mapping[str, ClassName], language: str) -> list[tuple[str, str]]:
    """Slug and spelling, as `spelled`, of the classes that have a name in the language. English has all."""
    known = [slug for slug in slugs if language == "en" or (slug in names and names[slug].ko)]
    return list(zip(known, spelled(known, names, language), strict=True))


def known_words(names: Iterable[ClassName]) -> set[str]:
    """Every spelling in every language, in the form that is rendered."""
    return {canonical_words(word) for name in names for word in (name.en, name.ko) if word}


def read_words(path: Path) -> list[str]:
    """The lines of a file that are not blank.

    Raises:
        DataError: there are none, or one cannot be rendered.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as UTF-8 text with one name a line ({error})") from error
    if not lines:
        raise DataError(f"{path}: holds no name; expected one a line")
    for line in lines:
        try:
            canonical_words(line)
        except InvalidText as error:
            raise DataError(f"{path}: line {line[:40]!r}: {error}") from error
    return lines
