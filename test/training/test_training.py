# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The losses by hand, the batches, and a training that learns, stops and goes on."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from visual_byte_core.dataset.collect_config import CollectConfig
from visual_byte_core.errors import ConfigurationError, DataError
from visual_byte_core.names import ClassName, overlaps, read_names
from visual_byte_core.rendering.normalize import normalize
from visual_byte_core.training.checkpoint import load_checkpoint
from visual_byte_core.training.config import LossConfig, TrainingConfig, config_from_dict, load_config
from visual_byte_core.training.loop import Trainer, train
from visual_byte_core.training.losses import Embedded, losses, overlap_matrix
from visual_byte_core.training.mixup import blended_loss
from visual_byte_core.training.network import VisualByteNet
from visual_byte_core.training.pixels import prepare_pixels
from visual_byte_core.training.triplets import DISTRACTOR, ClassBalancedBatchSampler, Draw, TripletDataset, collate
from visual_byte_testing.paths import ROOT

NONE = LossConfig(classify_image=0, classify_text=0, clip=0, audio=0, audio_text=0)


@pytest.fixture(scope="module")
def network() -> VisualByteNet:
    torch.manual_seed(0)
    return VisualByteNet("convnext_atto", classes=5, dimension=16).eval().requires_grad_(False)


def random_batch(classes: int, photos: int, distractors: int, seed: int = 0) -> Embedded:
    generator = torch.Generator().manual_seed(seed)

    def unit(n: int) -> torch.Tensor:
        return torch.nn.functional.normalize(torch.randn(n, 16, generator=generator), dim=1)

    others = classes + distractors
    return Embedded(unit(classes * photos), unit(others), unit(others), torch.arange(classes))


def info_nce(a: np.ndarray, b: np.ndarray, scale: float) -> float:
    """Symmetric InfoNCE, term by term; what b holds beyond a is only a negative."""
    logits, n = scale * a @ b.T, len(a)
    rows = [-np.log(np.exp(logits[i, i]) / np.exp(logits[i]).sum()) for i in range(n)]
    columns = [-np.log(np.exp(logits[i, i]) / np.exp(logits[:n, i]).sum()) for i in range(n)]
    return float(np.mean(rows) + np.mean(columns)) / 2


def test_contrastive_losses_are_the_formula(network: VisualByteNet) -> None:
    batch, overlap = random_batch(4, 2, 3), torch.eye(5, dtype=torch.bool)
    terms = losses(network, batch, overlap, replace(NONE, clip=1, audio=2, audio_text=1, audio_lambda=0.5), 1.0)
    photos, texts, sounds = (t.numpy().astype(float) for t in (batch.photos, batch.texts, batch.sounds))
    scale = network.logit_scale.item()
    assert scale == pytest.approx(1 / 0.07)
    for name, weight, other in (("clip", 1.0, texts), ("audio", 1.0, sounds)):
        expected = np.mean([info_nce(photos[i : i + 4], other, scale) for i in (0, 4)])
        assert float(terms[name]) == pytest.approx(weight * expected, rel=1e-4)
    assert float(terms["audio_text"]) == pytest.approx(0.5 * info_nce(sounds, texts, scale), rel=1e-4)
    assert float(terms["total"]) == pytest.approx(sum(float(v) for k, v in terms.items() if k != "total"), rel=1e-5)


def test_names_that_overlap_are_no_negatives(network: VisualByteNet) -> None:
    names = [ClassName("apple", "apple"), ClassName("gala", "gala", broader=("apple",)), ClassName("mug", "mug")]
    overlap = overlap_matrix([n.slug for n in names], overlaps(names))
    batch = random_batch(2, 1, 0)
    # Two classes that overlap leave each pair alone with itself: nothing to tell apart.
    assert float(losses(network, batch, overlap, replace(NONE, clip=1), 1.0)["clip"]) == pytest.approx(0, abs=1e-6)
    assert float(losses(network, batch, torch.eye(3).bool(), replace(NONE, clip=1), 1.0)["clip"]) > 0.01


