# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A bundle that needs no training: its network is one fixed random projection of the picture shrunk to 4 x 4.

Near pictures get near embeddings, so that what is built on embeddings can be checked against values known beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from visual_byte_core.bundle.bundle import Bundle, write_bundle
from visual_byte_core.names import ClassName
from visual_byte_core.rendering.settings import RendererSettings

SIZE, CELLS, DIMENSION = 32, 4, 512


def write_pixel_bundle(
    folder: Path, class_names: Sequence[ClassName], calibration: Mapping[str, Any] | None = None, seed: int = 1
) -> Bundle:
    network = folder.with_suffix(".onnx")
    onnx.save(_network(seed), network)
    return write_bundle(
        folder,
        name="pixels",
        backbone="random projection",
        renderer=RendererSettings(size=SIZE),
        class_names=class_names,
        onnx_path=network,
        quantization={},
        calibration=calibration,
    )


def _network(seed: int) -> onnx.ModelProto:
    projection = np.random.default_rng(seed).normal(size=(3 * CELLS * CELLS, DIMENSION)).astype(np.float32)
    nodes = [
        helper.make_node(
            "AveragePool", ["pixels"], ["cells"], kernel_shape=[SIZE // CELLS] * 2, strides=[SIZE // CELLS] * 2
        ),
        helper.make_node("Flatten", ["cells"], ["flat"]),
        helper.make_node("MatMul", ["flat", "projection"], ["projected"]),
        helper.make_node("LpNormalization", ["projected"], ["embedding"], axis=1, p=2),
        helper.make_node("Reshape", ["embedding", "one_cell"], ["embedding_map"]),
    ]
    graph = helper.make_graph(
        nodes,
        "pixels",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, SIZE, SIZE])],
        [
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", DIMENSION]),
            helper.make_tensor_value_info("embedding_map", TensorProto.FLOAT, ["n", DIMENSION, 1, 1]),
        ],
        [
            numpy_helper.from_array(projection, "projection"),
            numpy_helper.from_array(np.array([0, DIMENSION, 1, 1], np.int64), "one_cell"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
