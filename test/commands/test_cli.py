# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The command line: help, exit codes, one-line reasons, and searching a folder of photos."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
import yaml

from visual_byte_core import cli
from visual_byte_core.cli import COMMANDS, main
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.memory.memory import Memory
from visual_byte_core.names import ClassName
from visual_byte_testing.command_line import visual_byte
from visual_byte_testing.paths import BANANA
from visual_byte_testing.pixel_bundle import write_pixel_bundle

# Any example photo that is in the folder scores 1, which is over .95; nothing else comes that near.
STRICT = {
    kind: {
        "memories": [1],
        "false_accept_rates": [0.1],
        "thresholds": [[0.95]],
        "probability": {"intercept": -90.0, "score": 100.0, "log_memories": 0.0},
        "curve": {"memories": 1, "threshold": [0.0, 1.0], "far": [1.0, 0.0], "frr": [0.0, 1.0]},
    }
    for kind in ("text", "audio", "image")
}


def write_photo(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    colours = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), cv2.resize(colours, (64, 64), interpolation=cv2.INTER_NEAREST))
    return path


@pytest.fixture
def room(tmp_path) -> Path:
    for i, name in enumerate(("shelf/cup.png", "shelf/plate.jpg", "table/deep/lamp.png")):
        write_photo(tmp_path / "photos" / name, seed=i)
    write_photo(tmp_path / "photos" / ".trash" / "old.png", seed=9)
    write_photo(tmp_path / "elsewhere.png", seed=50)
    write_pixel_bundle(tmp_path / "bundle", [ClassName("cup", "cup", "컵")], STRICT)
    return tmp_path


def find(room: Path, *queries: str | Path, code: int = 0, index: str = "index") -> int:
    places = ["--bundle", room / "bundle", "--images", room / "photos", "--index", room / index]
    exit_code = main(["find", *map(str, (*queries, *places))])
    assert exit_code == code
    return exit_code


def found(room: Path, capsys, *queries: str | Path) -> dict:
    capsys.readouterr()
    find(room, *queries, "--json")
    return json.loads(capsys.readouterr().out)


def test_help_names_every_command_and_loads_nothing_heavy():
    script = (
        "import sys; from visual_byte_core.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert not {'torch', 'cv2', 'numpy', 'onnxruntime', 'yaml', 'matplotlib'} & set(sys.modules), 'heavy'"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert f"usage: visual-byte {command}" in text and "--debug" in text


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["evaluate", "--images", "x"],
        ["evaluate", "--bundle", "b", "--images", "x"],
        ["evaluate", "--bundle", "b", "--images", "x", "--json", "--snr", "5"],
        ["evaluate", "--bundle", "b", "--images", "x", "--json", "--perturb-text", "shout"],
        ["evaluate", "--bundle", "b", "--images", "x", "--json", "--false-accept-rate", "1.5"],
        ["find", "--images", "x"],
        ["find", "--images", "x", "cup", "--k", "0"],
        ["train", "--set", "optimizer.epochs"],
        ["train", "--set", "1.x=2"],
    ],
)
def test_wrong_arguments_are_code_2(arguments, monkeypatch):
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2


@pytest.mark.parametrize("command", ["train", "precompute"])
def test_an_unknown_setting_is_code_2_and_named(command, capsys):
    assert main([command, "--set", "optimizer.no_such_thing=1"]) == 2
    assert "no_such_thing" in capsys.readouterr().err


def test_failure_is_one_line_and_debug_shows_where(tmp_path):
    plain = visual_byte("find", "--bundle", tmp_path / "none", "--images", tmp_path, "cup", code=1)
    assert plain.stdout == "" and plain.stderr.count("\n") == 1
    assert plain.stderr.startswith(f"visual-byte: error: bundle {tmp_path / 'none'}: no such folder")
    debug = visual_byte("find", "--bundle", tmp_path / "none", "--images", tmp_path, "cup", "--debug", code=1)
    assert "Traceback" in debug.stderr


