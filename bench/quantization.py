# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What other ways of quantizing a network bring: python bench/quantization.py checkpoints/starter --sensitivity

Every way's file is compared with float32 on fixed photos, typed names and sounds (examples/photos, the checkpoint's
names, test/data), those at even places for measuring ranges and the others for the cosine. Milliseconds are of the
processor for one image on one thread, all networks in turn, so that other programs and the order count little; `wall`
is what a clock said.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from tqdm import tqdm

from visual_byte_core.deployment import quantize as ours
from visual_byte_core.deployment.export import export_onnx
from visual_byte_core.deployment.references import reference_inputs
from visual_byte_core.rendering.normalize import normalize
from visual_byte_core.training.checkpoint import load_checkpoint
from visual_byte_core.training.network import VisualByteNet

ROOT = Path(__file__).resolve().parent.parent
RANGES = 40  # images that ranges are measured on
SENSITIVE = 3  # products that mixed precision leaves in float32


@dataclass(frozen=True)
class Images:
    """Normalized pixels, float32 (1, 3, size, size) each."""

    ranges: list[np.ndarray]
    compared: list[np.ndarray]


class Reader(ours.CalibrationDataReader):
    def __init__(self, pixels: list[np.ndarray]) -> None:
        self._inputs = iter([{"pixels": one} for one in pixels])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._inputs, None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--sensitivity", action="store_true", help="also quantize every product alone")
    parser.add_argument("--rounds", type=int, default=200, help="images timed (default: 200)")
    parser.add_argument("--json", type=Path, help="write the rows there, too")
    arguments = parser.parse_args()
    network, config, names = load_checkpoint(arguments.checkpoint)
    photos, sound = ROOT / "examples/photos", ROOT / "test/data/banana.flac"
    pixels = [normalize(image[None]) for _, image in reference_inputs(photos, sound, names, config.renderer)]
    ranges = pixels[::2]
    images = Images([ranges[i * len(ranges) // RANGES] for i in range(RANGES)], pixels[1::2])
    with tempfile.TemporaryDirectory() as folder:
        paths = build(network, config.renderer.size, images, Path(folder), arguments.sensitivity)
        exact = embeddings(paths["float32"], images.compared)
        rows = measure(paths, exact, images.compared, arguments.rounds)
    print_table(rows)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))


def build(network: VisualByteNet, size: int, images: Images, folder: Path, sensitivity: bool) -> dict[str, Path]:
    """A file for every way."""
    exported = export_onnx(network, size, folder / "exported.onnx")
    base = folder / "float32.onnx"
    quant_pre_process(str(exported), str(base), skip_symbolic_shape=True)
    products, convolutional = ours._products(onnx.load(base).graph)
    projector = [node.name for node in onnx.load(base).graph.node if node.op_type == "Gemm"]
    every_convolution = [node.name for node in onnx.load(base).graph.node if node.op_type in ("MatMul", "Gemm", "Conv")]
    paths = {"float32": base}

    def add(name: str, make: Callable[[Path], object]) -> None:
        path = folder / f"{len(paths)}.onnx"
        try:
            make(path)
        except Exception as error:  # the tools raise whatever they like; a way that fails is a result
            print(f"{name}: failed: {' '.join(str(error).split())[:200]}")
        else:
            paths[name] = path

    def static(source: Path = base, nodes: list[str] | None = products, **options: Any) -> Callable[[Path], object]:
        return lambda out: quantize(source, out, nodes, convolutional, images.ranges, **options)

    add("7 bits, MinMax (shipped)", static())
    add("8 bits, MinMax", static(reduce_range=False))
    add("7 bits, entropy", static(calibrate_method=CalibrationMethod.Entropy))
    for percent in (99.9, 99.999):
        add(f"7 bits, percentile {percent}", static(calibrate_method=CalibrationMethod.Percentile, percentile=percent))
    for alpha in (0.3, 0.5, 0.7):
        smooth = export_onnx(smoothed(network, images.ranges, alpha), size, folder / f"smooth{alpha}.onnx")
        quant_pre_process(str(smooth), str(smooth), skip_symbolic_shape=True)
        add(f"7 bits, SmoothQuant {alpha}", static(smooth, ours._products(onnx.load(smooth).graph)[0]))
    add("7 bits, biases corrected", lambda out: correct_biases(base, paths["7 bits, MinMax (shipped)"], out, images))
    add("7 bits, projector too", static(nodes=[*products, *projector]))
    add("7 bits, stem and depthwise too", static(nodes=every_convolution))
    add("7 bits, every operator", static(nodes=None, every=True))
    add("dynamic, 8 bits", lambda out: quantize_dynamic(base, out, ["MatMul"], True, weight_type=QuantType.QInt8))
    add("float32, FastGelu", lambda out: fast_gelu(base, out))
    add("7 bits, FastGelu", lambda out: fast_gelu(paths["7 bits, MinMax (shipped)"], out))
    worst = {}
    for name in tqdm(products if sensitivity else [], desc="every product alone"):
        quantize(base, folder / "one.onnx", [name], convolutional, images.ranges[::4])
        exact, found = (embeddings(path, images.compared[::4]) for path in (base, folder / "one.onnx"))
        worst[name] = 1 - float(np.sum(exact * found, axis=1).mean())
    for name, loss in sorted(worst.items(), key=lambda item: -item[1]):
        print(f"{name}: alone costs {loss:.6f} of the mean cosine")
    if worst:
        rest = sorted(products, key=lambda name: worst[name])[:-SENSITIVE]
        add(f"7 bits, the {SENSITIVE} most sensitive in float32", static(nodes=rest))
    return paths


def quantize(
    source: Path,
    out: Path,
    nodes: list[str] | None,
    convolutional: bool,
    pixels: list[np.ndarray],
    *,
    reduce_range: bool = True,
    calibrate_method: CalibrationMethod = CalibrationMethod.MinMax,
    percentile: float | None = None,
    every: bool = False,
) -> None:
    """As deployment.quantize does it, except for what is given."""
    options: dict[str, Any] = (
        {}
        if every
        else {"OpTypesToExcludeOutputQuantization": ["MatMul", "Gemm", *([] if convolutional else ["Conv"])]}
    )
    if percentile:
        options["CalibPercentile"] = percentile
    quantize_static(
        str(source), str(out), Reader(pixels),
        quant_format=QuantFormat.QDQ, op_types_to_quantize=None if every else ["MatMul", "Gemm", "Conv"],
        nodes_to_quantize=nodes or [], per_channel=True, reduce_range=reduce_range, activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8, calibrate_method=calibrate_method, extra_options=options,
    )  # fmt: skip


def smoothed(network: VisualByteNet, pixels: list[np.ndarray], alpha: float) -> VisualByteNet:
    """SmoothQuant (Xiao et al. 2023, eq. 4) between each block's normalization and the first product after it."""
    import copy

    network = copy.deepcopy(network)
    blocks = [
        m for m in network.backbone.modules() if hasattr(m, "mlp") and hasattr(m, "norm") and hasattr(m, "conv_dw")
    ]
    largest: dict[Any, torch.Tensor] = {}

    def watch(module: Any, inputs: tuple[torch.Tensor]) -> None:
        seen = inputs[0].abs().reshape(-1, inputs[0].shape[-1]).amax(0)
        largest[module] = torch.maximum(largest.get(module, seen), seen)

    hooks = [block.mlp.fc1.register_forward_pre_hook(watch) for block in blocks]
    with torch.inference_mode():
        for one in pixels:
            network(torch.from_numpy(one))
    for hook in hooks:
        hook.remove()
    with torch.no_grad():
        for block in blocks:
            weight = block.mlp.fc1.weight
            scale = largest[block.mlp.fc1].clamp(min=1e-5) ** alpha / weight.abs().amax(0).clamp(min=1e-5) ** (
                1 - alpha
            )
            weight.mul_(scale)
            block.norm.weight.div_(scale)
            if getattr(block.norm, "bias", None) is not None:
                block.norm.bias.div_(scale)
    return network


def correct_biases(exact: Path, quantized: Path, out: Path, images: Images) -> None:
    """Add to the bias behind each quantized product what it is off by on average, one after the other."""
    model = onnx.load(quantized)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    corrected = 0
    for product in [node for node in model.graph.node if node.op_type == "MatMul"]:
        add = next((n for n in model.graph.node if n.op_type == "Add" and product.output[0] in n.input), None)
        bias = next((name for name in add.input if name in weights), None) if add else None
        if add is None or bias is None:
            continue
        is_, should = (mean_of(source, add.output[0], images.ranges[::2]) for source in (model, onnx.load(exact)))
        value = numpy_helper.to_array(weights[bias])
        weights[bias].CopyFrom(numpy_helper.from_array((value + should - is_).astype(np.float32), bias))
        corrected += 1
    if not corrected:
        raise ValueError("no bias follows a product")
    onnx.save(model, out)


def mean_of(model: onnx.ModelProto, tensor: str, pixels: list[np.ndarray]) -> np.ndarray:
    """Mean over images and places of an inner tensor, one value a channel."""
    probed = onnx.ModelProto()
    probed.CopyFrom(model)
    probed.graph.output.append(onnx.helper.make_empty_tensor_value_info(tensor))
    session = onnxruntime.InferenceSession(probed.SerializeToString(), options(1))
    values = [session.run([tensor], {"pixels": one})[0] for one in pixels]
    return np.mean([value.reshape(-1, value.shape[-1]).mean(axis=0) for value in values], axis=0)


def fast_gelu(source: Path, out: Path) -> None:
    """GELU by tanh, for which ONNX Runtime has its own operator."""
    model = onnx.load(source)
    for node in model.graph.node:
        if node.op_type == "Gelu":
            node.op_type, node.domain = "FastGelu", "com.microsoft"
            del node.attribute[:]
    onnx.save(model, out)


def options(threads: int) -> onnxruntime.SessionOptions:
    made = onnxruntime.SessionOptions()
    made.intra_op_num_threads = threads
    made.log_severity_level = 3
    return made


def embeddings(path: Path, pixels: list[np.ndarray]) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), options(1))
    return np.concatenate([session.run(["embedding"], {"pixels": one})[0] for one in pixels])


