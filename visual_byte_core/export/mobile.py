# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""From a training checkpoint to the network file of a phone: LiteRT (Android, Linux) or Core ML (Apple).

Wants the extra `export-mobile` beside `train`. The folder holds the network and `mobile.yaml`, which says how its input
is rendered and normalized, the names it was trained on, and how it agrees with PyTorch on typed names. LiteRT's file is
run here for that; Core ML's only runs on a Mac, and is compared there.
"""

from __future__ import annotations

import importlib
import os
import shutil
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from visual_byte_core.errors import BundleError
from visual_byte_core.files import sha256_of_file, write_atomically
from visual_byte_core.names import ClassName
from visual_byte_core.pretrained.renderers import render_text
from visual_byte_core.rendering.normalize import MEAN, STD, normalize
from visual_byte_core.rendering.settings import RendererSettings
from visual_byte_core.training.network import VisualByteNet

TARGETS = ("litert-fp32", "litert-fp16", "litert-int8", "coreml")
DESCRIPTION = "mobile.yaml"
COMPARED_NAMES = 32
MIN_COSINE = 0.97  # of any typed name to PyTorch's


@dataclass(frozen=True)
class MobileNetwork:
    """facts: of `mobile.yaml`; `mean_cosine` and `min_cosine` to float32 are None where the file was not run."""

    path: Path
    facts: dict[str, Any]


def export_mobile(
    network: VisualByteNet, renderer: RendererSettings, names: list[ClassName], out: Path, target: str
) -> MobileNetwork:
    """Write the folder `out` for one of TARGETS; an older one there is replaced, anything else refused.

    Raises BundleError if a package is missing, the conversion fails, or the file embeds otherwise than PyTorch.
    """
    _check_replaceable(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        temporary.chmod(0o755)
        images = np.stack(
            [render_text(name.en, renderer.size_of("text"), renderer.text) for name in names[:COMPARED_NAMES]]
        )
        facts = (
            _coreml(network, images, temporary) if target == "coreml" else _litert(network, images, temporary, target)
        )
        facts = {"target": target} | facts | _input(renderer) | {"class_names": [asdict(name) for name in names]}
        text = yaml.safe_dump(facts, allow_unicode=True, sort_keys=False, default_flow_style=None, width=120)
        write_atomically(temporary / DESCRIPTION, text.encode())
        shutil.rmtree(out, ignore_errors=True)
        os.rename(temporary, out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return MobileNetwork(out, facts)


def _litert(network: VisualByteNet, images: np.ndarray, folder: Path, target: str) -> dict[str, Any]:
    litert_torch = _package("litert_torch")
    path = folder / "backbone.tflite"
    size = images.shape[1]
    try:
        litert_torch.convert(_Embedding(network).eval(), (torch.zeros(1, 3, size, size),)).export(str(path))
        if target != "litert-fp32":
            _convert_weights(path, target)
        found, milliseconds = _run_litert(path, images)
    except Exception as error:  # none of the tools documents what it raises
        raise BundleError(f"export: LiteRT's tools failed ({' '.join(str(error).split())[:300]})") from error
    return {
        "network": path.name,
        "sha256": sha256_of_file(path),
        "bytes": path.stat().st_size,
        "ran_here": f"ai-edge-litert {_package('ai_edge_litert').__version__}, XNNPACK, 1 thread",
        "milliseconds": round(milliseconds, 3),
        **_compared(network, images, found),
    }


def _convert_weights(path: Path, target: str) -> None:
    """float16 weights, or INT8 weights whose products take activations quantized row by row as they come.

    Static ranges, as ONNX Runtime gets them, fail for ConvNeXt in ai-edge-quantizer 0.10: it gives one tensor several
    scales where only one is allowed.
    """
    quantizer, recipe, kinds, algorithms = (
        _package(f"ai_edge_quantizer.{name}") for name in ("quantizer", "recipe", "qtyping", "algorithm_manager")
    )
    work = quantizer.Quantizer(str(path))
    if target == "litert-int8":
        work.load_quantization_recipe(recipe.dynamic_wi8_afp32())
    else:
        half = kinds.TensorQuantizationConfig(num_bits=16, dtype=kinds.TensorDataType.FLOAT)
        work.update_quantization_recipe(
            regex=".*",
            operation_name=kinds.TFLOperationName.ALL_SUPPORTED,
            op_config=kinds.OpQuantizationConfig(
                weight_tensor_config=half, compute_precision=kinds.ComputePrecision.FLOAT
            ),
            algorithm_key=algorithms.AlgorithmName.FLOAT_CASTING,
        )
    result = work.quantize()
    path.unlink()
    result.export_model(str(path))


def _run_litert(path: Path, images: np.ndarray) -> tuple[np.ndarray, float]:
    """Embeddings, float32 (n, dimension), and the median of the milliseconds for one."""
    interpreter = _package("ai_edge_litert.interpreter").Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    pixels, embedding = (
        details[0]["index"] for details in (interpreter.get_input_details(), interpreter.get_output_details())
    )
    found, seconds = [], []
    for image in images:
        interpreter.set_tensor(pixels, normalize(image[None]))
        begun = time.perf_counter()
        interpreter.invoke()
        seconds.append(time.perf_counter() - begun)
        found.append(interpreter.get_tensor(embedding)[0].copy())
    return np.stack(found), float(np.median(seconds)) * 1000


def _coreml(network: VisualByteNet, images: np.ndarray, folder: Path) -> dict[str, Any]:
    tools = _package("coremltools")
    path = folder / "backbone.mlpackage"
    example = torch.zeros(1, 3, *images.shape[1:3])
    try:
        with torch.inference_mode():
            traced = torch.jit.trace(_Embedding(network).eval(), example)
        model = tools.convert(
            traced,
            convert_to="mlprogram",
            inputs=[tools.TensorType(name="pixels", shape=tuple(example.shape))],
            outputs=[tools.TensorType(name="embedding", dtype=np.float32)],
            minimum_deployment_target=tools.target.iOS16,
        )
        model.save(str(path))
        specification = tools.models.MLModel(str(path), skip_model_load=True).get_spec()
    except Exception as error:  # undocumented, too
        raise BundleError(f"export: coremltools failed ({' '.join(str(error).split())[:300]})") from error
    shapes = {
        one.name: list(one.type.multiArrayType.shape)
        for one in (*specification.description.input, *specification.description.output)
    }
    projector: Any = network.projector
    dimension = (projector if isinstance(projector, torch.nn.Linear) else projector[-1]).out_features
    expected = {"pixels": list(example.shape), "embedding": [1, dimension]}
    if shapes != expected:
        raise BundleError(f"export: Core ML's file has inputs and outputs {shapes}, expected {expected}")
    weights = sorted(file for file in path.rglob("*") if file.is_file())
    return {
        "network": path.name,
        "bytes": sum(file.stat().st_size for file in weights),
        "files": {str(file.relative_to(folder)): sha256_of_file(file) for file in weights},
        "ran_here": "no: Core ML runs on a Mac or an iPhone only; compare it there before use",
        "mean_cosine": None,
        "min_cosine": None,
    }


def _compared(network: VisualByteNet, images: np.ndarray, found: np.ndarray) -> dict[str, Any]:
    with torch.inference_mode():
        exact = network(torch.from_numpy(normalize(images))).numpy()
    cosines = np.sum(exact * found, axis=1) / np.linalg.norm(found, axis=1)
    if not cosines.min() >= MIN_COSINE:  # `not >=` catches NaN too
        raise BundleError(
            f"export: the converted network's embeddings have cosines down to {cosines.min():.3f} to PyTorch's, "
            f"expected {MIN_COSINE} or more; use the pinned versions of constraints-mobile.txt"
        )
    return {
        "compared_on": f"{len(images)} typed names",
        "mean_cosine": float(cosines.mean()),
        "min_cosine": float(cosines.min()),
    }


def _input(renderer: RendererSettings) -> dict[str, Any]:
    return {
        "input": f"pixels float32 [1, 3, {renderer.size}, {renderer.size}], RGB, (value / 255 - mean) / std",
        "normalization": {"mean": list(MEAN), "std": list(STD)},
        "renderer_digest": renderer.digest(),
        "renderer": yaml.safe_load(yaml.safe_dump(_lists(renderer.to_dict()))),
    }


def _lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lists(inner) for key, inner in value.items()}
    return list(value) if isinstance(value, tuple) else value


class _Embedding(torch.nn.Module):
    """Without the map, whose cells a phone does not need."""

    def __init__(self, network: VisualByteNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.network(pixels)
        return output


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise BundleError(
            f"export: {name.partition('.')[0]} is missing ({error}); in an environment of its own: "
            "pip install -c constraints-mobile.txt '.[train,export-mobile]'"
        ) from error


def _check_replaceable(out: Path) -> None:
    if out.exists() and not (out.is_dir() and ((out / DESCRIPTION).exists() or not any(out.iterdir()))):
        raise BundleError(f"export: {out} holds something else than an exported network; choose a new or empty folder")
