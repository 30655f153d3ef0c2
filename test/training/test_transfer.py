# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Names learned from a classifier: its weights, the prototypes, the quick upper blocks, kept features, the schedule."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from visual_byte_core.dataset.collect_config import CollectConfig
from visual_byte_core.errors import ConfigurationError, DataError, InvalidNames
from visual_byte_core.names import ClassName
from visual_byte_core.pretrained.classifiers import open_classifier
from visual_byte_core.pretrained.renderers import render_text, with_open_model
from visual_byte_core.pretrained.torch_companions import import_companions
from visual_byte_core.training.checkpoint import load_checkpoint
from visual_byte_core.training.config import TrainingConfig, config_from_dict
from visual_byte_core.training.network import VisualByteNet
from visual_byte_core.training.pixels import prepare_pixels
from visual_byte_core.training.transfer.kept import keep, open_bank
from visual_byte_core.training.transfer.loop import TransferTrainer, mean_of_features, train_transfer
from visual_byte_core.training.transfer.network import Lower
from visual_byte_core.training.transfer.prototypes import basis_of, prototypes, prototypes_of_rows, synsets
from visual_byte_core.training.transfer.upper import UpperBlocks
from visual_byte_testing.paths import ROOT

NETWORK, CLASSES = "tf_efficientnet_lite0", 12

