# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A real, if untrained, ConvNeXt on its whole way: checkpoint folder, training data, ONNX, INT8, bundle."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.export import bundle_export
from visual_byte_core.names import ClassName

NAMES = [ClassName("apple", "apple", "사과"), ClassName("mug", "mug", "머그"), ClassName("lamp", "lamp", "램프")]
SIZE = 64
RATE = 16_000


def photo(seed: int) -> np.ndarray:
    """A colourful picture, uint8 (120, 160, 3) RGB, a different one for every seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.resize(coarse, (160, 120), interpolation=cv2.INTER_CUBIC)


def chirp(seed: int) -> np.ndarray:
    """A rising tone of half a second, float32 (8000,) at 16 kHz, a different one for every seed."""
    seconds = np.arange(RATE // 2) / RATE
    low, rise = np.random.default_rng(seed).uniform((200, 200), (800, 3000))
    tone: np.ndarray = 0.3 * np.sin(2 * np.pi * (low + rise * seconds) * seconds)
    return tone.astype(np.float32)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint folder, whose configuration names a data set beside it."""
    import torch

    from visual_byte_core.training.checkpoint import build_network, save_checkpoint
    from visual_byte_core.training.config import config_from_dict

    root = tmp_path_factory.mktemp("training")
    for number, name in enumerate(NAMES):
        (root / "data" / "image" / name.slug).mkdir(parents=True)
        (root / "data" / "audio" / name.slug / "en").mkdir(parents=True)
        for seed in range(10 * number, 10 * number + 4):
            cv2.imwrite(str(root / "data" / "image" / name.slug / f"{seed}.jpg"), photo(seed))
            soundfile.write(root / "data" / "audio" / name.slug / "en" / f"{seed}.wav", chirp(seed), RATE)
    values = {
        "renderer": {"size": SIZE},
        "data": {"root": str(root / "data")},
        "model": {"backbone": "convnext_atto", "pretrained": False},
    }
    config = config_from_dict(values)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network(config, len(NAMES))
    save_checkpoint(root / "checkpoint", network, config, NAMES, {})
    return root / "checkpoint"


@pytest.fixture(scope="session")
def float32(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The network of `checkpoint` in ONNX."""
    from visual_byte_core.export.bundle_export import export_onnx
    from visual_byte_core.training.checkpoint import load_checkpoint

    network, _, _ = load_checkpoint(checkpoint)
    return export_onnx(network, [SIZE], tmp_path_factory.mktemp("onnx") / "network.onnx")


@contextmanager
def exported_before(onnx_path: Path) -> Iterator[None]:
    """`export` begins with a copy of this file; that PyTorch writes the same once more has a test of its own."""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle_export, "export_onnx", lambda network, size, out: Path(shutil.copy(onnx_path, out)))
        yield


@pytest.fixture
def exported_once(float32: Path) -> Iterator[None]:
    """For tests of what follows after `float32`."""
    with exported_before(float32):
        yield


@pytest.fixture(scope="session")
def convnext_bundle(checkpoint: Path, float32: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The INT8 bundle of `checkpoint`."""
    from visual_byte_core.export.bundle_export import export

    with exported_before(float32):
        return export(checkpoint, tmp_path_factory.mktemp("bundles") / "untrained")
