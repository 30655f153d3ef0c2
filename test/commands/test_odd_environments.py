# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Commands where the system gives less than usual: names that are no UTF-8, no HOME, a user without a name."""

from __future__ import annotations

import io
import json
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from visual_byte_core.cli import COMMANDS, main
from visual_byte_core.errors import ConfigurationError, InvalidText, printable
from visual_byte_core.files import expanded, home_folder
from visual_byte_core.rendering.text import render_text
from visual_byte_testing.paths import BANANA, ROOT
from visual_byte_testing.sample_bundle import write_sample_bundle

KOREAN = "바나나".encode("cp949")  # as unzip leaves the names of a zip made on Korean Windows


@pytest.fixture
def room(tmp_path: Path) -> Path:
    write_sample_bundle(tmp_path / "bundle")
    (tmp_path / "photos").mkdir()
    for number in (1, 2):
        picture = np.random.default_rng(number).integers(0, 255, (48, 64, 3), np.uint8)
        Image.fromarray(picture).save(tmp_path / "photos" / f"{number}.png")
    shutil.copyfile(tmp_path / "photos" / "2.png", os.fsencode(tmp_path / "photos") + b"/" + KOREAN + b".png")
    return tmp_path


def find(room: Path, *more: str) -> list[str]:
    places = ["--bundle", str(room / "bundle"), "--images", str(room / "photos"), "--index", str(room / "index")]
    return ["find", *places, *more]


def command(arguments: list[str], text: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "visual_byte_core", *arguments], input=text, capture_output=True, check=False, cwd=ROOT,
        env={**os.environ, **environment},
    )  # fmt: skip


def test_a_photo_whose_name_is_no_utf8_is_found_kept_and_shown_escaped(room: Path) -> None:
    photo = os.fsdecode(os.fsencode(room / "photos") + b"/" + KOREAN + b".png")
    for _ in range(2):  # the second time from the index
        shown = command(find(room, "--photo", photo, "--k", "2"))
        assert shown.returncode == 0 and b"\\xb9" in shown.stdout, shown.stderr
        answer = json.loads(command(find(room, "--photo", photo, "--k", "2", "--json")).stdout)["answers"][0]
        assert photo in [match["file"] for match in answer["nearest"]]


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "en_US.ISO-8859-1"])
def test_a_name_that_is_no_utf8_is_refused_in_one_line(room: Path, locale: str) -> None:
    said = command(find(room, os.fsdecode(KOREAN)), LC_ALL=locale)
    assert said.returncode == 1 and b"is no UTF-8" in said.stderr and b"Traceback" not in said.stderr


def test_a_file_that_is_not_there_under_an_odd_name_is_named(room: Path) -> None:
    for option in ("--speech", "--photo"):
        said = command(find(room, option, os.fsdecode(KOREAN)))
        assert said.returncode == 1 and rb"\xb9" in said.stderr and b"Traceback" not in said.stderr


def test_bytes_of_any_kind_can_be_shown() -> None:
    assert printable("plain 바나나") == "plain 바나나"
    assert printable(os.fsdecode(b"a\xff\xfeb")) == r"a\xff\xfeb"
    assert printable("\ud800") == r"\ud800"
    with pytest.raises(InvalidText, match=r"text: \\xb9.* is no UTF-8"):
        render_text(os.fsdecode(KOREAN), 32)


def test_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/some/where")
    assert home_folder() == Path("/some/where") and expanded("~/x") == Path("/some/where/x")
    monkeypatch.setenv("HOME", "")
    for path in ("~", "~/x"):
        with pytest.raises(ConfigurationError, match="HOME is empty"):
            expanded(path)
    assert expanded("/a/~b") == Path("/a/~b") and expanded("plain") == Path("plain")
    monkeypatch.delenv("HOME")
    assert home_folder() == Path(pwd.getpwuid(os.getuid()).pw_dir)

    def unknown(uid: int) -> object:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(ConfigurationError, match=r"user \d+ has no home folder: .*set HOME"):
        home_folder()
    with pytest.raises(ConfigurationError, match="there is no user nobody-of-that-name"):
        expanded("~nobody-of-that-name/x")


@pytest.mark.skipif(
    subprocess.run(["unshare", "--user", "--map-user=54321", "true"], capture_output=True, check=False).returncode != 0,
    reason="this machine does not let a user without a name be made",
)
def test_every_command_starts_for_a_user_without_a_name_and_home(room: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in ("HOME", "XDG_CACHE_HOME")}
    start = ["unshare", "--user", "--map-user=54321", "--", sys.executable, "-m", "visual_byte_core"]

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*start, *arguments], capture_output=True, text=True, check=False, cwd=ROOT, env=environment
        )

    assert run("--help").returncode == 0
    for name in COMMANDS:
        assert run(name, "--help").returncode == 0, name
    assert run(*find(room, "apple")).returncode == 0
    no_index = [argument for argument in find(room, "apple") if argument not in ("--index", str(room / "index"))]
    said = run(*no_index)
    assert said.returncode == 2 and "user 54321 has no home folder" in said.stderr


def test_a_long_recording_is_asked_utterance_by_utterance(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    word, rate = soundfile.read(BANANA)
    pause = np.zeros(rate * 4)
    soundfile.write(room / "list.wav", np.concatenate([pause, word, pause, word, pause]), rate)
    assert main(find(room, "--speech", str(room / "list.wav"), "--json")) == 0
    asked = [answer["query"] for answer in json.loads(capsys.readouterr().out)["answers"]]
    assert len(asked) == 2 and all(" at " in query for query in asked)
    soundfile.write(room / "hum.wav", np.sin(np.arange(rate * 70) / 20) * 0.1, rate)
    assert main(find(room, "--speech", str(room / "hum.wav"))) == 1
    assert "70 s long, and " in capsys.readouterr().err


def test_libraries_say_nothing_in_a_command(room: Path) -> None:
    file = io.BytesIO()
    Image.open(room / "photos" / "1.png").save(file, "JPEG")
    (room / "photos" / "cut.jpg").write_bytes(file.getvalue()[: len(file.getvalue()) // 2] + b"\xff\xd9")
    said = command(find(room, "apple"))
    assert said.returncode == 0 and b"cut.jpg: the JPEG has an end marker" in said.stderr
    assert b"Corrupt JPEG" not in said.stderr
