# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Backbones other than the starter's: they learn, their maps hold, and INT8 is small and near."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from visual_byte_core.export.bundle_export import export_onnx
from visual_byte_core.export.lean_convnext import SIMPLE_NORMS
from visual_byte_core.export.quantization import cosines, quantize
from visual_byte_core.rendering.normalize import normalize
from visual_byte_core.rendering.photo import render_photo
from visual_byte_core.training.network import VisualByteNet
from visual_byte_testing.fixtures_bundle import photo

SIZE = 32


@pytest.fixture(scope="module", params=["convnext_zepto_rms", "mobilenetv4_conv_small", "efficientnet_lite0"])
def network(request: pytest.FixtureRequest) -> VisualByteNet:
    """A network after a few steps, so that batch norms have statistics."""
    torch.manual_seed(0)
    network = VisualByteNet(request.param, classes=4, layer_scale=0.1).train()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    pixels, classes = torch.from_numpy(normalize(pictures(16))), torch.arange(16) % 4
    values = []
    for _ in range(8):
        loss = torch.nn.functional.cross_entropy(network.logits(network(pixels)), classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(float(loss.detach()))
    assert values[-1] < 0.8 * values[0]
    return network.eval().requires_grad_(False)


def pictures(count: int) -> np.ndarray:
    return np.stack([render_photo(photo(200 + seed), SIZE) for seed in range(count)])


def test_the_map_of_a_single_cell_is_the_embedding(network: VisualByteNet) -> None:
    embedding, cells = network.with_map(torch.from_numpy(normalize(pictures(2))))
    assert cells.shape == (2, 512, 1, 1)
    assert torch.allclose(cells[:, :, 0, 0], embedding, atol=1e-5)


def test_onnx_and_int8_compute_the_same_of_any_side(network: VisualByteNet, tmp_path: Path) -> None:
    exact = export_onnx(network, [SIZE], tmp_path / "float32.onnx")
    if any(type(module).__name__ in SIMPLE_NORMS for module in network.modules()):  # each is one operator
        kinds = [node.op_type for node in onnx.load(exact).graph.node]
        assert kinds.count("LayerNormalization") >= 14 and "Sqrt" not in kinds and "Sub" not in kinds
    small = quantize(exact, tmp_path / "int8.onnx", pictures(16))
    assert small.stat().st_size < 0.5 * exact.stat().st_size
    assert cosines(exact, small, pictures(24)[16:]).mean() > 0.95
    wide = np.concatenate([normalize(pictures(4)[i : i + 2]) for i in (0, 2)], axis=3)
    with torch.inference_mode():
        expected = network.with_map(torch.from_numpy(wide))[1].numpy()
    for path, tolerance in ((exact, 1e-4), (small, 0.2)):
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        cells = session.run(["embedding_map"], {"pixels": wide})[0]
        assert cells.shape == (2, 512, 1, 2)
        np.testing.assert_allclose(cells, expected, atol=tolerance)
