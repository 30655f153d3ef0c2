# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Which files of a folder are data: the same ones whoever reads it; the others are counted and told."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from visual_byte_core.capture.frame_sources import FrameSettings, open_frames
from visual_byte_core.capture.sound_files import Recordings
from visual_byte_core.capture.sound_source import SoundSettings
from visual_byte_core.data_files import data_files
from visual_byte_core.dataset.class_folders import find_photos, find_speech, photos_of, sounds_below
from visual_byte_core.dataset.perturbation import NoiseMixer
from visual_byte_core.errors import DataError
from visual_byte_testing.paths import BANANA


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def names_of(folder: Path, kind: str = "photo") -> list[str]:
    return [path.relative_to(folder).as_posix() for path in data_files(folder, kind).found]


def test_every_suffix_counts_in_any_case_and_others_are_told(tmp_path: Path) -> None:
    touch(tmp_path, "a.JPG", "b.jfif", "c.tif", "d.gif", "e.HEIC", "f.heic", "g.txt", "h", "i/j.webp", "k.flac")
    files = data_files(tmp_path, "photo")
    assert names_of(tmp_path) == ["a.JPG", "b.jfif", "c.tif", "d.gif", "i/j.webp"]
    assert files.passed_over[".heic, which is not read (convert it to JPEG or PNG)"] == 2
    assert sum(files.passed_over.values()) == 5 and files.mended
    assert names_of(tmp_path, "sound") == ["k.flac"]


def test_hidden_and_apple_double_files_are_passed_over_and_counted(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "._a.jpg", ".b.jpg", "__MACOSX/a.jpg", ".git/c.jpg", "@eaDir/d.jpg", "sub/._e.jpg")
    assert names_of(tmp_path) == ["a.jpg"]
    assert data_files(tmp_path, "photo").passed_over["hidden"] == 6


def test_links_are_followed_once_and_the_folder_itself_comes_first(tmp_path: Path) -> None:
    touch(tmp_path / "store", "apple/1.jpg", "apple/2.jpg")
    touch(tmp_path / "photos", "pear/3.jpg")
    photos = tmp_path / "photos"
    (photos / "apple").symlink_to(tmp_path / "store" / "apple")
    (photos / "a_pear").symlink_to(photos / "pear")
    (photos / "loop").symlink_to(photos)
    (photos / "nowhere.jpg").symlink_to(tmp_path / "gone.jpg")
    (photos / "linked.jpg").symlink_to(photos / "pear" / "3.jpg")
    assert names_of(photos) == ["apple/1.jpg", "apple/2.jpg", "linked.jpg", "pear/3.jpg"]
    told = data_files(photos, "photo").passed_over
    assert told["links to a folder that was read already"] == 2 and told["links that lead nowhere"] == 1


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root reads every folder, so it takes off its rights meanwhile; others stay who they are."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_that_may_not_be_read_is_counted() -> None:
    with tempfile.TemporaryDirectory() as folder:  # of pytest's own folders root alone may read any
        photos = Path(folder)
        touch(photos, "a/1.jpg", "b/2.jpg")
        photos.chmod(0o755)
        (photos / "b").chmod(0)
        try:
            with as_nobody():
                assert "cannot be read" in str(data_files(photos, "photo"))
        finally:
            (photos / "b").chmod(0o700)


def test_whoever_reads_a_folder_takes_the_same_files(tmp_path: Path) -> None:
    touch(
        tmp_path / "photos", "Royal Gala/a.bmp", "royal_gala/b.jfif", "royal_gala/._b.jfif", "pear/deep/c.jpg", "d.jpg"
    )
    touch(tmp_path / "sounds", "pear/x.mp3", "pear/en/y.opus", "pear/ko/z.aif", ".x/w.wav")
    found = find_photos(tmp_path / "photos")
    assert [(file.slug, file.path.name) for file in found] == [("royal_gala", "a.bmp"), ("royal_gala", "b.jfif")]
    assert [path.name for path in photos_of(tmp_path / "photos" / "royal_gala")] == ["b.jfif"]
    assert [file.path.name for file in find_speech(tmp_path / "sounds")] == ["y.opus", "z.aif", "x.mp3"]
    assert [file.path.name for file in find_speech(tmp_path / "sounds", "ko")] == ["z.aif", "x.mp3"]
    assert len(sounds_below(tmp_path / "sounds")) == len(NoiseMixer(tmp_path / "sounds", 10).paths) == 3
    assert len(Recordings(SoundSettings("folder", folder=str(tmp_path / "sounds")))._waiting) == 3
    assert len(open_frames(FrameSettings("folder", path=str(tmp_path / "photos")))._paths) == 4


def test_what_was_passed_over_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    touch(tmp_path, "pear/a.jpg", "pear/b.heic", "pear/deep/c.jpg", "d.jpg")
    with caplog.at_level("INFO", "visual_byte"):
        find_photos(tmp_path)
    assert "1 files taken; passed over: " in caplog.text.replace("2 files", "1 files")
    for reason in ("1 .heic, which is not read", f"1 below {tmp_path}/<name>/", "1 in no folder of a class"):
        assert reason in caplog.text
    with pytest.raises(DataError, match=r"no speech; expected .*passed over: .*no sounds \(.jpg\)"):
        find_speech(tmp_path)


def test_an_unreadable_noise_is_blamed_on_the_noise(tmp_path: Path) -> None:
    touch(tmp_path, "hum.wav")
    with pytest.raises(DataError, match="noise .*hum.wav: cannot be read as sound"):
        import soundfile

        samples, rate = soundfile.read(BANANA)
        NoiseMixer(tmp_path, 10).mix(samples, rate, "banana")