def test_classification_ignores_overlapping_classes(network: VisualByteNet) -> None:
    batch = random_batch(1, 1, 0)
    batch = replace(batch, classes=torch.tensor([1]))
    overlap = torch.eye(5).bool()
    overlap[1, 0] = overlap[0, 1] = True
    logits = network.logits(batch.photos)[0].detach().numpy().astype(float)
    kept = logits[[1, 2, 3, 4]]
    expected = -(kept[0] - np.log(np.exp(kept).sum()))
    term = losses(network, batch, overlap, replace(NONE, classify_image=1), 1.0)["cls_image"]
    assert float(term) == pytest.approx(expected, rel=1e-4)


def test_in_the_first_phase_no_term_hears_sounds(network: VisualByteNet) -> None:
    batch, config = random_batch(4, 1, 0), LossConfig(classify_audio=1, audio_phases=(0.4, 0.6))
    terms = losses(network, batch, torch.eye(5).bool(), config, 0.2)
    assert {name for name, term in terms.items() if term == 0} == {"audio", "audio_text", "cls_audio"}


def test_a_blend_is_both_its_classes_and_none_that_overlaps() -> None:
    logits, overlap = torch.tensor([[1.0, 2.0, 3.0, 4.0]]), torch.eye(4).bool()
    first, second, part = torch.tensor([0]), torch.tensor([1]), torch.tensor([0.3])
    among_all = -logits.log_softmax(dim=1)[0]
    found = blended_loss(logits, first, second, part, overlap)
    assert float(found) == pytest.approx(float(0.3 * among_all[0] + 0.7 * among_all[1]))
    overlap[1, 3] = overlap[3, 1] = overlap[0, 1] = overlap[1, 0] = True  # the fourth may be the second
    found = blended_loss(logits, first, second, part, overlap)
    among_three = -logits[:, :3].log_softmax(dim=1)[0]
    assert float(found) == pytest.approx(float(0.3 * among_three[0] + 0.7 * among_three[1]))


def test_a_weight_of_zero_leaves_the_term_out_and_lambda_warms_up(network: VisualByteNet) -> None:
    batch, overlap = random_batch(4, 1, 0), torch.eye(5).bool()
    assert set(losses(network, batch, overlap, replace(NONE, clip=1), 0.5)) == {"clip", "total"}
    config = replace(NONE, audio=1, audio_warmup=0.5)
    full = float(losses(network, batch, overlap, config, 0.9)["audio"])
    assert float(losses(network, batch, overlap, config, 0.25)["audio"]) == pytest.approx(full / 2)


def test_scales_start_at_the_papers_value_and_stay_bounded(network: VisualByteNet) -> None:
    assert float(network.temperature) == pytest.approx(0.07)
    with torch.no_grad():
        network.log_scale.fill_(50.0)
        network.log_temperature.fill_(-50.0)
        assert network.logit_scale.item() == 100 and float(network.temperature) == pytest.approx(0.01)
        network.log_scale.fill_(2.6593)
        network.log_temperature.fill_(-2.6593)


def test_embedding_and_map_are_of_unit_length_and_agree(network: VisualByteNet) -> None:
    pixels = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        embedding, cells = network.with_map(pixels)
        one_cell, its_map = network.with_map(pixels[:, :, :32, :32])
        assert torch.allclose(embedding, network(pixels), atol=1e-5)
    assert cells.shape == (2, 16, 2, 2)
    assert torch.allclose(cells.norm(dim=1), torch.ones(2, 2, 2), atol=1e-5)
    # A picture of one cell is its own pooling.
    assert torch.allclose(one_cell, its_map[:, :, 0, 0], atol=1e-5)


def test_pixels_of_training_are_those_of_the_robot() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    np.testing.assert_allclose(prepare_pixels(torch.from_numpy(images)).numpy(), normalize(images), atol=1e-5)
    assert prepare_pixels(torch.from_numpy(images), 16).shape == (2, 3, 16, 16)


