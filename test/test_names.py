# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Class names: the shipped file, and what a user's file may look like."""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

from visual_byte_core.errors import InvalidNames
from visual_byte_core.names import ClassName, overlaps, read_names, reserved_spellings, slugify, spell, write_names
from visual_byte_testing.paths import ROOT

SHIPPED = ROOT / "config" / "names.csv"


def test_shipped_names_hold_every_data_set() -> None:
    names = read_names(SHIPPED)
    counts = Counter(source for name in names for source in name.sources)
    # Of 81 groceries one, Orange, is CIFAR-100's.
    assert counts == {
        "imagenet": 1000, "cifar100": 100, "grocery": 80, "caltech": 76, "clothing": 10, "wordnet": counts["wordnet"],
    }  # fmt: skip
    assert counts["wordnet"] >= 100 and len({name.ko for name in names if name.ko}) == sum(bool(n.ko) for n in names)
    assert {"orange", "aquarium_fish", "oatly_oat_milk", "royal_gala", "car_side", "beagle"} <= {n.slug for n in names}


def test_imagenet_names_follow_the_classifier_and_what_is_reserved_is_never_trained_on() -> None:
    names = read_names(SHIPPED)
    of_synset = {name.synset: name for name in names if "imagenet" in name.sources}
    spec = find_spec("timm")
    assert spec and spec.submodule_search_locations
    data = Path(spec.submodule_search_locations[0]) / "data" / "_info"
    lemmas = dict(line.split("\t") for line in (data / "imagenet_synset_to_lemma.txt").read_text().splitlines())
    trained = {slugify(spelling): name.slug for name in names for spelling in name.trainable()}
    assert not trained.keys() & reserved_spellings(names)
    checked = 0
    for position, synset in enumerate((data / "imagenet_synsets.txt").read_text().split()):
        words = lemmas[synset].split(", ")
        reserved = words if position % 20 == 7 else words[1:2] if position % 3 == 0 else []
        for word in reserved:
            checked += 1
            # The vegetable and the weapon are trained on by these names, the ocarina and the projectile are not.
            assert trained.get(slugify(word)) in {None, *({word.replace(" ", "_")} & {"sweet_potato", "missile"})}, word
        if position % 20 == 7:
            assert not of_synset[synset].trainable()
    assert checked > 240


def test_a_broader_name_is_no_negative_of_its_narrower_ones() -> None:
    related = overlaps(read_names(SHIPPED))
    assert {"royal_gala", "granny_smith", "apple", "fruit"} <= related["apple"]
    assert related["royal_gala"] == {"royal_gala", "apple", "fruit", "food"}
    assert {"hunting_dog", "dog", "animal"} <= related["beagle"] and "beagle" in related["dog"]
    assert "beagle" not in related["cat"] and "dolphin" not in related["whale"]


def test_names_survive_writing_as_csv_and_as_plain_values(tmp_path: Path) -> None:
    names = read_names(SHIPPED)
    (tmp_path / "names.csv").write_text(write_names(names), encoding="utf-8")
    assert read_names(tmp_path / "names.csv") == names
    assert [ClassName.from_dict(name.to_dict()) for name in names] == names
    earlier = {"slug": "gala", "en": "Gala", "ko": "", "parent": "apple"}
    assert ClassName.from_dict(earlier) == ClassName("gala", "Gala", broader=("apple",))
    assert ClassName.from_dict({**earlier, "parent": ""}).broader == ()


def test_a_reserved_name_is_trained_on_in_no_spelling_but_its_others() -> None:
    name = ClassName("tench", "tench", "텐치", synonyms=("doctor fish",), reserved=("Tinca tinca", "Tench"))
    assert name.trainable() == ("doctor fish",) and name.trainable("ko") == ("텐치",)
    assert ClassName("mug", "mug").trainable("ko") == ()


