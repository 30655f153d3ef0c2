# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Class names: the shipped file, and what a user's file may look like."""

from __future__ import annotations

from pathlib import Path

import pytest

from visual_byte_core.errors import InvalidNames
from visual_byte_core.names import ClassName, overlaps, read_names, slugify, spell

SHIPPED = Path(__file__).resolve().parent.parent / "config" / "names.csv"


def test_shipped_names_are_180_in_both_languages() -> None:
    names = read_names(SHIPPED)
    assert len(names) == 180 and all(name.ko for name in names)
    assert len({name.ko for name in names}) == 180
    assert {"orange", "aquarium_fish", "oatly_oat_milk", "royal_gala"} <= {name.slug for name in names}


def test_a_broader_name_is_no_negative_of_its_narrower_ones() -> None:
    related = overlaps(read_names(SHIPPED))
    assert {"royal_gala", "granny_smith", "apple"} <= related["apple"]
    assert related["royal_gala"] == {"royal_gala", "apple"}
    assert related["orange"] == {"orange"}


def test_byte_order_mark_blanks_and_blank_lines_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_bytes("\ufeffen,ko\n  Oat   Milk , 귀리 우유\n\n,\nmug,\n".encode())
    assert read_names(path) == [ClassName("oat_milk", "Oat Milk", "귀리 우유"), ClassName("mug", "mug")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("ko\n사과\n", "columns en,ko"),
        ("en,ko\n", "no name"),
        ("en,ko\nMug,\nmug,\n", "twice: mug"),
        ("en,ko,parent\nmug,,cup\n", "no names of this file: cup"),
        ("en,ko\n!!!,\n", "no letter or digit"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "names.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidNames, match=reason):
        read_names(path)


def test_a_missing_or_binary_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x01")
    for name in ("missing.csv", "binary.csv"):
        with pytest.raises(InvalidNames, match=name):
            read_names(tmp_path / name)


def test_slugs_are_safe_folder_names() -> None:
    assert slugify("../Oat  Milk/..") == "oat_milk"
    assert slugify("우유 1L") == "우유_1l"


def test_a_spelling_that_is_not_there_is_an_error() -> None:
    with pytest.raises(InvalidNames, match="no name in language 'ko'"):
        spell(ClassName("mug", "mug"), "ko")
    with pytest.raises(InvalidNames, match="expected one of en, ko"):
        spell(ClassName("mug", "mug"), "fr")
