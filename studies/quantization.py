# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What other ways of quantizing a network bring: python studies/quantization.py checkpoints/starter --sensitivity

Every way's file is compared with float32 on fixed photos, typed names and sounds (examples/photos, the checkpoint's
names, test/data), those at even places for measuring ranges and the others for the cosine. `same nearest`: share of
those others whose nearest photo, of all that are fixed but itself, is float32's, both sides embedded by the way's own
network. `same top 1`: as the gate in test/test_references.py has it, of all fixed inputs, names to photos and photos to
names, without the allowance for ties. Milliseconds are of the processor for one image on one thread, all networks in
turn, so that other programs and the order count little; `wall` is what a clock said.

AdaRound learns from all inputs at even places, and with --data from photos and sounds of a training set, too.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import onnx
import onnxruntime
import torch
from adaround import adaround, probe
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from tqdm import tqdm

from visual_byte_core.dataset.class_folders import photos_of, sounds_below
from visual_byte_core.embedding.embedder import session_options
from visual_byte_core.export import bundle_export
from visual_byte_core.export import quantization as ours
from visual_byte_core.export.half_precision import convert_to_half
from visual_byte_core.export.references import References, reference_inputs, same_top_1
from visual_byte_core.names import ClassName
from visual_byte_core.rendering.normalize import normalize
from visual_byte_core.rendering.photo import read_photo, render_photo
from visual_byte_core.rendering.settings import RendererSettings
from visual_byte_core.training.checkpoint import load_checkpoint
from visual_byte_core.training.network import VisualByteNet

ROOT = Path(__file__).resolve().parent.parent
RANGES = 96  # images that ranges are measured on, as many as `visual-byte export` takes
SENSITIVE = (3, 6, 10)  # products that mixed precision leaves in float32
OF_A_KIND = 400  # photos, and sounds, of a training set that AdaRound learns from
BATCH = 16  # of them in one run of the network


@dataclass(frozen=True)
class Images:
    """Normalized pixels, float32 (1, 3, size, size) each, but batches in `rounding`. items: names of `every`."""

    items: list[str]
    every: list[np.ndarray]
    rounding: list[np.ndarray]

    @property
    def compared(self) -> list[np.ndarray]:
        return self.every[1::2]

    @property
    def ranges(self) -> list[np.ndarray]:
        even = self.every[::2]
        return [even[i * len(even) // RANGES] for i in range(RANGES)]


class Reader(ours.CalibrationDataReader):
    def __init__(self, pixels: list[np.ndarray]) -> None:
        self._inputs = iter([{"pixels": one} for one in pixels])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._inputs, None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--sensitivity", action="store_true", help="also quantize every product alone")
    parser.add_argument("--data", type=Path, help="training set (image/, audio/) of which AdaRound gets more")
    parser.add_argument("--rounds", type=int, default=200, help="images timed (default: 200)")
    parser.add_argument("--json", type=Path, help="write the rows there, too")
    arguments = parser.parse_args()
    network, config, names = load_checkpoint(arguments.checkpoint)
    images = read_images(names, config.renderer, arguments.data)
    with tempfile.TemporaryDirectory() as folder:
        paths = build(network, config.renderer.size, images, Path(folder), arguments.sensitivity)
        rows = measure(paths, images, arguments.rounds)
    print_table(rows)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))


def read_images(names: Sequence[ClassName], renderer: RendererSettings, data: Path | None) -> Images:
    items, images = zip(
        *reference_inputs(ROOT / "examples/photos", ROOT / "test/data/banana.flac", names, renderer), strict=True
    )
    learned = list(images[::2])
    if data:
        photos = spread([path for name in names for path in photos_of(data / "image" / name.slug)])
        sounds = spread([path for name in names for path in sounds_below(data / "audio" / name.slug)])
        learned += [render_photo(read_photo(path), renderer.size, renderer.photo) for path in photos]
        learned += bundle_export.render_sounds(sounds, renderer)
    batches = [normalize(np.stack(learned[i : i + BATCH])) for i in range(0, len(learned), BATCH)]
    return Images(list(items), [normalize(image[None]) for image in images], batches)


