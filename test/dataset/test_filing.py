# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Files of many sources in one folder: none replaces another, and read = kept + left out."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

from visual_byte_core.cli import main
from visual_byte_core.dataset.collect_config import PhotoSource
from visual_byte_core.dataset.photo_collector import PhotoCollector
from visual_byte_core.dataset.sound_collector import SoundCollector
from visual_byte_core.errors import DataError
from visual_byte_core.names import ClassName
from visual_byte_testing.paths import BANANA

NAMES = {"banana": ClassName("banana", "banana"), "oat_milk": ClassName("oat_milk", "oat milk")}


def write_sound(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(seed).normal(size=1600) * 0.1, 16000)


def write_photo(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.random.default_rng(seed).integers(0, 255, (24, 24, 3), np.uint8))


def contents(folder: Path) -> set[bytes]:
    return {path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_noises_of_one_name_in_several_folders_are_all_kept(tmp_path: Path) -> None:
    for number, place in enumerate(("TBUS", "DKITCHEN", "OOFFICE", "PCAFETER")):
        for channel in (1, 2, 3):
            write_sound(tmp_path / "DEMAND" / place / f"ch0{channel}.wav", 10 * number + channel)
    write_sound(tmp_path / "DEMAND" / "AGAIN" / "ch01.wav", 1)  # what TBUS/ch01.wav is, too
    (tmp_path / "DEMAND" / "TBUS" / "._ch01.wav").write_bytes(b"AppleDouble")
    filed = SoundCollector(tmp_path / "out").noise(tmp_path / "DEMAND")
    assert (filed.read, filed.new, filed.there, dict(filed.left_out)) == (13, 12, 0, {"the same sound again": 1})
    assert filed.read == filed.kept + sum(filed.left_out.values())
    assert len(contents(tmp_path / "out")) == 12
    again = SoundCollector(tmp_path / "out").noise(tmp_path / "DEMAND")
    assert (again.new, again.there) == (0, 12) and len(list((tmp_path / "out").rglob("*.wav"))) == 12


def test_recordings_of_one_name_of_several_speakers_are_all_kept(tmp_path: Path) -> None:
    rows = ["file,word,speaker,source"]
    for number, speaker in enumerate(("anna", "ben", "carl", "dora", "emil", "fred")):
        write_sound(tmp_path / "clips" / speaker / "0001.wav", number)
        rows.append(f"clips/{speaker}/0001.wav,banana,{speaker},home")
    (tmp_path / "manifest.csv").write_text("\n".join(rows))
    filed = SoundCollector(tmp_path / "out").recordings(tmp_path / "manifest.csv", NAMES)
    assert (filed.read, filed.kept) == (6, 6) and len(contents(tmp_path / "out")) == 6


def test_a_sound_that_is_there_under_its_name_with_other_content_does_not_count_as_done(tmp_path: Path) -> None:
    write_sound(tmp_path / "one" / "hum.wav", 1)
    write_sound(tmp_path / "two" / "hum.wav", 2)
    for source in ("one", "two"):
        assert SoundCollector(tmp_path / "out").noise(tmp_path / source).new == 1
    assert len(contents(tmp_path / "out")) == 2


def test_photos_of_one_name_of_several_sources_and_runs_are_all_kept(tmp_path: Path) -> None:
    for number, source in enumerate(("a", "b")):
        write_photo(tmp_path / source / "Banana" / "1.png", number)
        write_photo(tmp_path / source / "banana" / "1.png", 10 + number)
        write_photo(tmp_path / source / "unknown" / "1.png", 20 + number)
    for source, new in (("a", 2), ("b", 2), ("a", 0)):
        report = PhotoCollector(tmp_path / "out", NAMES).collect(
            PhotoSource(kind="folder", path=str(tmp_path / source), train=-1)
        )
        assert (report.photos, report.written, report.there, report.unknown) == (2, new, 2 - new, 1)
    assert len(contents(tmp_path / "out")) == 4


def test_the_summary_accounts_for_every_photo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(30):
        write_photo(tmp_path / "photos" / "banana" / f"{number}.png", number % 28)
    (tmp_path / "photos" / "banana" / "cut.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "photos" / "banana" / "30.png").write_bytes((tmp_path / "photos" / "banana" / "3.png").read_bytes())
    (tmp_path / "names.csv").write_text("en,ko\nbanana,\n")
    source = f"{{kind: folder, path: {tmp_path / 'photos'}, train: 20, evaluate: 10}}"
    (tmp_path / "c.yaml").write_text(
        f"names: {tmp_path / 'names.csv'}\nout: {tmp_path / 'out'}\nphotos: [{source}]\nvoices: {{}}\n"
    )
    assert main(["collect", "--config", str(tmp_path / "c.yaml")]) == 0
    shown = capsys.readouterr()
    assert "32 read, " in shown.out and "not asked for (train, calibrate, evaluate)" in shown.out
    assert "\r" not in shown.err and "%|" not in shown.err  # no progress bar where no terminal is
    assert main(["collect", "--config", str(tmp_path / "c.yaml"), "--json"]) == 0
    (counted,) = json.loads(capsys.readouterr().out)["sources"]
    assert counted["photos"] == counted["written"] + counted["there"] + sum(counted["left_out"].values())


def test_a_manifest_with_a_quote_that_is_not_closed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text('file,word,speaker,source\na.wav,"banana,anna,home\nb.wav,banana,ben,home\n')
    with pytest.raises(DataError, match="m.csv: cannot be read"):
        SoundCollector(tmp_path / "out").recordings(tmp_path / "m.csv", NAMES)


def test_no_object_of_python_is_shown(tmp_path: Path) -> None:
    rows = ["file,word,speaker,source", *(f"{i}.wav,banana,{i},home" for i in range(30))]
    for number in range(30):
        write_sound(tmp_path / f"{number}.wav", number)
    (tmp_path / "7.wav").write_bytes(b"no sound")
    (tmp_path / "m.csv").write_text("\n".join(rows))
    collector = SoundCollector(tmp_path / "out")
    filed = collector.recordings(tmp_path / "m.csv", NAMES)
    assert dict(filed.left_out) == {"cannot be read": 1} and filed.read == 30
    assert collector.unreadable == [f"{tmp_path / '7.wav'}: cannot be read (Format not recognised.)"]
    assert BANANA.exists()