import_companions()
import timm  # noqa: E402


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of 12 classes with random weights and batch statistics as a training leaves them."""
    torch.manual_seed(0)
    network = timm.create_model(NETWORK, num_classes=CLASSES)
    with torch.no_grad():
        network.train()
        for _ in range(20):
            network(torch.rand(8, 3, 64, 64) * 2 - 1)
    path = tmp_path_factory.mktemp("classifier") / "lite0.safetensors"
    save_file(network.state_dict(), path)
    return path


@pytest.fixture
def config(weights: Path, dataset: Path, collect_config: CollectConfig, tmp_path: Path) -> TrainingConfig:
    (tmp_path / "classes.txt").write_text("\n".join(f"n{number:08d}" for number in range(CLASSES)), encoding="utf-8")
    return config_from_dict(
        {
            "out": str(tmp_path / "run"),
            "device": "cpu",
            "renderer": {"size": 96, "text": {"size": 64}, "speech": {"size": 64}},
            "data": {"root": str(dataset), "names": collect_config.names, "languages": ["en", "ko"]},
            "model": {"backbone": NETWORK, "projector": "linear", "dimension": 8},
            "optimizer": {"ema": 0.9, "threads": 1, "learning_rate": 2e-3},
            "transfer": {
                "classifier": str(weights),
                "classes": str(tmp_path / "classes.txt"),
                "kept": str(tmp_path / "kept"),
                "steps": 6,
                "texts": 8,
                "sounds": 8,
                "photos": 4,
                "text_views": 2,
                "sound_views": 1,
                "photo_views": 2,
                "measure_every": 3,
                "speech_teacher": 0.0,
            },
        }
    )


def test_a_classifier_sees_our_pixels_as_its_own(weights: Path) -> None:
    classifier = open_classifier(NETWORK, weights, CLASSES)
    theirs = timm.create_model(NETWORK, num_classes=CLASSES).eval()
    theirs.load_state_dict(load_file(weights))
    ours = VisualByteNet(NETWORK, 1, 8, projector="linear").eval()
    ours.backbone.load_state_dict(classifier.backbone)
    images = torch.randint(0, 256, (4, 64, 64, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = theirs((images.permute(0, 3, 1, 2) - 127.5) / 127.5)
        found = ours.backbone(prepare_pixels(images)) @ classifier.rows.T
        ours.backbone.load_state_dict({k: v for k, v in load_file(weights).items() if not k.startswith("classifier.")})
        unfolded = ours.backbone(prepare_pixels(images)) @ classifier.rows.T
    # Not to the last digit: what lies beyond the border is black of another shade.
    near, far = (torch.nn.functional.cosine_similarity(one, expected) for one in (found, unfolded))
    assert near.min() > 0.97 and (1 - far).mean() > 5 * (1 - near).mean()


@pytest.mark.parametrize("kind", ["other network", "other classes", "objects", "no weights", "missing"])
def test_weights_that_do_not_fit_are_refused_by_name(weights: Path, tmp_path: Path, kind: str) -> None:
    path, network, classes = tmp_path / "weights.safetensors", NETWORK, CLASSES
    if kind == "other network":
        path, network, said = weights, "mobilenetv3_small_050", "not of mobilenetv3_small_050"
    elif kind == "other classes":
        path, classes, said = weights, 1000, "names 12 classes, expected 1000"
    elif kind == "objects":
        path, said = tmp_path / "weights.pth", "more than weights"
        torch.save({"state_dict": torch.nn.Linear(1, 1)}, path)
    elif kind == "no weights":
        path.write_bytes(b"no weights")
        said = "holds no weights"
    else:
        said = "no file"
    with pytest.raises(ConfigurationError, match=said) as error:
        open_classifier(network, path, classes)
    assert str(path) in str(error.value)


def test_the_mean_of_features_is_that_of_what_the_batch_norm_saw(weights: Path) -> None:
    backbone = timm.create_model(NETWORK, num_classes=0).eval()
    norm = backbone.bn2
    with torch.no_grad():
        norm.weight.uniform_(0.5, 2.0)
        norm.bias.uniform_(-1.0, 7.0)
        drawn = norm.bias + norm.weight * torch.randn(
            200_000, len(norm.bias), generator=torch.Generator().manual_seed(0)
        )
    assert (mean_of_features(backbone) - drawn.clamp(0, 6).mean(dim=0)).abs().max() < 0.03


def test_prototypes_stand_where_rows_photos_and_kinds_do() -> None:
    rows = torch.randn(CLASSES, 20, generator=torch.Generator().manual_seed(0))
    basis = basis_of(rows, torch.zeros(20), 8)
    placed = prototypes_of_rows(rows, basis)
    names = [
        ClassName("beagle", "beagle", broader=("dog",), synset="a"),
        ClassName("collie", "collie", broader=("dog",)),
        ClassName("dog", "dog"),
    ]
    photos = torch.nn.functional.normalize(torch.ones(8), dim=0)
    found = prototypes(names, {"a": placed[3]}, {"collie": photos})
    assert torch.allclose(found[0], placed[3]) and torch.allclose(found[1], photos)
    middle = placed[3] + photos
    assert torch.allclose(found[2], middle / middle.norm(), atol=1e-6)
    with pytest.raises(InvalidNames, match="cup: no row of the classifier, no photos and no kinds"):
        prototypes([*names, ClassName("cup", "cup")], {"a": placed[3]}, {"collie": photos})
    with pytest.raises(ConfigurationError, match="model.dimension: 12"):
        basis_of(rows, torch.zeros(20), 12)


def test_classes_are_imagenets_or_those_of_a_file(tmp_path: Path) -> None:
    assert len(synsets()) == 1000 and synsets()[0] == "n01440764"
    with pytest.raises(ConfigurationError, match=r"transfer.classes: .*missing.txt"):
        synsets(str(tmp_path / "missing.txt"))


@pytest.mark.parametrize("size", [64, 96, 160])
def test_quick_upper_blocks_do_as_timms_and_give_back_their_weights(weights: Path, size: int) -> None:
    network = VisualByteNet(NETWORK, 1, 8, projector="linear").eval()
    network.backbone.load_state_dict(open_classifier(NETWORK, weights, CLASSES).backbone)
    lower, upper = Lower(network.backbone, 4), UpperBlocks(network.backbone, 4)
    pixels = torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(size))
    with torch.no_grad():
        expected = network.backbone(pixels)
        assert (upper(lower(pixels)) - expected).abs().max() < 1e-3
        upper.write_into(network.backbone)
        assert (network.backbone(pixels) - expected).abs().max() < 1e-3
    upper(lower(pixels)).sum().backward()
    gradients = {name: parameter.grad for name, parameter in upper.named_parameters()}
    assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients.values())


@pytest.mark.parametrize(("backbone", "cut", "said"), [
    ("convnext_atto", 2, "upper blocks are trained of EfficientNets"),
    (NETWORK, 7, "transfer.cut: 7, expected 1 to 6"),
    ("efficientnet_b0", 5, "without squeeze-and-excite"),
])  # fmt: skip
def test_networks_without_such_blocks_are_refused(backbone: str, cut: int, said: str) -> None:
    network = VisualByteNet(backbone, 1, 8, projector="linear")
    with pytest.raises(ConfigurationError, match=said):
        UpperBlocks(network.backbone, cut)


def test_kept_features_come_back_and_a_damaged_bank_is_named(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), np.uint8)
    items = [(number % 3, image, np.full(2, number, np.float32)) for number, image in enumerate(images)]

    def lower(pixels: torch.Tensor) -> torch.Tensor:
        return pixels[:, :, ::8, ::8]

    bank = keep(tmp_path / "bank", iter(items), 40, lower, facts={"kind": "test"}, title="test")
    assert bank.features.shape == (40, 3, 4, 4) and bank.labels.tolist() == [n % 3 for n in range(40)]
    exact = lower(prepare_pixels(torch.from_numpy(images))).numpy()
    assert np.abs(bank.features - exact).max() < 2e-3
    assert bank.targets is not None and bank.targets[7].tolist() == [7, 7]
    again = keep(tmp_path / "bank", iter([]), 0, lower, facts={}, title="test")  # there, so not made anew
    assert len(again) == 40 and again.facts["kind"] == "test"
    with pytest.raises(DataError, match="nothing to keep of empty"):
        keep(tmp_path / "empty", iter([]), 0, lower, facts={}, title="empty")
    assert not list(tmp_path.glob(".*"))
    (tmp_path / "bank" / "labels.npy").write_bytes(b"no array")
    with pytest.raises(DataError, match="delete the folder"):
        open_bank(tmp_path / "bank")


def test_a_schedule_learns_names_and_resumes(config: TrainingConfig, dataset: Path) -> None:
    metrics = train_transfer(config)
    assert metrics["step"] == 6 and {"text", "sound"} <= metrics.keys()
    network, kept_config, names = load_checkpoint(Path(config.out) / "last")
    assert kept_config.renderer.size_of("text") == 64 and len(names) == 4
    with torch.inference_mode():
        for size in (64, 96):
            assert torch.allclose(network(torch.randn(1, 3, size, size)).norm(), torch.tensor(1.0), atol=1e-5)
    with pytest.raises(ConfigurationError, match="add --resume"):
        TransferTrainer(config)
    longer = replace(config, transfer=replace(config.transfer, steps=30, measure_every=30))
    further = train_transfer(longer, resume=True)
    assert further["step"] == 30 and further["text"]["near"] > metrics["text"]["near"]


def test_photos_are_held_where_the_classifier_saw_them(config: TrainingConfig) -> None:
    held = replace(config.transfer, photo_hold=100.0, photo_class=0.0, steps=12)
    loose = replace(held, photo_hold=0.0)
    moved = {}
    for name, transfer in (("held", held), ("loose", loose)):
        trainer = TransferTrainer(replace(config, out=f"{config.out}-{name}", transfer=transfer))
        features, _, targets = trainer.banks.photos.draw(8, np.random.default_rng(0))
        assert targets is not None
        with torch.no_grad():
            assert (trainer.learner(features)[1] * targets).sum(dim=1).min() > 0.999  # they begin there
        trainer.run()
        with torch.no_grad():
            moved[name] = float((1 - (trainer.learner(features)[1] * targets).sum(dim=1)).mean())
    assert 0.001 < moved["held"] < 0.95 * moved["loose"], moved


def test_the_projector_must_be_linear(config: TrainingConfig) -> None:
    with pytest.raises(ConfigurationError, match="model.projector: mlp"):
        TransferTrainer(replace(config, model=replace(config.model, projector="mlp")))


def test_the_checkpoint_to_go_on_from_reads_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)  # its table of words is named from there
    network, config, names = load_checkpoint("checkpoints/names")
    settings, size = with_open_model(config.renderer.text), config.renderer.size_of("text")
    asked = [number for number, name in enumerate(names) if name.trainable()][::60]
    pictures = np.stack([render_text(names[number].trainable()[0], size, settings) for number in asked])
    with torch.inference_mode():
        nearest = (network(prepare_pixels(torch.from_numpy(pictures))) @ network.classifier.weight.T).argmax(dim=1)
    assert (nearest == torch.tensor(asked)).float().mean() > 0.9
