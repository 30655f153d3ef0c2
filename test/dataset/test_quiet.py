# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""`visual-byte quiet`: levels as they are defined, clips spoken again to the byte, images made again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from visual_byte_core.cli import main
from visual_byte_core.dataset.image_cache import cached_images, cached_speech, precompute, stale_images
from visual_byte_core.dataset.loudness import Threshold, check_readable, measure, repair, survey
from visual_byte_core.errors import DataError
from visual_byte_core.names import read_names
from visual_byte_core.rendering.settings import RendererSettings
from visual_byte_testing.paths import BANANA

CLIP = "audio/banana/ko/espeak_ko_plain_150_50.wav"
EVALUATED = "audio_eval_tts/kiwi/en/espeak_en-029_Annie_165_50.wav"
SIZE = 48


@pytest.fixture
def spoken(dataset: Path, tmp_path: Path) -> Path:
    """A copy of the data set that may be spoiled, with its configuration beside it."""
    root = tmp_path / "data"
    shutil.copytree(dataset, root, ignore=shutil.ignore_patterns("image*", "*_img_*"))
    shutil.copy(dataset.parent / "names.csv", tmp_path / "names.csv")
    values = {"data": {"root": str(root), "names": str(tmp_path / "names.csv")}, "renderer": {"size": SIZE}}
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return root


def quiet(root: Path, *arguments: str) -> int:
    return main(["quiet", "--config", str(root.parent / "train.yaml"), *arguments])


def attenuate(path: Path, gain: float) -> None:
    samples, rate = soundfile.read(path)
    soundfile.write(path, samples * gain, rate, subtype="PCM_16")


def test_levels_are_those_of_the_definition(tmp_path: Path) -> None:
    time = np.arange(16000) / 16000
    clips = {"full": np.sin(2 * np.pi * 1000 * time), "tenth": 0.1 * np.sin(2 * np.pi * 1000 * time), "zero": 0 * time}
    for name, samples in clips.items():
        soundfile.write(tmp_path / f"{name}.wav", samples, 16000, subtype="FLOAT")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16000)
    full, tenth, zero, empty = measure([tmp_path / f"{n}.wav" for n in ("full", "tenth", "zero", "empty")], tmp_path)
    assert (full.peak, full.rms) == pytest.approx((0, -3.01), abs=0.01) and full.seconds == 1
    assert (tenth.peak, tenth.rms) == pytest.approx((-20, -23.01), abs=0.01)
    assert (zero.peak, zero.rms) == (-120, -120) and "holds no samples" in empty.problem
    assert [loudness.is_quiet(Threshold(-30, -50)) for loudness in (full, tenth, zero)] == [
        False,
        False,
        True,
    ]
    assert tenth.is_quiet(Threshold(-19, -50)) and tenth.is_quiet(Threshold(-30, -22))