def test_batches_hold_distinct_classes_and_every_class_is_as_likely() -> None:
    photos = [500, 5, 0, 50, 1, 20]
    batches = list(ClassBalancedBatchSampler(photos, classes=3, distractors=2, steps=400, seed=1))
    drawn = np.array([[draw.number for draw in batch] for batch in batches])
    assert all(len(set(row[:3])) == 3 for row in drawn) and (drawn[:, 3:] == DISTRACTOR).all()
    counts = np.bincount(drawn[:, :3].ravel(), minlength=6)
    assert counts[2] == 0 and counts[[0, 1, 3, 4, 5]].min() > 0.8 * 240
    again = list(ClassBalancedBatchSampler(photos, classes=3, distractors=2, steps=400, seed=1))
    assert batches == again
    assert len(next(iter(ClassBalancedBatchSampler(photos, 64, 0, 1, 1)))) == 5


def test_classes_with_many_photos_may_come_more_often() -> None:
    photos = [400, 400, 25, 25, 0]

    def share_of_many(balance: float) -> float:
        sampler = ClassBalancedBatchSampler(photos, 1, 0, 2000, seed=1, balance=balance)
        return float(np.mean([batch[0].number < 2 for batch in sampler]))

    assert share_of_many(1) == pytest.approx(1 / 2, abs=0.05)
    assert share_of_many(0.5) == pytest.approx(4 / 5, abs=0.05)
    assert share_of_many(0) == pytest.approx(16 / 17, abs=0.05)


def test_classes_may_come_twice_if_they_need_not_be_distinct() -> None:
    batches = list(ClassBalancedBatchSampler([10, 30, 0], 2, 1, 2000, seed=1, balance=0, distinct=False))
    drawn = np.array([[draw.number for draw in batch] for batch in batches])
    assert (drawn[:, 2] == DISTRACTOR).all() and drawn[:, :2].max() == 1
    assert np.mean(drawn[:, 0] == drawn[:, 1]) == pytest.approx(1 / 16 + 9 / 16, abs=0.05)


@pytest.fixture(scope="module")
def config(dataset: Path, collect_config: CollectConfig) -> TrainingConfig:
    return config_from_dict(
        {
            "renderer": {"size": 64},
            "data": {
                "root": str(dataset), "names": collect_config.names, "distractors": str(dataset / "distractors"),
                "languages": ["en", "ko"], "language_weights": [0.8, 0.2],
            },
            "model": {"backbone": "convnext_atto", "dimension": 32, "layer_scale": 0.1},
            "loss": {"classify_audio": 0.5},
            "optimizer": {"epochs": 2, "classes": 4, "photos": 1, "distractors": 2, "learning_rate": 5e-4,
                          "threads": 1},
        }
    )  # fmt: skip


def test_one_draw_always_gives_the_same_triplet(config: TrainingConfig) -> None:
    data = TripletDataset(config, read_names(config.data.names))
    first, again, other = (data[Draw(0, seed)] for seed in (5, 5, 6))
    assert first.photos.shape == (1, 64, 64, 3) and first.text.dtype == np.uint8
    for name in ("photos", "text", "sound"):
        assert (getattr(first, name) == getattr(again, name)).all()
    assert (first.photos != other.photos).any() and not np.array_equal(first.sound, other.sound)
    batch = collate([first, other, data[Draw(DISTRACTOR, 7)]], config)
    assert (len(batch.photos), len(batch.texts), len(batch.sounds)) == (2, 3, 3)
    assert batch.classes.tolist() == [0, 0]