def spread(paths: list[Path]) -> list[Path]:
    count = min(OF_A_KIND, len(paths))
    return [paths[i * len(paths) // count] for i in range(count)]


def build(network: VisualByteNet, size: int, images: Images, folder: Path, sensitivity: bool) -> dict[str, Path]:
    """A file for every way."""
    exported = bundle_export.export_onnx(network, [size], folder / "exported.onnx")
    base = folder / "float32.onnx"
    quant_pre_process(str(exported), str(base), skip_symbolic_shape=True)
    products, convolutional = ours.products_of(onnx.load(base).graph)
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
    with patch.object(bundle_export, "is_plain_convnext", return_value=False):
        written_out = bundle_export.export_onnx(network, [size], folder / "written_out.onnx")
    quant_pre_process(str(written_out), str(written_out), skip_symbolic_shape=True)
    add("7 bits, operators as timm has them", static(written_out, ours.products_of(onnx.load(written_out).graph)[0]))
    add("8 bits, MinMax", static(reduce_range=False))
    add("7 bits, entropy", static(calibrate_method=CalibrationMethod.Entropy))
    for percent in (99.9, 99.999):
        add(f"7 bits, percentile {percent}", static(calibrate_method=CalibrationMethod.Percentile, percentile=percent))
    for alpha in (0.3, 0.5, 0.7):
        smooth = bundle_export.export_onnx(
            smoothed(network, images.ranges, alpha), [size], folder / f"smooth{alpha}.onnx"
        )
        quant_pre_process(str(smooth), str(smooth), skip_symbolic_shape=True)
        add(f"7 bits, SmoothQuant {alpha}", static(smooth, ours.products_of(onnx.load(smooth).graph)[0]))
    add("7 bits, biases corrected", lambda out: correct_biases(base, paths["7 bits, MinMax (shipped)"], out, images))
    add("7 bits, AdaRound", lambda out: adaround(base, paths["7 bits, MinMax (shipped)"], out, images.rounding))
    add("7 bits, AdaRound, biases", lambda out: correct_biases(base, paths["7 bits, AdaRound"], out, images))
    add("8 bits, AdaRound", lambda out: adaround(base, paths["8 bits, MinMax"], out, images.rounding))
    for bits in (7, 8):
        wide = static(reduce_range=bits == 7, activation_type=QuantType.QUInt16)
        add(f"{bits} bits, activations 16 bits", wide)
    add("float16", lambda out: convert_to_half(base, out))
    add("7 bits, projector too", static(nodes=[*products, *projector]))
    add("7 bits, stem and depthwise too", static(nodes=every_convolution))
    add("7 bits, every operator", static(nodes=None, every=True))
    add("dynamic, 8 bits", lambda out: quantize_dynamic(base, out, ["MatMul"], True, weight_type=QuantType.QInt8))
    order = by_sensitivity(base, products, convolutional, images, folder) if sensitivity else []
    for number in SENSITIVE if order else ():
        add(f"7 bits, the {number} most sensitive in float32", static(nodes=order[number:]))
        rest = static(nodes=order[number:], reduce_range=False)
        add(f"8 bits, the {number} most sensitive in float32", rest)
    return paths


def by_sensitivity(base: Path, products: list[str], convolutional: bool, images: Images, folder: Path) -> list[str]:
    """The products, first the one that costs the most when it alone is quantized; prints what each costs."""
    worst = {}
    exact = embeddings(base, images.compared[::4])
    for name in tqdm(products, desc="every product alone"):
        quantize(base, folder / "one.onnx", [name], convolutional, images.ranges[::4])
        found = embeddings(folder / "one.onnx", images.compared[::4])
        worst[name] = 1 - float(np.sum(exact * found, axis=1).mean())
    order = sorted(products, key=lambda name: -worst[name])
    for name in order:
        print(f"{name}: alone costs {worst[name]:.6f} of the mean cosine")
    return order


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
    activation_type: QuantType = QuantType.QUInt8,
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
        nodes_to_quantize=nodes or [], per_channel=True, reduce_range=reduce_range, activation_type=activation_type,
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
    session = probe(model, tensor, session_options(1))
    values = [session.run([tensor], {"pixels": one})[0] for one in pixels]
    return np.mean([value.reshape(-1, value.shape[-1]).mean(axis=0) for value in values], axis=0)


def embeddings(path: Path, pixels: list[np.ndarray]) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), session_options(1))
    return np.concatenate([session.run(["embedding"], {"pixels": one})[0] for one in pixels])


def measure(paths: dict[str, Path], images: Images, rounds: int) -> list[dict[str, Any]]:
    sessions = {name: onnxruntime.InferenceSession(str(path), session_options(1)) for name, path in paths.items()}
    processor: dict[str, list[float]] = {name: [] for name in paths}
    wall: dict[str, list[float]] = {name: [] for name in paths}
    for number in tqdm(range(rounds), desc="timing"):
        feed = {"pixels": images.compared[number % len(images.compared)]}
        for name, session in sessions.items():
            begun, begun_wall = time.thread_time(), time.perf_counter()
            session.run(["embedding"], feed)
            processor[name].append(time.thread_time() - begun)
            wall[name].append(time.perf_counter() - begun_wall)
    rows = []
    exact = embeddings(paths["float32"], images.every)
    references = References(np.array(images.items), np.zeros(0, np.uint8), exact, np.zeros(0, np.float32))
    for name, path in tqdm(paths.items(), desc="comparing"):
        found = embeddings(path, images.every)
        cosines = np.sum(exact * found, axis=1)[1::2]
        rows.append(
            {
                "way": name,
                "mean_cosine": float(cosines.mean()),
                "min_cosine": float(cosines.min()),
                "same_nearest": same_nearest(exact, found, images.items),
                "same_top_1": same_top_1(references, found)[1],
                "mb": path.stat().st_size / 1e6,
                "processor_ms": float(np.median(processor[name])) * 1e3,
                "wall_ms": float(np.median(wall[name])) * 1e3,
            }
        )
    return rows


def same_nearest(exact: NDArray[np.float32], found: NDArray[np.float32], items: list[str]) -> float:
    """Share of the compared inputs whose nearest photo, but for themselves, is as near as any in float32's own."""
    photos = np.array([i for i, item in enumerate(items) if item.startswith("photo ")])
    queries = np.arange(1, len(items), 2)
    scores, chosen = (np.where(queries[:, None] == photos, -1, e[queries] @ e[photos].T) for e in (exact, found))
    return float((scores[np.arange(len(queries)), chosen.argmax(axis=1)] == scores.max(axis=1)).mean())


def print_table(rows: list[dict[str, Any]]) -> None:
    print(
        "| way | mean cosine | lowest | same nearest | same top 1 | MB | processor ms | wall ms |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |"
    )
    for row in rows:
        print(
            f"| {row['way']} | {row['mean_cosine']:.5f} | {row['min_cosine']:.4f} | {row['same_nearest']:.3f} "
            f"| {row['same_top_1']:.3f} | {row['mb']:.2f} | {row['processor_ms']:.2f} | {row['wall_ms']:.2f} |"
        )


if __name__ == "__main__":
    main()
