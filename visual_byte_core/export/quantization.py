# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""INT8 for CPUs: static quantization of an ONNX network's products over channels.

These are MatMul and the convolutions that mix channels, where nearly all weights are. The stem, which sees the
pixels, depthwise convolutions and the projector (Gemm) stay in float32: quantized, they would bring little and cost
much of the cosine. Weights use 7 bits (reduce_range), because without VNNI instructions an x86 CPU adds products of 8
bits in 16 and saturates. With all 8 bits the network is a little nearer to float32 on processors that have them, and on
ARM.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from visual_byte_core.errors import BundleError
from visual_byte_core.rendering.normalize import normalize

PIXEL_CHANNELS = 3
MIN_IMAGES = 3
ALIKE = 1.0  # grey levels of mean difference: images nearer together than this say the same of the ranges


@dataclass(frozen=True)
class Way:
    """One way to quantize.

    share: of the products, counted from the network's end, that are computed in integers; results: whether what
    convolutions hand to the next is in integers too, which is quicker and less exact.
    """

    share: float
    results: bool


# From the quickest to the most exact. The lower half of a network has few of the weights, and its errors go through all
# that follows.
WAYS = (Way(1.0, True), Way(1.0, False), Way(0.5, False))


def ways(onnx_path: Path) -> tuple[Way, ...]:
    """The ways that differ for this network: of convolutions all, else the first alone."""
    return WAYS if products_of(onnx.load(onnx_path).graph)[1] else WAYS[:1]


def method(reduce_range: bool, way: Way = WAYS[0]) -> dict[str, Any]:
    """What the model card says of `quantize`."""
    return {
        "precision": "INT8",
        "method": "ONNX Runtime static quantization (QDQ) of products over channels"
        + (", those of the upper half of the network" if way.share < 1 else "")
        + ", ranges by MinMax",
        "weights": f"INT8 per channel, {'7' if reduce_range else 'all 8'} bits used",
        "activations": "UINT8",
        "processors": "every processor" if reduce_range else "x86-64 with VNNI, and ARM",
    }


class _Images(CalibrationDataReader):
    """Gives the quantizer one rendered image after the other."""

    def __init__(self, images: Sequence[np.ndarray]) -> None:
        self._inputs: Iterator[dict[str, np.ndarray]] = ({"pixels": normalize(image[None])} for image in images)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._inputs, None)


def quantize(
    onnx_path: Path,
    out: Path,
    calibration_images: Sequence[np.ndarray],
    *,
    reduce_range: bool = True,
    way: Way = WAYS[0],
) -> Path:
    """Write the INT8 version of a float32 network with input `pixels` to `out`, and return `out`.

    calibration_images: uint8 (s, s, 3) RGB each, rendered; about 40 of all kinds that the network will see.
    reduce_range: weights of 7 bits, for every processor. way: what is computed in integers.
    Raises BundleError if the images are under 3 or all alike, or the network cannot be quantized.
    """
    _check_images(calibration_images)
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        try:
            # Symbolic shape inference stumbles over the dynamic batch; ONNX's own, which follows, suffices.
            quant_pre_process(str(onnx_path), str(prepared), skip_symbolic_shape=True)
            products, convolutional = products_of(onnx.load(prepared).graph)
            products = products[len(products) - round(way.share * len(products)) :]
            integers_between = convolutional and way.results
            quantize_static(
                str(prepared),
                str(out),
                _Images(calibration_images),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=["MatMul", "Conv"],
                nodes_to_quantize=products,
                per_channel=True,
                reduce_range=reduce_range,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
                # Their results go to GELU and LayerNorm, which compute in float32 anyway; where one convolution follows
                # the other, as in a MobileNet, they are computed in integers only if their results are such.
                extra_options={
                    "OpTypesToExcludeOutputQuantization": ["MatMul", *([] if integers_between else ["Conv"])]
                },
            )
        except Exception as error:  # neither tool documents what it raises
            raise BundleError(f"{onnx_path}: cannot be quantized ({' '.join(str(error).split())})") from error
    return out


def _check_images(images: Sequence[np.ndarray]) -> None:
    if len(images) < MIN_IMAGES:
        raise BundleError(
            f"quantization: needs at least {MIN_IMAGES} rendered images to measure ranges on, got {len(images)}; "
            "give photos, typed and spoken names"
        )
    alike = {image.shape: image for image in images}
    if all(np.abs(image.astype(float) - alike[image.shape]).mean() < ALIKE for image in images):
        raise BundleError(
            f"quantization: the {len(images)} images to measure ranges on are all alike, so their ranges would not "
            "hold for others; give different photos, typed and spoken names"
        )


def products_of(graph: onnx.GraphProto) -> tuple[list[str], bool]:
    """Names of the nodes to quantize, and whether most of their weights are of convolutions."""
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    weights = {"Conv": 0, "MatMul": 0}
    names = []
    for node in graph.node:
        if node.op_type not in weights or node.input[1] not in shapes:
            continue
        shape = shapes[node.input[1]]
        if node.op_type == "Conv" and shape[1] <= PIXEL_CHANNELS:  # the stem, or depthwise with 1
            continue
        names.append(node.name)
        weights[node.op_type] += int(np.prod(shape))
    return names, weights["Conv"] > weights["MatMul"]


def cosines(first: Path, second: Path, images: Sequence[np.ndarray]) -> np.ndarray:
    """Cosine between the embeddings of two networks for each image, uint8 (s, s, 3) -> float32 (n,)."""
    sessions = [onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]) for path in (first, second)]
    products = []
    for image in images:
        pixels = normalize(image[None])
        one, other = (session.run(["embedding"], {"pixels": pixels})[0][0] for session in sessions)
        products.append(np.dot(one, other))
    return np.array(products, np.float32)
