# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The ablation script: its shipped configuration, a row trained in a few steps, a table that goes on."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile
import yaml

from visual_byte_core.configuration import load_configuration
from visual_byte_core.metrics.labelled import Labelled
from visual_byte_testing.paths import BANANA, ROOT
from visual_byte_testing.studies import load_study

CONFIG = ROOT / "config" / "ablation.yaml"


@pytest.fixture(scope="module")
def ablation() -> ModuleType:
    return load_study("ablation")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped configuration with two rows and two steps, on four groceries of the samples."""
    generator = np.random.default_rng(0)
    people, noise = tmp_path / "people", tmp_path / "noise"
    people.mkdir()
    noise.mkdir()
    shutil.copy(BANANA, people)
    rows = ["file,word,speaker,source,grocery", "banana.flac,banana,one,kept,"]
    for i in range(20):  # enough that each part gets some
        soundfile.write(noise / f"{i}.wav", 0.1 * generator.normal(size=16_000), 16_000)
        soundfile.write(people / f"{i}.wav", generator.normal(0, 0.1, 9600) * np.hanning(9600), 16_000)
        rows.append(f"{i}.wav,word {i},speaker {i},others,")
    (people / "manifest.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    monkeypatch.setenv("VISUAL_BYTE_DATA", str(tmp_path))
    values = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    values["collect"] |= {
        "photos": [{"path": str(ROOT / "examples" / "photos"), "train": 1, "calibrate": 1, "evaluate": 1}],
        "voices": {"en": 1},
        "clips": str(tmp_path / "clips"),
        "recordings": str(people / "manifest.csv"),
        "pseudo_words": 4,
        "voices_a_pseudo_word": 1,
    }
    values["training"]["optimizer"] |= {"classes": 4, "photos": 1, "distractors": 1, "precision": "float32"}
    values["training"]["data"]["workers"] = 0
    values |= {"names": ["banana", "kiwi", "lemon", "lime"], "steps": 2, "held_out_source": "kept"}
    own = {"name": "own scales", "group": "inputs", "shared_normalization": False, "people": False, "set": ["seed=1"]}
    values["rows"] = [values["rows"][0], own]
    path = tmp_path / "ablation.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def test_every_row_of_the_shipped_table_is_a_configuration(ablation, monkeypatch):
    monkeypatch.setenv("VISUAL_BYTE_DATA", "unused")
    config = load_configuration(ablation.AblationConfig, CONFIG)
    names = [row.name for row in config.rows]
    assert len(config.names) == 20 and len(set(names)) == len(names) >= 20
    for row in config.rows:
        changed = load_configuration(ablation.AblationConfig, CONFIG, [f"training.{one}" for one in row.set]).training
        assert (changed != config.training) == bool(row.set), row.name


def test_rows_are_trained_measured_and_kept(ablation, config, tmp_path, monkeypatch):
    out = tmp_path / "docs" / "ablations.json"
    out.parent.mkdir()
    out.with_suffix(".md").write_text(f"# Title\n{ablation.START}old\n{ablation.END}tail\n", encoding="utf-8")
    arguments = ["ablation.py", "--config", str(config), "--data", str(tmp_path / "data"), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", [*arguments, "--only", "ours"])
    ablation.main()
    first = json.loads(out.read_text(encoding="utf-8"))
    assert set(first["rows"]) == {"ours"} and set(ablation.COLUMNS) <= set(first["rows"]["ours"]["metrics"])
    monkeypatch.setattr(sys, "argv", arguments)
    ablation.main()
    second = json.loads(out.read_text(encoding="utf-8"))["rows"]
    assert second["ours"] == first["rows"]["ours"] and "metrics" in second["own scales"]
    page = out.with_suffix(".md").read_text(encoding="utf-8")
    assert page.startswith("# Title\n") and page.endswith("tail\n") and "old" not in page
    parts = {name: tmp_path / "data" / name / "distractors" for name in ("with_people", "without_people")}
    assert len(list(parts["with_people"].iterdir())) > len(list(parts["without_people"].iterdir())) == 4
    assert [path.name for path in (tmp_path / "data").rglob("*.flac")] == ["banana.flac"]
    assert first["rows"]["ours"]["metrics"]["human_clips"] == 1
    assert "| ours | 0." in page or "| ours | 1." in page
    assert page.index("**baseline**") < page.index("**inputs**") < page.index("| own scales |")


def test_a_row_without_its_model_says_so(ablation):
    row = ablation.RowConfig("method 1", "speech")
    assert f"| method 1 | {ablation.NOT_RUN} |" in ablation._table([(row, {"reason": "no weights"})])


def test_recall_in_small_galleries_is_the_mean_over_draws(ablation):
    angles = np.deg2rad([0.0, 20.0, 40.0, 15.0])
    photos = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    query = Labelled(np.array([[1.0, 0.0]], np.float32), ("a",))
    ablation.PHOTOS_IN_GALLERY, kept = 1, ablation.PHOTOS_IN_GALLERY
    try:
        # One of a's three photos is drawn; only that at 0 degrees is nearer than b's at 15.
        found = ablation.recall_in_small_galleries(query, Labelled(photos, ("a", "a", "a", "b")))
    finally:
        ablation.PHOTOS_IN_GALLERY = kept
    assert found == pytest.approx(1 / 3, abs=0.15)
