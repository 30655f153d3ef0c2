# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Caches hold what rendering gives, notice what is stale, and lose nothing when something goes wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
import yaml

from visual_byte_core import cli
from visual_byte_core.dataset.class_folders import sounds_below
from visual_byte_core.dataset.image_cache import (
    CacheReport,
    cached_images,
    cached_speech,
    drop_images,
    precompute,
    render_images,
    speech_image,
    stale_images,
)
from visual_byte_core.errors import DataError
from visual_byte_core.names import ClassName
from visual_byte_core.rendering.settings import RendererSettings, SpeechSettings
from visual_byte_core.rendering.speech import read_sound, render_speech
from visual_byte_core.rendering.text import render_text
from visual_byte_testing.paths import BANANA, ROOT

NAMES = [ClassName("banana", "banana", "바나나"), ClassName("oat_milk", "oat milk")]
RENDERER = RendererSettings(32)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data set of four sounds, three to learn from and one to evaluate on."""
    samples, rate = read_sound(BANANA)
    for place in (
        "audio/banana/en/a.wav",
        "audio/banana/en/b.wav",
        "audio/banana/ko/a.wav",
        "audio_eval_tts/x/en/c.wav",
    ):
        path = tmp_path / "data" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples[: len(samples) - 100 * len(place)], rate)
    return tmp_path / "data"


def read(path: Path) -> np.ndarray:
    return cv2.imread(str(path))[:, :, ::-1]


def change(sound: Path) -> None:
    """Another, shorter recording takes the place of a sound, at another time of change."""
    samples, rate = read_sound(sound)
    soundfile.write(sound, samples[: len(samples) * 3 // 4], rate)
    os.utime(sound, ns=(1, sound.stat().st_mtime_ns + 1))


def test_caches_lie_where_the_layout_says_and_hold_what_rendering_gives(root: Path) -> None:
    report = precompute(root, NAMES, RENDERER, texts=["smooth", "hash"])
    assert report == CacheReport(
        {"text_img_smooth": 3, "text_img_hash": 3, "audio_img_train_2": 3, "audio_img_eval_2": 1}, ()
    )
    images = {path.relative_to(root).as_posix() for path in root.rglob("*.png")}
    names = ("banana/text.png", "banana/text_ko.png", "oat_milk/text.png")
    assert images == {f"text_img_{renderer}/{name}" for renderer in ("smooth", "hash") for name in names} | {
        "audio_img_train_2/banana/en/a.png", "audio_img_train_2/banana/en/b.png",
        "audio_img_train_2/banana/ko/a.png", "audio_img_eval_2/x/en/c.png",
    }  # fmt: skip
    for sound in sounds_below(root):
        image = speech_image(sound, root, 2)
        assert image and (read(image) == render_speech(*read_sound(sound), 32)).all()
        assert (cached_speech(sound, root, RENDERER) == read(image)).all()
    korean = read(root / "text_img_hash" / "banana" / "text_ko.png")
    assert (korean == render_text("바나나", 32, replace(RENDERER.text, renderer="hash"))).all()


def test_a_second_run_writes_only_what_is_missing(root: Path) -> None:
    precompute(root, NAMES, RENDERER)
    assert precompute(root, NAMES, RENDERER).images == 0
    (root / "audio_img_train_2" / "banana" / "en" / "a.png").unlink()
    (root / "text_img_smooth" / "oat_milk" / "text.png").unlink()
    assert precompute(root, NAMES, RENDERER).written == {
        "text_img_smooth": 1, "audio_img_train_2": 1, "audio_img_eval_2": 0,
    }  # fmt: skip


def test_many_sounds_are_rendered_by_several_processes_to_the_same_bytes(root: Path) -> None:
    (original,) = (root / "audio_eval_tts").rglob("*.wav")
    for i in range(140):
        shutil.copyfile(original, root / "audio" / "banana" / "en" / f"{i}.wav")
    assert precompute(root, NAMES, RENDERER, texts=[], workers=2).images == 144
    expected = render_speech(*read_sound(original), 32)
    assert all((read(root / "audio_img_train_2/banana/en" / f"{i}.png") == expected).all() for i in range(140))


def test_a_sound_that_changed_makes_its_image_stale(root: Path) -> None:
    precompute(root, NAMES, RENDERER)
    changed, other = root / "audio/banana/en/a.wav", root / "audio/banana/en/b.wav"
    old = read(root / "audio_img_train_2/banana/en/a.png")
    change(changed)
    assert stale_images(changed, root) == [root / "audio_img_train_2/banana/en/a.png"] and not stale_images(other, root)
    new = render_speech(*read_sound(changed), 32)
    assert (new != old).any()
    assert (cached_speech(changed, root, RENDERER) == new).all()  # the stale image is not read
    assert precompute(root, NAMES, RENDERER).images == 1
    assert (read(root / "audio_img_train_2/banana/en/a.png") == new).all() and not stale_images(changed, root)


def test_images_of_chosen_sounds_are_dropped_and_made_again(root: Path) -> None:
    precompute(root, NAMES, RENDERER)
    sound = root / "audio/banana/en/a.wav"
    images = cached_images(sound, root)
    assert images == [root / "audio_img_train_2/banana/en/a.png"]
    assert drop_images([sound], root) == images and cached_images(sound, root) == []
    assert render_images([sound], root, RENDERER).written == {"audio_img_train_2": 1}
    assert cached_images(sound, root) == images and len(list(root.rglob("audio_img*/**/*.png"))) == 4


def test_sounds_outside_the_cached_parts_are_rendered_live(root: Path) -> None:
    sound = root / "audio_calibrate" / "banana" / "en" / "a.wav"
    sound.parent.mkdir(parents=True)
    shutil.copyfile(root / "audio/banana/en/a.wav", sound)
    assert speech_image(sound, root, 2) is None and cached_images(sound, root) == []
    assert (cached_speech(sound, root, RENDERER) == render_speech(*read_sound(sound), 32)).all()


def test_a_name_that_was_corrected_is_rendered_again(root: Path) -> None:
    precompute(root, NAMES, RENDERER)
    corrected = [NAMES[0], replace(NAMES[1], en="oatmilk")]
    assert precompute(root, corrected, RENDERER).images == 1
    assert (read(root / "text_img_smooth/oat_milk/text.png") == render_text("oatmilk", 32)).all()


def test_a_cache_of_other_settings_is_neither_read_nor_mixed(root: Path) -> None:
    precompute(root, NAMES, RENDERER)
    other, sound = replace(RENDERER, speech=SpeechSettings(rms=5.0)), root / "audio/banana/en/a.wav"
    with pytest.raises(DataError, match="audio_img_train_2: holds images of other renderer settings.*--overwrite"):
        precompute(root, NAMES, other)
    assert (cached_speech(sound, root, other) == render_speech(*read_sound(sound), 32, other.speech)).all()
    with pytest.raises(DataError, match="other renderer settings"):
        render_images([sound], root, other)
    assert (cached_speech(sound, root, RENDERER) == render_speech(*read_sound(sound), 32)).all()
    assert precompute(root, NAMES, other, texts=[], overwrite=True).images == 4
    # The texts are the same under both settings, so their cache still stands.
    assert precompute(root, NAMES, other).images == 0


def test_images_that_no_precompute_made_are_not_taken_for_its_own(root: Path) -> None:
    foreign = root / "audio_img_train_2" / "banana" / "old.png"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"precious")
    with pytest.raises(DataError, match="--overwrite"):
        precompute(root, NAMES, RENDERER)
    assert foreign.read_bytes() == b"precious"


def test_an_image_that_lost_its_content_is_rendered_live(root: Path) -> None:
    precompute(root, NAMES, RENDERER)
    sound = root / "audio/banana/en/a.wav"
    image = root / "audio_img_train_2/banana/en/a.png"
    image.write_bytes(b"")
    os.utime(image, ns=(1, sound.stat().st_mtime_ns))
    assert (cached_speech(sound, root, RENDERER) == render_speech(*read_sound(sound), 32)).all()


def test_a_few_unreadable_sounds_are_left_out_and_listed(root: Path) -> None:
    folder = root / "audio" / "banana" / "en"
    for i in range(40):
        shutil.copyfile(folder / "a.wav", folder / f"copy{i}.wav")
    (folder / "broken.wav").write_bytes(b"RIFF nothing")
    soundfile.write(folder / "silent.wav", np.zeros(16000), 16000)
    report = precompute(root, NAMES, RENDERER, texts=[])
    assert report.written["audio_img_train_2"] == 43
    broken, silent = sorted(report.left_out)
    assert "broken.wav: cannot be read as sound" in broken and "silent.wav: sound: silent" in silent


def test_more_than_one_in_twenty_unreadable_sounds_is_an_error_that_keeps_the_others(root: Path) -> None:
    (root / "audio" / "banana" / "en" / "broken.wav").write_bytes(b"RIFF nothing")
    with pytest.raises(DataError, match=r"audio_img_train_2: 1 of 4 sounds hold no name, over 5%.*broken\.wav"):
        precompute(root, NAMES, RENDERER)
    assert len(list((root / "audio_img_train_2").rglob("*.png"))) == 3


def test_two_sounds_that_differ_only_in_suffix_are_refused(root: Path) -> None:
    shutil.copyfile(BANANA, root / "audio/banana/en/a.flac")
    with pytest.raises(DataError, match=r"a\.wav and .*a\.flac would share the image .*rename one"):
        precompute(root, NAMES, RENDERER)


def test_a_disk_that_is_full_leaves_no_half_file_and_says_so(root: Path) -> None:
    # The kernel refuses every write beyond 200 bytes, as it refuses those beyond the end of a disk.
    program = (
        "import resource, sys; from pathlib import Path;"
        "from test_image_cache import NAMES, RENDERER, precompute;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200));"
        f"precompute(Path({str(root)!r}), NAMES, RENDERER, texts=[])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | {"PYTHONPATH": f"{Path(__file__).parent}:{ROOT}"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1 and "make room and run precompute again, it continues from here" in done.stderr
    assert {path.name for path in root.rglob("*") if path.is_file() and "img" in str(path)} == {"renderer.yaml"}
    assert precompute(root, NAMES, RENDERER, texts=[]).images == 4


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_goes_on_where_it_stopped(root: Path, ending: signal.Signals) -> None:
    (original,) = (root / "audio_eval_tts").rglob("*.wav")
    for i in range(2000):
        os.link(original, root / "audio" / "banana" / "en" / f"{i}.wav")
    (root / "names.csv").write_text("en\nbanana\n")
    data = {"root": str(root), "names": str(root / "names.csv")}
    (root / "train.yaml").write_text(yaml.safe_dump({"data": data, "renderer": {"size": 32}}))
    program = "import sys; from visual_byte_core.cli import main; sys.exit(main())"
    running = subprocess.Popen(
        [sys.executable, "-c", program, "precompute", "--config", str(root / "train.yaml"), "--text", "--workers", "2"],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True, start_new_session=True,
        # A shell's background jobs ignore the interrupt, and what they start would too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    cache = root / "audio_img_train_2"
    while not any(cache.rglob("*.png")) and running.poll() is None:
        time.sleep(0.01)
    os.killpg(running.pid, ending)
    _, said = running.communicate(timeout=60)
    assert running.returncode != 0 and "Traceback" not in said
    done = list(cache.rglob("*.png"))
    assert 0 < len(done) < 2003 and all(cv2.imread(str(path)) is not None for path in done)
    sounds = sounds_below(root / "audio")
    missing = [sound for sound in sounds if not cached_images(sound, root)]
    stale = [sound for sound in sounds if stale_images(sound, root)]
    assert len(stale) <= 2  # one of each process, which had no time to say of which sound it is
    for sound in missing[20:]:
        sound.unlink()
    assert precompute(root, [], RENDERER, texts=[]).written["audio_img_train_2"] == 20 + len(stale)
    assert all(
        (read(path) == render_speech(*read_sound(original), 32)).all() for path in done[:5] if path.stem.isdigit()
    )


def test_the_command_chooses_caches_and_counts_as_json(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "names.csv").write_text("en,ko\nbanana,바나나\n", encoding="utf-8")
    config = root / "train.yaml"
    config.write_text(
        yaml.safe_dump({"data": {"root": str(root), "names": str(root / "names.csv")}, "renderer": {"size": 32}})
    )
    command = ["precompute", "--config", str(config), "--json"]
    assert cli.main([*command, "--text", "hash", "--speech"]) == 0
    assert json.loads(capsys.readouterr().out) == {"images": 2, "caches": {"text_img_hash": 2}, "left_out": []}
    assert cli.main([*command, "--text", "--speech", "2"]) == 0
    assert json.loads(capsys.readouterr().out)["caches"] == {"audio_img_train_2": 3, "audio_img_eval_2": 1}
    assert cli.main([*command, "--set", "renderer.size=40"]) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert cli.main([*command, "--set", "renderer.size=40", "--overwrite"]) == 0
    with pytest.raises(SystemExit, match="2"):
        cli.main([*command, "--text", "comic"])