def test_a_healthy_data_set_has_no_quiet_sound(spoken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert quiet(spoken) == 0
    assert f"{len(survey(spoken))} sounds, 0 quiet, 0 unreadable" in capsys.readouterr().out
    assert quiet(spoken, "--all", "--json") == 0
    rows = json.loads(capsys.readouterr().out)["list"]
    assert CLIP in {row["path"] for row in rows} and all(row["peak"] > -30 and row["seconds"] > 0 for row in rows)


def test_quiet_sounds_are_listed_and_left_alone(spoken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    attenuate(spoken / CLIP, 0.002)
    before = (spoken / CLIP).read_bytes()
    assert quiet(spoken, "--json") == 1
    report = json.loads(capsys.readouterr().out)
    assert [row["path"] for row in report["list"]] == [CLIP] and report["list"][0]["peak"] < -50
    assert quiet(spoken) == 1 and CLIP in capsys.readouterr().out
    assert quiet(spoken, "--peak", "-90", "--rms", "-90") == 0
    assert (spoken / CLIP).read_bytes() == before


def test_repaired_clips_have_the_bytes_they_had(spoken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    distractor = sorted((spoken / "distractors").rglob("*.wav"))[0].relative_to(spoken).as_posix()
    clips = {name: (spoken / name).read_bytes() for name in (CLIP, EVALUATED, distractor)}
    attenuate(spoken / CLIP, 0.002)
    soundfile.write(spoken / distractor, np.zeros(800), 22050)
    (spoken / EVALUATED).write_bytes(b"RIFF but no more")
    assert quiet(spoken, "--repair", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["spoken_again"] == [CLIP, EVALUATED, distractor] and report["list"] == []
    assert {name: (spoken / name).read_bytes() for name in clips} == clips


def test_regenerating_makes_the_images_of_changed_sounds_again(
    spoken: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names, renderer = read_names(spoken.parent / "names.csv"), RendererSettings(size=SIZE)
    precompute(spoken, names, renderer, texts=[])
    good = cached_speech(spoken / CLIP, spoken, renderer)
    attenuate(spoken / CLIP, 0.0005)  # a few steps of 16 bits: its image is that of noise
    precompute(spoken, names, renderer, texts=[])
    image = cached_images(spoken / CLIP, spoken)[0]
    spoiled = image.read_bytes()
    assert quiet(spoken, "--json") == 1
    assert json.loads(capsys.readouterr().out)["list"][0]["images"] == 1
    assert quiet(spoken, "--repair") == 0 and stale_images(spoken / CLIP, spoken) == [image]
    assert quiet(spoken, "--regenerate") == 0 and "images made again: 1" in capsys.readouterr().out
    assert image.read_bytes() != spoiled and stale_images(spoken / CLIP, spoken) == []
    assert np.array_equal(cached_speech(spoken / CLIP, spoken, renderer), good)


def test_the_image_of_a_recording_that_fell_silent_is_deleted(spoken: Path) -> None:
    recording = spoken / "audio" / "banana" / "en" / "someone.flac"
    shutil.copy(BANANA, recording)
    precompute(spoken, [], RendererSettings(size=SIZE), texts=[])
    assert len(cached_images(recording, spoken)) == 1
    soundfile.write(recording, np.zeros(16000), 16000)
    assert quiet(spoken, "--regenerate") == 1
    assert recording.exists() and cached_images(recording, spoken) == []


def test_recordings_and_unknown_names_are_not_spoken_again(spoken: Path) -> None:
    recording = spoken / "audio" / "banana" / "en" / "someone.wav"
    soundfile.write(recording, np.full(8000, 1e-4), 16000)
    stranger = spoken / "audio" / "papaya" / "en" / "espeak_en-us_plain_150_50.wav"
    stranger.parent.mkdir(parents=True)
    soundfile.write(stranger, np.full(8000, 1e-4), 16000)
    before = [path.read_bytes() for path in (recording, stranger)]
    done = repair([recording, stranger], spoken, read_names(spoken.parent / "names.csv"))
    assert done.spoken == () and [path.read_bytes() for path in (recording, stranger)] == before
    (_, first), (_, second) = done.refused
    assert "a recording, which no voice can speak again" in first and "check data.names" in second


def test_an_unreadable_sound_is_listed_and_many_are_an_error(spoken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sounds = sorted((spoken / "audio").rglob("*.wav"))
    assert len(survey(spoken)) >= 40
    sounds[0].write_bytes(b"no sound")
    assert quiet(spoken) == 1
    told = capsys.readouterr()
    assert "1 unreadable" in told.out and str(sounds[0]) in told.out and "error" not in told.err
    for sound in sounds:
        sound.write_bytes(b"no sound")
    with pytest.raises(DataError, match="sounds cannot be read, over 5%"):
        check_readable(survey(spoken))
    assert quiet(spoken) == 1 and "cannot be read, over 5%" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--peak", "3"], ["--rms", "-200"], ["--peak", "loud"]])
def test_levels_that_cannot_be_are_wrong_arguments(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["quiet", *arguments])
    assert end.value.code == 2


def test_a_folder_without_sounds_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quiet", "--set", f"data.root={tmp_path}"]) == 1
    assert "no sounds in audio" in capsys.readouterr().err