def test_training_learns_and_resumes_to_the_same_weights(config: TrainingConfig, tmp_path: Path) -> None:
    whole = replace(config, out=str(tmp_path / "whole"))
    metrics = train(whole)
    assert set(metrics) == {"calibrate", "eval"} and metrics["eval"]["text_to_image"]["n"] == 4
    parts = replace(config, out=str(tmp_path / "parts"))
    trainer = Trainer(parts)
    trainer.config = replace(parts, optimizer=replace(parts.optimizer, epochs=1))  # the first epoch, then a power cut
    trainer.run()
    train(parts, resume=True)
    a, b = (load_checkpoint(Path(c.out) / "last")[0].state_dict() for c in (whole, parts))
    assert all(torch.equal(a[name], b[name]) for name in a)
    with open(tmp_path / "whole" / "log.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 and float(rows[1]["total"]) < float(rows[0]["total"])
    assert {"logit_scale", "temperature", "gradient_norm", "cls_image", "eval_audio_to_image_r1"} <= set(rows[0])


def test_a_run_is_neither_overwritten_nor_resumed_by_mistake(config: TrainingConfig, tmp_path: Path) -> None:
    run = replace(config, out=str(tmp_path), optimizer=replace(config.optimizer, epochs=1))
    with pytest.raises(DataError, match="nothing to resume"):
        train(run, resume=True)
    train(run)
    with pytest.raises(ConfigurationError, match="--resume"):
        train(run)
    with pytest.raises(ConfigurationError, match="other epochs"):
        train(replace(run, optimizer=replace(run.optimizer, epochs=5)), resume=True)


def test_a_new_schedule_starts_from_the_weights_of_another_run(config: TrainingConfig, tmp_path: Path) -> None:
    first = replace(config, out=str(tmp_path / "first"), optimizer=replace(config.optimizer, epochs=1))
    train(first)
    start = replace(
        config, out=str(tmp_path / "second"), model=replace(config.model, start=str(tmp_path / "first/last"))
    )
    weights, expected = (
        Trainer(start).network.state_dict(),
        load_checkpoint(tmp_path / "first" / "last")[0].state_dict(),
    )
    assert all(torch.equal(weights[name], expected[name]) for name in expected)
    with pytest.raises(ConfigurationError, match="another network"):
        Trainer(replace(start, model=replace(start.model, dimension=16)))


def test_a_class_without_speech_is_named(config: TrainingConfig, tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("en,ko\nbanana,바나나\nstapler,스테이플러\n", encoding="utf-8")
    with pytest.raises(DataError, match="no speech.*stapler"):
        train(replace(config, out=str(tmp_path), data=replace(config.data, names=str(tmp_path / "names.csv"))))


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("optimizer.epoch=2", "optimizer.epoch: no such setting"),
        ("optimizer.epochs=many", "optimizer.epochs: expected int"),
        ("optimizer=3", "optimizer: expected names and values"),
        ("renderer.text.renderer=font", "smooth, hash"),
        ("nonsense", "NAME=VALUE"),
    ],
)
def test_a_wrong_setting_is_named(override: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        load_config(ROOT / "config" / "train_starter.yaml", [override])


@pytest.mark.parametrize("name", ["train_starter.yaml", "distill_small.yaml"])
def test_the_shipped_configurations_say_every_value_and_survive_yaml(name: str) -> None:
    path = ROOT / "config" / name
    config = load_config(path, ["optimizer.epochs=2"])
    assert config.optimizer.epochs == 2
    assert config_from_dict(yaml.safe_load(yaml.safe_dump(config.to_dict()))) == config
    written = yaml.safe_load(path.read_text(encoding="utf-8"))
    for section, values in config.to_dict().items():
        if isinstance(values, dict):
            assert set(values) == set(written[section]), section


@pytest.mark.parametrize("missing", ["model.safetensors", "config.yaml"])
def test_half_a_checkpoint_is_refused(checkpoint: Path, tmp_path: Path, missing: str) -> None:
    for path in checkpoint.iterdir():
        if path.name != missing:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(DataError, match=missing):
        load_checkpoint(tmp_path)


def test_weights_of_another_network_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    for path in checkpoint.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = (tmp_path / "config.yaml").read_text(encoding="utf-8").replace("dimension: 512", "dimension: 64")
    (tmp_path / "config.yaml").write_text(config, encoding="utf-8")
    with pytest.raises(DataError, match="does not fit"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("backbone", "pretrained", "reason"),
    [("convnext_imaginary", False, "timm has no"), ("convnext_atto", "/no/such/file", "no file /no/such/file")],
)
def test_a_backbone_that_is_not_to_be_had_is_refused(backbone: str, pretrained: bool | str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        VisualByteNet(backbone, 3, 16, pretrained)
