# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The table at the head of a model card: studies/card_rows.py on a small data set, and what the card makes of it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import soundfile

from visual_byte_core.bundle.bundle import Bundle, load_bundle, update_bundle
from visual_byte_core.bundle.model_card import glance_table
from visual_byte_core.cli import main
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.evaluation.report import EvaluationSettings, evaluate
from visual_byte_testing.paths import BANANA
from visual_byte_testing.studies import load_study


@pytest.fixture(scope="module")
def card_rows() -> ModuleType:
    return load_study("card_rows")


@pytest.fixture(scope="module")
def data(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The evaluation splits as `collect` lays them out, CIFAR's photos and groceries told apart by their file names."""
    root = tmp_path_factory.mktemp("card")
    for photo in sorted((dataset / "image").rglob("*.jpg")):
        for name in (f"cifar_{photo.stem}.png", photo.name):
            (root / "image_eval" / photo.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(photo, root / "image_eval" / photo.parent.name / name)
    for part in ("audio_eval_tts", "distractors_eval"):
        shutil.copytree(dataset / part, root / part)
    (root / "audio_eval_human" / "banana" / "en").mkdir(parents=True)
    shutil.copy(BANANA, root / "audio_eval_human" / "banana" / "en")
    (root / "noise_eval").mkdir()
    soundfile.write(root / "noise_eval" / "hiss.wav", np.random.default_rng(0).normal(0, 0.1, 16_000), 16_000)
    (root / "iconic").mkdir()
    for slug in ("banana", "kiwi"):
        shutil.copy(next((dataset / "image" / slug).glob("*.jpg")), root / "iconic" / f"{slug}.jpg")
    return root


def test_the_rows_are_what_evaluate_measures(card_rows, convnext_bundle: Bundle, data, tmp_path, monkeypatch, capsys):
    bundle = shutil.copytree(convnext_bundle.path, tmp_path / "bundle")
    arguments = ["--data", str(data), "--bundle", str(bundle), "--float32", str(bundle), "--write"]
    monkeypatch.setattr(card_rows, "SCENES", 2)
    monkeypatch.setattr(card_rows, "COMPOSED", {"scenes": "2"})
    monkeypatch.setattr(sys, "argv", ["card_rows.py", *arguments, "--iconic", str(data / "iconic")])
    monkeypatch.setattr(card_rows, "MANY", 5)
    card_rows.main()
    printed, told = capsys.readouterr()
    entry = load_bundle(bundle).metrics[card_rows.TITLE]
    assert printed.strip() == glance_table(entry).strip()
    assert len(entry["rows"]) == len(card_rows.ROWS) - 1  # INT8's more; without parts, as 4 classes are no 3 x 3 scene
    assert "left out, part: peak of the map in the right cell, 3 x 3: scenes of 3 x 3" in told
    measured = {(row["measured"], row["on"]): row for row in entry["rows"]}
    settings = EvaluationSettings(images=data / "image_eval", photos="cifar_*", speech=data / "audio_eval_tts")
    expected = evaluate(Embedder(bundle, threads=1), settings)["retrieval"]["image_to_text"]
    row = measured["photo → name", card_rows.CIFAR]
    assert row["int8"] == row["float32"] == pytest.approx(expected["r1"], abs=1e-4) and row["queries"] == expected["n"]
    assert row["options"] == "--photos cifar_* --speech audio_eval_tts"
    assert entry["rows"][-1]["measured"] == "INT8 against float32, largest loss" and entry["rows"][-1]["int8"] == 0
    card = (bundle / "README.md").read_text(encoding="utf-8")
    assert "## Measured: at a glance" in card and "| person → photo, noise at 10 dB |" in card


def test_rows_that_lack_packshots_are_left_out(card_rows, convnext_bundle, data):
    row = next(row for row in card_rows.ROWS if row.options.get("images") == card_rows.ICONIC)
    measurers = {"int8": card_rows.Measurer(Embedder(convnext_bundle.path, threads=1), data)}
    assert card_rows._measured(row, measurers, None) is None
    with card_rows._packshots(data / "iconic") as folder:
        assert card_rows._measured(row, measurers, folder)["queries"] == 2


def test_not_found_is_measured_drawn_and_written_into_the_card(convnext_bundle: Bundle, data: Path, tmp_path, capsys):
    folder = tmp_path / "bundle"
    shutil.copytree(convnext_bundle.path, folder)
    parts = {"images": "image_eval", "speech": "audio_eval_tts", "absent-speech": "distractors_eval"}
    places = [f"--{option}={data / part}" for option, part in parts.items()]
    assert main(["calibrate", "--bundle", str(folder), *places]) == 0
    assert main(["refusal", "--bundle", str(folder), *places, "--command", "as it was done"]) == 0
    assert "text, 10 memories: calibration error" in capsys.readouterr().out
    bundle = load_bundle(folder)  # whole, though there is a picture beside it
    assert bundle.id == convnext_bundle.id
    asked = [(row["asked"], row["memories"]) for row in bundle.metrics["not found"]["refusal"]]
    assert {kind for kind, _ in asked} == {"text", "audio", "image"} and asked[0] == ("text", 10)
    assert cv2.imread(str(folder / "refusal.png")).shape[1] > 500
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "## Measured: not found" in card and "(refusal.png)" in card and "    as it was done" in card
    rest = card.partition("## Measured: not found")[2]
    assert rest.count("| typed |") >= len([kind for kind, _ in asked if kind == "text"])


def test_not_found_of_a_bundle_that_was_not_calibrated(convnext_bundle: Bundle, data: Path, tmp_path, capsys):
    folder = tmp_path / "bundle"
    shutil.copytree(convnext_bundle.path, folder)
    update_bundle(folder, calibration={})
    places = ["--images", str(data / "image_eval"), "--speech", str(data / "audio_eval_tts")]
    assert main(["refusal", "--bundle", str(folder), *places]) == 1
    assert "not calibrated; run `visual-byte calibrate` first" in capsys.readouterr().err
    (tmp_path / "speech" / "xylophone").mkdir(parents=True)
    shutil.copy(BANANA, tmp_path / "speech" / "xylophone")
    assert main(["calibrate", "--bundle", str(folder), *places[:2], "--speech", str(tmp_path / "speech")]) == 1
    assert "no sound there names a class of" in capsys.readouterr().err
