# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A student learns from a checkpoint or from a bundle; a teacher that does not fit is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.errors import ConfigurationError
from visual_byte_core.training.checkpoint import build_network, load_checkpoint
from visual_byte_core.training.config import DistillConfig, TrainingConfig
from visual_byte_core.training.distill import Distillation
from visual_byte_core.training.losses import Embedded
from visual_byte_core.training.pixels import prepare_pixels

CPU = torch.device("cpu")


@pytest.fixture
def config(checkpoint: Path) -> TrainingConfig:
    config = load_checkpoint(checkpoint)[1]
    return replace(
        config,
        model=replace(config.model, backbone="convnext_zepto_rms", layer_scale=0.1),
        distill=DistillConfig(teacher=str(checkpoint), logits=1.0),
    )


def step(distillation: Distillation, images: torch.Tensor) -> dict[str, torch.Tensor]:
    embeddings = distillation.student(prepare_pixels(images))
    third = len(images) // 3
    return distillation(images, Embedded(*embeddings.split(third), torch.arange(third)))


def test_the_student_comes_nearer_to_its_teacher(config: TrainingConfig, checkpoint: Path) -> None:
    torch.manual_seed(0)
    names = load_checkpoint(checkpoint)[2]
    student = build_network(config, len(names))
    distillation = Distillation(config, names, student, CPU)
    images = torch.randint(0, 256, (6, config.renderer.size, config.renderer.size, 3), dtype=torch.uint8)
    optimizer = torch.optim.AdamW(student.parameters(), 1e-3)
    history = []
    for _ in range(12):
        terms = step(distillation, images)
        optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimizer.step()
        history.append({name: float(term.detach()) for name, term in terms.items()})
    assert set(history[0]) == {"distill_embedding", "distill_similarity", "distill_logits"}
    assert history[-1]["distill_embedding"] < 0.5 * history[0]["distill_embedding"]
    assert all(history[-1][name] < history[0][name] for name in history[0])


def test_the_teachers_own_embedding_costs_nothing(config: TrainingConfig, checkpoint: Path) -> None:
    teacher, _, names = load_checkpoint(checkpoint)
    images = torch.randint(0, 256, (6, config.renderer.size, config.renderer.size, 3), dtype=torch.uint8)
    with torch.no_grad():
        terms = step(Distillation(config, names, teacher, CPU), images)
    assert all(abs(float(term)) < 1e-4 for term in terms.values())


def test_a_bundle_teaches_what_its_checkpoint_does(
    config: TrainingConfig, convnext_bundle: Bundle, checkpoint: Path
) -> None:
    network, _, names = load_checkpoint(checkpoint)
    config = replace(config, distill=DistillConfig(teacher=str(convnext_bundle.path)))
    images = torch.randint(0, 256, (6, config.renderer.size, config.renderer.size, 3), dtype=torch.uint8)
    terms = step(Distillation(config, names, network, CPU), images)
    assert set(terms) == {"distill_embedding", "distill_similarity"}
    assert float(terms["distill_embedding"]) < 6 * 0.02  # INT8 against float32


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"distill": DistillConfig(teacher="nowhere")}, "neither a checkpoint nor a bundle"),
        ({"model": {"dimension": 24}}, "set model.dimension"),
        ({"renderer": {"text": {"renderer": "hash"}}}, "renders otherwise"),
    ],
)
def test_a_teacher_that_does_not_fit_is_named(
    config: TrainingConfig, checkpoint: Path, change: dict[str, object], reason: str
) -> None:
    names = load_checkpoint(checkpoint)[2]
    student = build_network(config, len(names))
    if "model" in change:
        config = replace(config, model=replace(config.model, dimension=24))
    elif "renderer" in change:
        config = replace(config, renderer=replace(config.renderer, text=replace(config.renderer.text, renderer="hash")))
    else:
        config = replace(config, **change)
    with pytest.raises(ConfigurationError, match=reason):
        Distillation(config, names, student, CPU)


def test_logits_of_a_bundle_are_refused(config: TrainingConfig, convnext_bundle: Bundle, checkpoint: Path) -> None:
    names = load_checkpoint(checkpoint)[2]
    config = replace(config, distill=DistillConfig(teacher=str(convnext_bundle.path), logits=1.0))
    with pytest.raises(ConfigurationError, match=r"distill\.logits: needs a checkpoint"):
        Distillation(config, names, build_network(config, len(names)), CPU)