def measure(paths: dict[str, Path], exact: np.ndarray, pixels: list[np.ndarray], rounds: int) -> list[dict[str, Any]]:
    sessions = {name: onnxruntime.InferenceSession(str(path), options(1)) for name, path in paths.items()}
    processor: dict[str, list[float]] = {name: [] for name in paths}
    wall: dict[str, list[float]] = {name: [] for name in paths}
    for number in tqdm(range(rounds), desc="timing"):
        feed = {"pixels": pixels[number % len(pixels)]}
        for name, session in sessions.items():
            begun, begun_wall = time.thread_time(), time.perf_counter()
            session.run(["embedding"], feed)
            processor[name].append(time.thread_time() - begun)
            wall[name].append(time.perf_counter() - begun_wall)
    rows = []
    for name, path in paths.items():
        cosines = np.sum(exact * embeddings(path, pixels), axis=1)
        rows.append(
            {
                "way": name,
                "mean_cosine": float(cosines.mean()),
                "lowest_cosine": float(cosines.min()),
                "mb": path.stat().st_size / 1e6,
                "processor_ms": float(np.median(processor[name])) * 1e3,
                "wall_ms": float(np.median(wall[name])) * 1e3,
            }
        )
    return rows


def print_table(rows: list[dict[str, Any]]) -> None:
    print("| way | mean cosine | lowest | MB | processor ms | wall ms |\n| --- | --- | --- | --- | --- | --- |")
    for row in rows:
        print(
            f"| {row['way']} | {row['mean_cosine']:.5f} | {row['lowest_cosine']:.4f} | {row['mb']:.2f} "
            f"| {row['processor_ms']:.2f} | {row['wall_ms']:.2f} |"
        )


if __name__ == "__main__":
    main()
