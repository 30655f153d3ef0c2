# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""AdaRound (Nagel et al. 2020): which weights of a quantized network to round up and which down, learned from images.

One product after the other, in the order of the graph. What it gets comes from the quantized network with the products
before it rounded again, what it should give is float32's (the paper's eq. 25, without the activation function). The
squared error is a quadratic form of the weights, so that two matrices of moments stand for all images.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from torch import Tensor
from tqdm import tqdm

STEPS = 500
LEARNING_RATE = 0.01
DRIFT = 0.5  # share of the errors before it that a product makes up for: 1 is the paper's eq. 25, but without GELU
STRETCH = (-0.1, 1.1)  # of the sigmoid before it is cut to 0 .. 1: gamma and zeta
ROUNDNESS = 10.0  # weight of the regularizer, against an error that is 1 a channel when rounded to the nearest
BETA = (20.0, 2.0)  # its exponent, at first and at last
WARM_UP = 0.2  # part of the steps without it


@dataclass(frozen=True)
class Product:
    """A product of matrices, whose weights are rounded again.

    Attributes:
        node: of the quantized graph.
        weight: of float32, (inputs, outputs).
        bias: 0 unless it is in the node.
        integers: name of the tensor to round again.
        scale: float32 (outputs,).
    """

    node: onnx.NodeProto
    weight: Tensor
    bias: np.ndarray
    integers: str
    scale: Tensor


def adaround(exact: Path, quantized: Path, out: Path, pixels: list[np.ndarray], drift: float = DRIFT) -> None:
    """Write the QDQ network `quantized` with weights rounded again to `out`; scales and activations stay.

    exact: the float32 network that it was made of. pixels: normalized, float32 (n, 3, size, size) each.
    """
    should, model = onnx.load(exact), onnx.load(quantized)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for product in tqdm(_products(should, model), desc="AdaRound"):
        stored = numpy_helper.to_array(tensors[product.integers])
        gram, cross = _moments(should, model, product, pixels)
        cross = drift * cross + (1 - drift) * gram @ product.weight
        rounded = learn(product.weight, product.scale, gram, cross, int(np.abs(stored).max())).astype(np.int8)
        changed = rounded.T.reshape(stored.shape) if product.node.op_type == "Conv" else rounded
        tensors[product.integers].CopyFrom(numpy_helper.from_array(changed, product.integers))
    onnx.save(model, out)


def learn(weight: Tensor, scale: Tensor, gram: Tensor, cross: Tensor, largest: int) -> np.ndarray:
    """Integers (inputs, outputs) by which the product errs least.

    gram: mean of x x^T of the inputs that it gets, cross: mean of x y^T with the outputs that it should give.
    largest: of the integers; where a weight is there it stays, so that another measurement finds the same scale.
    """
    places = weight / scale
    down = places.floor()
    nearest = places.round().clamp(-largest, largest)
    error = (nearest - places) * scale
    worth = 1 / (error * (gram @ error)).sum(0).clamp(min=1e-12)  # so that every channel counts the same
    drift = gram @ weight - cross
    gamma, zeta = STRETCH
    start = torch.logit((places - down - gamma) / (zeta - gamma))
    up = start.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([up], lr=LEARNING_RATE)
    for step in range(STEPS):
        share = (torch.sigmoid(up) * (zeta - gamma) + gamma).clamp(0, 1)
        off = (down + share - places) * scale
        with torch.no_grad():  # the slope of off^T gram off + 2 off^T drift; by hand it takes one product, not three
            slope = 2 * (gram @ off + drift) * worth
        loss = (off * slope).sum()
        progress = (step / STEPS - WARM_UP) / (1 - WARM_UP)
        if progress > 0:
            beta = BETA[1] + (BETA[0] - BETA[1]) * (1 + np.cos(np.pi * progress)) / 2
            loss = loss + ROUNDNESS * (1 - (2 * share - 1).abs() ** beta).sum() / len(weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    rounded = (down + (up.detach() >= 0)).clamp(-largest, largest)
    return torch.where(nearest.abs() == largest, nearest, rounded).numpy()


def _products(should: onnx.ModelProto, model: onnx.ModelProto) -> list[Product]:
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in should.graph.initializer}
    nodes = {node.name: node for node in should.graph.node}
    made = {name: node for node in model.graph.node for name in node.output}
    found = []
    for node in model.graph.node:
        source = made.get(node.input[1]) if node.op_type in ("MatMul", "Conv") else None
        if source is None or source.op_type != "DequantizeLinear" or source.input[0] not in tensors:
            continue
        inputs = nodes[node.name].input
        weight = torch.from_numpy(_rows_of_weight(weights[inputs[1]]).copy())
        bias = weights[inputs[2]] if len(inputs) > 2 else np.zeros(1, np.float32)
        scale = torch.from_numpy(tensors[source.input[1]].copy())
        found.append(Product(node, weight, bias, source.input[0], scale))
    return found


def _moments(
    should: onnx.ModelProto, model: onnx.ModelProto, product: Product, pixels: list[np.ndarray]
) -> tuple[Tensor, Tensor]:
    """Means of x x^T and x y^T over images and places."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    given, wanted = (
        probe(source, tensor, options)
        for source, tensor in ((model, product.node.input[0]), (should, product.node.output[0]))
    )
    gram, cross, count = 0.0, 0.0, 0
    for one in pixels:
        feed = {"pixels": one}
        x = _rows(given.run(None, feed)[0], product.node)
        y = wanted.run(None, feed)[0]
        y = (y.transpose(0, 2, 3, 1) if product.node.op_type == "Conv" else y).reshape(len(x), -1) - product.bias
        gram, cross, count = gram + (x.T @ x).astype(float), cross + (x.T @ y).astype(float), count + len(x)
    return torch.tensor(gram / count, dtype=torch.float32), torch.tensor(cross / count, dtype=torch.float32)


def probe(model: onnx.ModelProto, tensor: str, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    """A session that computes an inner tensor and nothing else."""
    probed = onnx.ModelProto()
    probed.CopyFrom(model)
    del probed.graph.output[:]
    probed.graph.output.append(onnx.helper.make_empty_tensor_value_info(tensor))
    return onnxruntime.InferenceSession(probed.SerializeToString(), options)


def _rows(x: np.ndarray, node: onnx.NodeProto) -> np.ndarray:
    """What a product gets, (places, inputs); of a convolution, which must be without padding, its patches."""
    if node.op_type != "Conv":
        return x.reshape(-1, x.shape[-1])
    attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
    size = attributes["kernel_shape"]
    assert not any(attributes.get("pads", [])) and attributes.get("group", 1) == 1
    patches = F.unfold(torch.from_numpy(x), size, stride=attributes["strides"])
    return patches.transpose(1, 2).reshape(-1, patches.shape[1]).numpy()


def _rows_of_weight(weight: np.ndarray) -> np.ndarray:
    """(inputs, outputs)"""
    return weight.reshape(len(weight), -1).T if weight.ndim == 4 else weight
