# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A network in float16: half the file, for GPUs; on a CPU, ONNX Runtime converts back and forth and is slower."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16

# float32 by definition, or below what float16 can hold; the length of an embedding is then right to 5e-4.
EXACT = ["LayerNormalization", "ReduceL2", "Clip", "Expand", "Div"]
METHOD: dict[str, Any] = {
    "precision": "float16",
    "method": "float16 weights and arithmetic, inputs and outputs float32",
    "processors": "GPUs (CUDA, TensorRT); runs on every one",
}
"""For the model card."""


def convert_to_half(onnx_path: Path, out: Path) -> Path:
    """Write the float16 version of a float32 network to `out`, and return `out`."""
    network = convert_float_to_float16(onnx.load(onnx_path), keep_io_types=True, op_block_list=EXACT)
    # Where two exact operators read one tensor it writes the same conversion twice, which ONNX Runtime refuses.
    once = {node.output[0]: node for node in reversed(network.graph.node)}
    kept = [node for node in network.graph.node if once[node.output[0]] is node]
    del network.graph.node[:]
    network.graph.node.extend(kept)
    onnx.save(network, out)
    return out