def test_byte_order_mark_blanks_and_blank_lines_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_bytes("\ufeffen,ko\n  Oat   Milk , 귀리 우유\n\n,\nmug,\n".encode())
    assert read_names(path) == [ClassName("oat_milk", "Oat Milk", "귀리 우유"), ClassName("mug", "mug")]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf\r\nen,ko,parent\r\n\r\nmug,\xeb\xa8\xb8\xea\xb7\xb8,\r\n , ,\r\ncup,,mug,,\r\n",
        b"parent, en ,ko\n,mug,\xeb\xa8\xb8\xea\xb7\xb8\nmug,cup\n",
        b'en,ko,parent\r"mug","\xeb\xa8\xb8\xea\xb7\xb8",\r" cup ",,Mug',
    ],
)
def test_what_spreadsheets_write_is_read(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "names.csv"
    path.write_bytes(content)
    assert read_names(path) == [ClassName("mug", "mug", "머그"), ClassName("cup", "cup", "", ("mug",))]


def test_a_line_that_says_the_same_again_is_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "names.csv"
    path.write_text("en,ko\nmug,머그\ncup,컵\n\n mug , 머그\n", encoding="utf-8")
    with caplog.at_level("WARNING", logger="visual_byte"):
        assert [name.slug for name in read_names(path)] == ["mug", "cup"]
    assert f"{path}: line 5 repeats line 2 (mug) and is left out" in caplog.text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("ko\n사과\n", "csv: expected a header with the columns en,ko, got ko"),
        ("", "csv: holds no name"),
        ("en,ko\n\n,\n", "csv: holds no name"),
        ("en,ko\nMug,\n\nmug!,\n", "csv, line 4: 'mug!' would share the folder mug with 'Mug' of line 2; rename"),
        ("en,ko\nmug,\nmug,머그\n", "csv, line 3: 'mug' would share the folder mug with 'mug' of line 2; rename"),
        ("en,ko\ncup,\n!!!,\n", "csv, line 3: name '!!!' holds no letter or digit"),
        ("en,ko\n,머그\n", "csv, line 2: no English name in the column en"),
        ("en,ko\nmug, large,머그\n", "csv, line 2: 3 values for 2 columns; quote a name that holds a comma"),
        ('en,ko\nmug,\n"cup,\njug,\n', "csv, line 4: cannot be read as a UTF-8 CSV .*unexpected end"),
        (f"en\nmug\n{'long ' * 21}\n", r"line 3: 'long .*\.\.\.' makes a folder name of 104 .*; shorten it to 100"),
        (f"en\n{'가' * 70}\n", r"line 2: .* 70 characters \(210 bytes\); shorten it to 100 \(200\)"),
        ("en\nAux\n", "line 2: 'Aux' makes the folder name aux, which Windows keeps for a device; reword it"),
        ("en,ko,parent\nmug,,cup\n", "csv, line 2: the broader name cup of mug is no name of this file; add it"),
        ("en,ko,parent\nmug,,mug\n", "csv, line 2: mug is broader than itself, by way of mug; remove one"),
        ("en,broader\nx,a\na,b\nb,y; c\nc,a\ny,\n", "line 3: a is broader than itself, by way of b; remove one"),
        ("en,slug\ncrane,crane\nCrane,crane_2\n", "line 3: crane_2 and crane of line 2 have one spelling, 'Crane'; re"),
        ("en,ko\npear,배\nship,배\n", "line 3: ship and pear of line 2 have one spelling, '배'; reword one of them"),
        ("en,synonyms\ncup,mug\nmug,\n", "line 2: the synonym 'mug' of cup is another name, mug of line 3; remove"),
        ("en,synonyms\ncup,a; b\nmug,B\n", "line 3: the synonym 'B' of mug is a synonym of another name, cup of li"),
        ("en,synonyms,reserved\ncup,a,\nmug,,A\n", "line 3: the synonym 'A' of mug is a synonym of another name, cup"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused_by_line(tmp_path: Path, content: str, reason: str) -> None:
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
