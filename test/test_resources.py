# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Files that come with the package, by name and by path."""

from __future__ import annotations

from pathlib import Path

import pytest

from visual_byte_core.bundle.starter import bundle_folder, starter_bundle
from visual_byte_core.cli import make_parser
from visual_byte_core.errors import ConfigurationError
from visual_byte_core.names import read_names
from visual_byte_core.resources import SPOKEN_WORD, named_or_path, shipped, shipped_names

ROOT = Path(__file__).parents[1]
TRAIN = "config/train_*.yaml"


def test_a_name_is_a_shipped_file() -> None:
    assert named_or_path("starter", TRAIN) == shipped("config/train_starter.yaml")
    assert "starter" in shipped_names(TRAIN)


@pytest.mark.parametrize("path", ["starter.yaml", "./starter", "config/train_starter.yaml", "/nowhere/starter"])
def test_a_path_stays_a_path(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert named_or_path(path, TRAIN) == Path(path)


def test_an_unknown_name_is_told_those_that_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"^mine: expected .*starter.*, or the path of a file, \*\.yaml$"):
        named_or_path("mine", TRAIN)


def test_a_missing_file_is_told_as_a_damaged_installation() -> None:
    with pytest.raises(ConfigurationError, match="install the package anew"):
        shipped("models/nothing")


def test_a_bundle_is_a_folder_before_it_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert bundle_folder("starter") == starter_bundle()
    assert bundle_folder("starter-small") == shipped("models/starter-small")
    assert bundle_folder("nowhere/starter") == Path("nowhere/starter")
    (tmp_path / "starter").mkdir()
    assert bundle_folder("starter") == Path("starter")


def test_names_by_name() -> None:
    assert read_names("starter") == read_names(ROOT / "config" / "names.csv")
    with pytest.raises(ConfigurationError, match=r"expected starter, or the path of a file, \*\.csv"):
        read_names("mine")


@pytest.mark.parametrize(
    ("command", "name", "file"),
    [
        ("train", "starter", "train_starter.yaml"),
        ("collect", "starter", "collect_starter.yaml"),
        ("precompute", "starter", "train_starter.yaml"),
        ("distill", "small", "distill_small.yaml"),
    ],
)
def test_commands_take_configurations_by_name(command: str, name: str, file: str) -> None:
    parser = make_parser()
    assert parser.parse_args([command, "--config", name]).config == shipped(f"config/{file}")
    assert parser.parse_args([command]).config == shipped(f"config/{file}")
    assert parser.parse_args([command, "--config", file]).config == Path(file)


def test_an_unknown_name_of_a_configuration_is_a_wrong_argument(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        make_parser().parse_args(["train", "--config", "mine"])
    assert "--config: mine: expected" in capsys.readouterr().err


def test_documented_paths_of_a_clone_lead_to_the_resources() -> None:
    shipped_files = {path.name for path in shipped("config").iterdir()} | {"names.csv", "words.txt"}
    links = {path.name: path.resolve() for path in (ROOT / "config").iterdir() if path.is_symlink()}
    assert set(links) == shipped_files
    assert all(path.is_relative_to(shipped(".")) and path.is_file() for path in links.values())
    assert (ROOT / "models").resolve() == shipped("models")
    assert (ROOT / "test" / "data" / "banana.flac").resolve() == shipped(SPOKEN_WORD)
