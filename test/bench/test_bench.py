# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""`visual-byte bench`: real bundles in processes of their own, a table, JSON and a figure."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
import yaml

from visual_byte_core.bench.contenders import FRAME, REMEMBERED, SEARCH, SPOKEN, TYPED, TYPED_AGAIN, Contender
from visual_byte_core.bench.result import table
from visual_byte_core.bench.rounds import Process
from visual_byte_core.bench.training_speed import training_speed
from visual_byte_core.bench.whole_nodes import whole_nodes
from visual_byte_core.dataset.collect_config import CollectConfig
from visual_byte_core.errors import ConfigurationError, ModelError
from visual_byte_testing.command_line import visual_byte
from visual_byte_testing.paths import ROOT

STARTER = ROOT / "models" / "starter"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, Path]:
    out = tmp_path_factory.mktemp("bench")
    done = visual_byte(
        "bench", "--bundle", STARTER, "--others", "--threads", 1, 2, "--memories", 200, "--turns", 2,
        "--out", out, "--json",
    )  # fmt: skip
    return json.loads(done.stdout), out


def test_every_row_of_a_bundle_is_measured(report: tuple[dict, Path]) -> None:
    starter, _, memory = report[0]["contenders"]
    assert [starter["threads"], starter["precision"]] == [2, "int8"]
    assert set(starter["rows"]) == {FRAME, TYPED, TYPED_AGAIN, SPOKEN, REMEMBERED}
    assert set(memory["rows"]) == {SEARCH.format(200)}
    for row in (*starter["rows"].values(), *memory["rows"].values()):
        assert 0 < row["p50_ms"] <= row["p95_ms"] and row["cpu_ms"] > 0 and row["n"] >= 2
    assert starter["peak_mb"] > 50 and starter["start_s"] > 0
    assert starter["file_mb"] == pytest.approx((STARTER / "backbone.onnx").stat().st_size / 1e6, rel=0.01)


def test_it_is_written_as_json_table_and_figure(report: tuple[dict, Path]) -> None:
    result, out = report
    assert json.loads((out / "bench.json").read_text()) == result
    assert (out / "bench.md").read_text() == table(result) + "\n"
    assert (out / "bench.png").read_bytes().startswith(b"\x89PNG")


def test_times_are_compared_with_the_first_bundle(report: tuple[dict, Path]) -> None:
    lines = [line for line in table(report[0]).splitlines() if line.startswith("| starter int8 | 2 |")]
    assert lines[0].endswith("| 1.0 |")


def test_a_contender_that_does_not_load_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="CLIP of nobody: .*image.onnx"):
        Process(Contender("CLIP of nobody", "clip", str(tmp_path), "int8", 1))


def test_without_the_others_packages_the_error_says_what_to_install() -> None:
    if importlib.util.find_spec("open_clip"):
        pytest.skip("the others are installed here")
    done = visual_byte("bench", "--others", "clip", "--memories", "--turns", 1, code=1)
    assert "pip install '.[train,bench]'" in done.stderr


def test_whole_nodes_are_measured_only_where_their_script_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="in a clone of the project"):
        whole_nodes(STARTER, tmp_path / "processes.py")


def test_weights_of_something_unknown_are_refused() -> None:
    assert "expected NAME=PATH" in visual_byte("bench", "--weights", "bert=x", code=2).stderr


def test_an_utterance_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = visual_byte("bench", "--others", "--memories", "--utterance", tmp_path / "none.wav", code=1)
    assert "none.wav" in done.stderr


def test_training_reads_the_words_and_noises_of_the_data_set(
    dataset: Path, collect_config: CollectConfig, tmp_path: Path
) -> None:
    values = {
        "renderer": {"size": 32},
        "data": {"names": collect_config.names, "workers": 0, "distractors": "nowhere", "noise": "nowhere"},
        "model": {"backbone": "test_convnext", "dimension": 16, "layer_scale": 0.1},
        "optimizer": {"epochs": 100, "classes": 2, "photos": 2, "threads": 1},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    speed = training_speed(tmp_path / "config.yaml", dataset)
    assert speed["photos_per_second"] > 0 and 0 <= speed["data_share"] <= 1