def test_a_missing_package_names_what_to_install(monkeypatch, capsys):
    def run(_):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(cli.COMMANDS["train"], "run", run)
    assert main(["train"]) == 1
    assert "torch is not installed; this command needs: pip install '.[train]'" in capsys.readouterr().err


def test_what_nobody_expected_is_one_line_too(monkeypatch, capsys):
    monkeypatch.setattr(cli.COMMANDS["train"], "run", lambda _: 1 / 0)
    assert main(["train"]) == 1
    assert capsys.readouterr().err == (
        "visual-byte: error: unexpected ZeroDivisionError: division by zero; --debug shows where\n"
    )


def test_a_reader_that_leaves_early_is_no_traceback(tmp_path, room):
    reading, writing = os.pipe()
    os.close(reading)
    places = ["--bundle", room / "bundle", "--images", room / "photos", "--index", room / "index"]
    with os.fdopen(writing, "w") as closed:
        command = [sys.executable, "-c", "import sys; from visual_byte_core.cli import main; sys.exit(main())"]
        done = subprocess.run(
            [*command, *map(str, ["find", "cup", *places])], stdout=closed, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1 and "Traceback" not in done.stderr


def test_find_answers_and_refuses(room, capsys):
    answer = found(
        room, capsys, "cup", "--photo", room / "photos" / "shelf" / "cup.png", "--photo", room / "elsewhere.png"
    )
    assert answer["photos"] == 3 and answer["unreadable"] == []
    typed, seen, unseen = answer["answers"]
    assert (typed["kind"], typed["status"], typed["matches"]) == ("text", "NOT_FOUND", [])
    assert seen["status"] == "FOUND" and seen["matches"] == seen["nearest"]
    assert seen["matches"][0]["file"] == str(room / "photos/shelf/cup.png")
    assert seen["matches"][0]["score"] == pytest.approx(1, abs=2e-3) and seen["matches"][0]["probability"] > 0.99
    assert unseen["status"] == "NOT_FOUND" and len(unseen["nearest"]) == 1 and "threshold" in unseen["reason"]
    assert unseen["nearest"][0]["probability"] < 0.5
    find(room, "--photo", room / "elsewhere.png", "--photo", room / "photos" / "table" / "deep" / "lamp.png")
    table = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["asked", "for", "found", "score", "probability"]
    assert table[1].split()[1:5] == ["NOT_FOUND", "-", "-", "nearest:"]
    assert table[2].split()[1:] == [str(room / "photos" / "table" / "deep" / "lamp.png"), "1.00", "1.00"]


def test_find_hears_speech(room, capsys):
    (answer,) = found(room, capsys, "--speech", BANANA)["answers"]
    assert answer["kind"] == "audio" and answer["status"] == "NOT_FOUND"
    seconds = np.arange(0, 0.6, 1 / 16000)
    soundfile.write(room / "beep.wav", np.sin(2000 * seconds) * np.hanning(len(seconds)), 16000)
    find(room, "--speech", room / "beep.wav", code=1)
    assert f"error: {room / 'beep.wav'}: sound: no speech" in capsys.readouterr().err
    soundfile.write(room / "silent.wav", np.zeros(16000), 16000)
    find(room, "--speech", room / "silent.wav", code=1)
    assert f"error: {room / 'silent.wav'}: sound: silent" in capsys.readouterr().err


def test_the_index_embeds_only_what_is_new_and_follows_the_folder(room, capsys, monkeypatch):
    embedded: list[int] = []
    embed = Embedder.embed
    monkeypatch.setattr(Embedder, "embed", lambda self, images: embedded.append(len(images)) or embed(self, images))
    cup, new = room / "photos" / "shelf" / "cup.png", room / "photos" / "new.png"
    found(room, capsys, "cup")
    assert embedded == [3, 1]  # three photos, and the name, which was checked before them
    embedded.clear()
    found(room, capsys, "cup")
    assert embedded == [1]
    write_photo(new, seed=77)
    write_photo(cup, seed=78)
    os.utime(cup, ns=(1, 1))
    (room / "photos" / "shelf" / "plate.jpg").unlink()
    embedded.clear()
    answer = found(room, capsys, "--photo", new, "--photo", cup)
    assert embedded == [2, 1, 1] and answer["photos"] == 3
    assert [a["matches"][0]["file"] for a in answer["answers"]] == [str(new), str(cup)]


def test_an_index_that_was_cut_short_is_made_again(room, capsys, monkeypatch):
    found(room, capsys, "cup")
    (listing,) = (room / "index").rglob("photos_2.json")
    kept = json.loads(listing.read_text())
    kept.popitem()
    listing.write_text(json.dumps(kept))
    assert found(room, capsys, "cup")["photos"] == 3
    listing.write_text("{")
    assert found(room, capsys, "cup")["photos"] == 3
    assert len(json.loads(listing.read_text())) == 3


def test_broken_photos_are_named_and_the_rest_is_searched(room, capsys):
    (room / "photos" / "empty.jpg").write_bytes(b"")
    answer = found(room, capsys, "cup")
    assert answer["photos"] == 3 and answer["unreadable"][0].startswith(str(room / "photos" / "empty.jpg"))
    for photo in [*(room / "photos").rglob("*.png"), *(room / "photos").rglob("*.jpg")]:
        photo.write_bytes(b"no photo")
    find(room, "cup", code=1)
    assert "none of 4 photos can be read" in capsys.readouterr().err


def test_folders_that_cannot_be_searched(room, capsys, monkeypatch):
    (room / "empty").mkdir()
    places = ["--bundle", str(room / "bundle"), "--index", str(room / "index")]
    assert main(["find", "cup", "--images", str(room / "empty"), *places]) == 1
    assert f"{room / 'empty'}: no photos" in capsys.readouterr().err
    assert main(["find", "cup", "--images", str(room / "none"), *places]) == 1
    assert f"{room / 'none'}: no such folder" in capsys.readouterr().err
    (room / "file").touch()
    find(room, "cup", code=1, index="file/index")
    assert "choose another place with --index" in capsys.readouterr().err


def test_an_index_in_use_is_told_and_not_destroyed(room, capsys):
    found(room, capsys, "cup")
    (folder,) = (room / "index").rglob("memory")
    memory = Memory(folder, Embedder(room / "bundle").bundle.id)
    find(room, "cup", code=1)
    assert "process" in capsys.readouterr().err
    assert memory.count() == 3
    memory.close()
    assert found(room, capsys, "cup")["photos"] == 3


def test_each_bundle_has_its_own_index(room, capsys):
    found(room, capsys, "cup")
    write_pixel_bundle(room / "bundle", [ClassName("cup", "cup")], STRICT)
    found(room, capsys, "cup")
    assert len(list((room / "index").rglob("photos_2.json"))) == 1  # names do not change what a photo looks like to it
    write_pixel_bundle(room / "bundle", [ClassName("cup", "cup")], STRICT, seed=2)
    assert found(room, capsys, "--photo", room / "photos/shelf/cup.png")["answers"][0]["status"] == "FOUND"
    assert len(list((room / "index").rglob("photos_2.json"))) == 2


def test_a_bundle_without_calibration_cannot_say_not_found(room, capsys):
    write_pixel_bundle(room / "bundle", [])
    find(room, "cup", code=1)
    assert "run `visual-byte calibrate`" in capsys.readouterr().err


def test_it_asks_for_names_on_a_terminal(room, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    lines = iter(["cup", "x" * 10_000, "lamp", ""])
    monkeypatch.setattr("builtins.input", lambda prompt: next(lines))
    find(room)
    output = capsys.readouterr().out
    assert output.count("NOT_FOUND") == 2 and "10000 characters" in output


def test_find_never_loads_torch(room):
    places = ["--bundle", room / "bundle", "--images", room / "photos", "--index", room / "index"]
    arguments = list(map(str, ["find", "cup", *places]))
    script = (
        f"import sys; from visual_byte_core.cli import main; code = main({arguments});"
        "assert not {'torch', 'timm', 'matplotlib', 'sklearn', 'transformers'} & set(sys.modules); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A folder with names, photos and configurations, as a user has before the first command."""
    folder = tmp_path_factory.mktemp("project")
    colours = {"red mug": (30, 30, 200), "green lamp": (40, 180, 40), "blue chair": (200, 60, 30)}
    (folder / "names.csv").write_text("en,ko\n" + "".join(f"{name},\n" for name in colours), encoding="utf-8")
    for seed, (name, colour) in enumerate(colours.items()):
        generator = np.random.default_rng(seed)
        for i in range(18):
            path = folder / "photos" / name.replace(" ", "_") / f"{i:02d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), np.clip(generator.normal(colour, 30, (48, 64, 3)), 0, 255).astype(np.uint8))
    photos = [{"kind": "folder", "path": str(folder / "photos"), "train": -1, "calibrate": 7, "evaluate": 3}]
    collect = {"out": str(folder / "data"), "names": str(folder / "names.csv"), "photos": photos, "voices": {"en": 2}}
    collect["clips"] = str(folder / "clips")
    (folder / "collect.yaml").write_text(yaml.safe_dump(collect), encoding="utf-8")
    training = {
        "out": str(folder / "run"),
        "renderer": {"size": 64},
        "data": {"root": str(folder / "data"), "names": str(folder / "names.csv")},
        "model": {"backbone": "test_convnext"},
        "optimizer": {"epochs": 9, "classes": 3, "threads": 1, "learning_rate": 0.003},
    }
    (folder / "train.yaml").write_text(yaml.safe_dump(training), encoding="utf-8")
    return folder


def test_from_photos_to_an_answer(project, capsys):
    data, bundle = project / "data", project / "bundle"

    def done(*arguments: str | Path) -> str:
        capsys.readouterr()
        assert main(list(map(str, arguments))) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    counts = json.loads(done("collect", "--config", project / "collect.yaml", "--json"))
    assert counts["photos"] == 54 and counts["spoken"] > 0
    assert json.loads(done("collect", "--config", project / "collect.yaml", "--json"))["photos"] == 0
    training = ["--config", project / "train.yaml"]
    assert json.loads(done("precompute", *training, "--json"))["images"] > 0
    metrics = json.loads(done("train", *training, "--set", "optimizer.epochs=2", "--json"))
    assert set(metrics) == {"calibrate", "eval"}
    done("export", "--checkpoint", project / "run" / "best", "--out", bundle, "--target", "onnx-fp32")
    folders = [
        f"--{kind}={data / part}" for kind, part in (("images", "image_calibrate"), ("speech", "audio_calibrate"))
    ]
    done("calibrate", "--bundle", bundle, *folders)
    folders = [f"--{kind}={data / part}" for kind, part in (("images", "image_eval"), ("speech", "audio_eval_tts"))]
    report = json.loads(done("evaluate", "--bundle", bundle, *folders, "--json"))
    # The same checkpoint, photos, names and renderer: training and evaluation must agree on how well it does.
    assert report["retrieval"]["text_to_image"] == pytest.approx(metrics["eval"]["text_to_image"])
    assert report["retrieval"]["image_to_image"] == pytest.approx(metrics["eval"]["image_to_image"])
    answer = json.loads(done("find", "--bundle", bundle, "--images", data / "image_eval", "red mug", "--json",
                             "--index", project / "index"))  # fmt: skip
    assert answer["photos"] == 9 and answer["answers"][0]["status"] in ("FOUND", "NOT_FOUND")


def test_an_interrupt_while_the_options_are_read_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Options come from modules that take a while to import."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "make_parser", interrupted)
    assert main(["find"]) == 1
    assert capsys.readouterr().err == "visual-byte: error: interrupted\n"
