# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A network of photos teaches: what it makes of them is kept, and a student learns to predict it."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from visual_byte_core.dataset.collect_config import CollectConfig
from visual_byte_core.errors import ConfigurationError, DataError
from visual_byte_core.training.backbone import create_backbone
from visual_byte_core.training.checkpoint import load_checkpoint
from visual_byte_core.training.config import DistillConfig, config_from_dict
from visual_byte_core.training.loop import Trainer, train
from visual_byte_core.training.photo_teacher import FOLDER, PhotoTeacher, photo_features
from visual_byte_core.training.state import STATE

CPU = torch.device("cpu")


@pytest.fixture
def config(tmp_path: Path) -> DistillConfig:
    torch.manual_seed(0)
    weights = tmp_path / "teacher.safetensors"
    save_file(create_backbone("test_convnext", False, 0.0, 0.1).state_dict(), weights)
    return DistillConfig(photo_teacher="test_convnext", photo_weights=str(weights), photo_size=64)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    generator = np.random.default_rng(0)
    folder = tmp_path / "image" / "mug"
    folder.mkdir(parents=True)
    for number, side in enumerate((32, 48, 100)):
        cv2.imwrite(str(folder / f"{number}.png"), generator.integers(0, 256, (side, side + 9, 3), np.uint8))
    return sorted(folder.iterdir())


def test_features_are_kept_and_only_new_photos_are_computed(
    config: DistillConfig, paths: list[Path], tmp_path: Path
) -> None:
    first = photo_features(config, tmp_path, paths[:2], CPU)
    assert list(first) == [str(path) for path in paths[:2]]
    assert not torch.equal(*first.values())
    [kept] = (tmp_path / FOLDER).iterdir()
    paths[0].write_bytes(b"no photo any more")  # not read again
    again = photo_features(config, tmp_path, paths, CPU)
    assert torch.equal(again[str(paths[0])], first[str(paths[0])]) and len(again) == 3
    other = replace(config, photo_size=32)
    assert len(photo_features(other, tmp_path, paths, CPU)) == 2  # without the one that cannot be read
    assert len(list((tmp_path / FOLDER).iterdir())) == 2 and kept.is_file()


def test_a_head_learns_to_predict_the_features(config: DistillConfig, paths: list[Path], tmp_path: Path) -> None:
    teacher = PhotoTeacher(config, photo_features(config, tmp_path, paths, CPU), dimension=8)
    embeddings = torch.nn.functional.normalize(torch.randn(3, 8), dim=1).requires_grad_()
    sources = (*map(str, paths), "the words 'mug'")
    optimizer = torch.optim.Adam(teacher.parameters(), 0.05)
    values = []
    for _ in range(60):
        [(name, term)] = teacher(sources, embeddings).items()
        optimizer.zero_grad()
        term.backward()
        optimizer.step()
        values.append(float(term.detach()))
    assert name == "photo_teacher" and values[0] > 0.5 and values[-1] < 0.05
    assert embeddings.grad is not None and embeddings.grad.abs().sum() > 0
    shuffled = (sources[1], sources[2], sources[0])
    assert float(teacher(shuffled, embeddings)["photo_teacher"].detach()) > 0.5  # each photo has features of its own


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"photo_teacher": "no_such_network"}, "distill.photo_teacher.*no_such_network"),
        ({"photo_weights": "gone.safetensors"}, "no file gone.safetensors"),
        ({"photo_weights": False}, "an untrained teacher teaches nothing; give true or a path"),
    ],
)
def test_a_teacher_that_is_not_there_is_named(
    config: DistillConfig, paths: list[Path], tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        photo_features(replace(config, **change), tmp_path, paths, CPU)


def test_a_broken_file_of_features_is_named(config: DistillConfig, paths: list[Path], tmp_path: Path) -> None:
    photo_features(config, tmp_path, paths, CPU)
    [kept] = (tmp_path / FOLDER).iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    with pytest.raises(DataError, match="delete it to make it again"):
        photo_features(config, tmp_path, paths, CPU)


def test_training_takes_the_term_and_resumes_with_its_head(
    config: DistillConfig, dataset: Path, collect_config: CollectConfig, tmp_path: Path
) -> None:
    run = config_from_dict(
        {
            "out": str(tmp_path / "run"),
            "renderer": {"size": 32},
            "data": {"root": str(dataset), "names": collect_config.names, "workers": 0},
            "model": {"backbone": "convnext_atto", "dimension": 16, "layer_scale": 0.1},
            "optimizer": {"epochs": 1, "classes": 2, "photos": 2, "learning_rate": 5e-4, "threads": 1},
        }
    )
    run = replace(run, distill=config)
    train(run)
    with open(tmp_path / "run" / "log.csv", encoding="utf-8") as file:
        [row] = csv.DictReader(file)
    assert 0 < float(row["photo_teacher"]) < 2 * config.photos
    resumed, fresh = Trainer(run, resume=True), Trainer(replace(run, out=str(tmp_path / "other")))
    assert resumed.photo_teacher and fresh.photo_teacher
    kept = torch.load(tmp_path / "run" / STATE, weights_only=True)["photo_teacher"]["head.weight"]
    assert torch.equal(resumed.photo_teacher.head.weight, kept)
    assert not torch.equal(fresh.photo_teacher.head.weight, kept)
    assert set(load_checkpoint(tmp_path / "run" / "last")[0].state_dict()) == set(resumed.network.state_dict())
