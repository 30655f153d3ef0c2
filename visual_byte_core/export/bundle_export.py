# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""From a training checkpoint to a bundle: ONNX, checked against PyTorch, then INT8, measured against float32."""

from __future__ import annotations

import contextlib
import tempfile
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import onnx
import onnxruntime
import torch
import yaml
from torch import Tensor, nn

from visual_byte_core.bundle.bundle import NO_METHOD_1, Bundle, write_bundle
from visual_byte_core.dataset.class_folders import photos_of, sounds_below
from visual_byte_core.errors import BundleError, ConfigurationError, DataError, InvalidSound
from visual_byte_core.export.half_precision import METHOD as HALF
from visual_byte_core.export.half_precision import convert_to_half
from visual_byte_core.export.lean_convnext import LeanConvNeXt, is_plain_convnext
from visual_byte_core.export.quantization import cosines, method, quantize, ways
from visual_byte_core.names import ClassName
from visual_byte_core.pretrained.renderers import render_speech, render_text
from visual_byte_core.rendering.normalize import normalize
from visual_byte_core.rendering.photo import read_photo, render_photo
from visual_byte_core.rendering.settings import MODALITIES, RendererSettings
from visual_byte_core.rendering.speech import read_sound
from visual_byte_core.training.checkpoint import CONFIG, load_checkpoint
from visual_byte_core.training.config import TrainingConfig
from visual_byte_core.training.network import VisualByteNet

OPSET = 20
TARGETS = ("onnx-int8", "onnx-fp32", "onnx-fp16")
MIN_MEAN_COSINE = 0.99  # of INT8 to float32: below it, `--reduce-range auto` gives up the processors without VNNI
STRIDE = 32  # pixels a cell of the map
MAX_DIFFERENCE = 1e-4  # between PyTorch and ONNX Runtime, of values of unit vectors
IMAGES_OF_A_KIND = 48
COMPARE_EVERY = 3  # on every third image INT8 is compared with float32, on the others its ranges are measured

T = TypeVar("T")


class _WithMap(nn.Module):
    """The network with both outputs of a bundle as its forward."""

    def __init__(self, network: VisualByteNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.with_map(pixels)


def export(
    checkpoint: Path,
    out: Path,
    *,
    name: str = "",
    target: str = "onnx-int8",
    reduce_range: Literal["auto", "on", "off"] = "auto",
    data: Path | None = None,
    middle: float | None = None,
    card: Path | None = None,
) -> Bundle:
    """Write the bundle of a checkpoint folder to `out`.

    name: of the bundle, the folder's if empty. target: one of TARGETS. reduce_range, for INT8: weights of 7 bits, right
    on every processor; `auto`: unless they cost more than 0.01 of the mean cosine to float32. data: the training data
    set (image/, audio/), whose pictures give the ranges for INT8; the one that the checkpoint names if None. middle: as
    in PhotoSettings, the checkpoint's if None. card: a YAML file for the model card, with `data` (name, items, licence,
    source of each) and `commands`.
    Raises DataError (checkpoint or data set), ConfigurationError (card, target, middle), ModelError (sentence model),
    BundleError (network, speech method 1, or `out` not writable).
    """
    if target not in TARGETS:
        raise ConfigurationError(f"export: target {target!r} is not known; expected one of {', '.join(TARGETS)}")
    network, config, names = load_checkpoint(checkpoint)
    if config.renderer.speech.method != 2:
        raise BundleError(f"{checkpoint}: {NO_METHOD_1}")
    renderer, sentence = _portable(with_middle(config.renderer, middle))
    root = data or Path(config.data.root)
    training = _training_facts(checkpoint, config, names, root) | (_read_card(card) if card else {})
    quantization: dict[str, Any] = {}
    if target == "onnx-int8":
        images = rendered_images(root, names, config.renderer)
    with tempfile.TemporaryDirectory() as folder:
        sizes = {config.renderer.size_of(modality) for modality in MODALITIES}
        onnx_path = export_onnx(network, sizes, Path(folder) / "float32.onnx")
        if target == "onnx-int8":
            onnx_path, quantization = _quantized(onnx_path, *images, reduce_range)
            if quantization["processors"] != "every processor":
                quantization["probe"] = _probe(network, names[0].en, config.renderer, onnx_path)
        elif target == "onnx-fp16":
            onnx_path, quantization = convert_to_half(onnx_path, onnx_path.with_name("half.onnx")), HALF
        return write_bundle(
            out,
            name=name or out.resolve().name,
            backbone=config.model.backbone,
            renderer=renderer,
            class_names=names,
            onnx_path=onnx_path,
            sentence=sentence,
            quantization=quantization,
            training=training,
        )


def export_onnx(network: VisualByteNet, sizes: Collection[int], out: Path) -> Path:
    """Write the network to `out` with input `pixels` [n, 3, 32 h, 32 w] and outputs `embedding`, `embedding_map`.

    The side is free, so that a map of regions can be made from a larger picture than `size`, that of the embedding.

    Raises BundleError if ONNX Runtime's results differ from PyTorch's by more than 1e-4.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of PyTorch, about its own code
        program = torch.onnx.export(
            (LeanConvNeXt(network) if is_plain_convnext(network) else _WithMap(network)).eval(),
            (torch.zeros(2, 3, 2 * STRIDE, 3 * STRIDE),),  # dimensions that are equal or 1 would not stay free
            dynamo=True,
            opset_version=OPSET,
            input_names=["pixels"],
            output_names=["embedding", "embedding_map"],
            # With a fixed batch the products would become Gemm, which the quantization passes over.
            dynamic_shapes={"pixels": {0: torch.export.Dim("n"), 2: _multiple("h"), 3: _multiple("w")}},
            verbose=False,
        )
    if program is None:
        raise BundleError("export: PyTorch returned no ONNX program")
    model = program.model_proto
    for node in model.graph.node:
        del node.metadata_props[:]  # stack traces, with the folders of this machine
    onnx.save(model, str(out))
    for size in sizes:
        _check_agreement(_WithMap(network).eval(), size, out)
    return out


def _multiple(name: str) -> Any:
    """A side that may be any multiple of the network's stride."""
    return STRIDE * torch.export.Dim(name, min=1, max=64)


def rendered_images(
    root: Path, names: Sequence[ClassName], renderer: RendererSettings
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Pictures of a data set's training split, a third each of photos, typed and spoken names, the same every time.

    Returns those to measure ranges on and others to compare on, at most 96 and 48, uint8 (s, s, 3)
    each, s the size of the modality. Raises DataError if the data set holds fewer than 3 photos or sounds.
    """
    photos = _spread([path for name in names for path in photos_of(root / "image" / name.slug)])
    sounds = _spread([path for name in names for path in sounds_below(root / "audio" / name.slug)])
    typed = [name.trainable()[0] for name in names if name.trainable()]
    kinds = [
        [render_photo(read_photo(path), renderer.size, renderer.photo) for path in photos],
        [render_text(words, renderer.size_of("text"), renderer.text) for words in _spread(typed)],
        list(render_sounds(sounds, renderer)),
    ]
    if min(map(len, kinds)) < COMPARE_EVERY:
        raise DataError(
            f"{root}: {len(kinds[0])} photos in image/, {len(kinds[2])} sounds in audio/ and {len(names)} names; "
            f"quantization needs {COMPARE_EVERY} of each; collect the training data there or name its folder"
        )
    measured = [image for kind in kinds for i, image in enumerate(kind) if i % COMPARE_EVERY]
    others = [image for kind in kinds for image in kind[::COMPARE_EVERY]]
    return measured, others


def with_middle(renderer: RendererSettings, middle: float | None) -> RendererSettings:
    """The renderer with another `photo.middle`, or as it is if None. Raises ConfigurationError."""
    return renderer if middle is None else replace(renderer, photo=replace(renderer.photo, middle=middle))


def _portable(renderer: RendererSettings) -> tuple[RendererSettings, Path | None]:
    """The renderer as a bundle names it, and the folder of the sentence model that goes into the bundle, if any."""
    if not renderer.text.needs_sentence_model:
        return renderer, None
    from visual_byte_core.pretrained.renderers import sentence_encoder_of

    encoder = sentence_encoder_of(renderer.text)
    return replace(renderer, text=replace(renderer.text, sentence_model=encoder.name)), encoder.folder


def render_sounds(paths: Iterable[Path], renderer: RendererSettings) -> Iterator[np.ndarray]:
    """Spoken names as pictures, uint8 (s, s, 3) each; a file that holds no name is passed over."""
    for path in paths:
        with contextlib.suppress(InvalidSound):  # a clip without a name in it says nothing of the ranges
            yield render_speech(*read_sound(path), renderer.size_of("audio"), renderer.speech)


def _spread(items: Sequence[T]) -> list[T]:
    """At most IMAGES_OF_A_KIND of the items, evenly spread."""
    count = min(IMAGES_OF_A_KIND, len(items))
    return [items[i * len(items) // count] for i in range(count)]


def _quantized(
    onnx_path: Path, measured: list[np.ndarray], others: list[np.ndarray], reduce_range: str
) -> tuple[Path, dict[str, Any]]:
    """The INT8 network, and what the model card says of it."""
    reduced = reduce_range != "off"
    for way in ways(onnx_path):  # the quickest that is exact enough
        quantized = quantize(onnx_path, onnx_path.with_name("int8.onnx"), measured, reduce_range=reduced, way=way)
        cosine = cosines(onnx_path, quantized, others)
        if cosine.mean() >= MIN_MEAN_COSINE:
            break
    if reduce_range == "auto" and cosine.mean() < MIN_MEAN_COSINE:
        return _quantized(onnx_path, measured, others, "off")
    facts = method(reduced, way) | {
        "ranges_measured_on": f"{len(measured)} training images (photos, typed and spoken names)",
        "compared_on": f"{len(others)} other training images",
        "mean_cosine_to_float32": float(cosine.mean()),
        "lowest_cosine_to_float32": float(cosine.min()),
        "float32_bytes": onnx_path.stat().st_size,
        "int8_bytes": quantized.stat().st_size,
    }
    return quantized, facts


def _probe(network: VisualByteNet, words: str, renderer: RendererSettings, quantized: Path) -> dict[str, Any]:
    """By which another processor can tell what the network loses on it.

    A typed name, its float32 embedding, and the cosine of this processor's to it.
    """
    pixels = normalize(render_text(words, renderer.size_of("text"), renderer.text)[None])
    with torch.inference_mode():
        exact = network(torch.from_numpy(pixels)).numpy()[0]
    session = onnxruntime.InferenceSession(str(quantized), providers=["CPUExecutionProvider"])
    here = session.run(["embedding"], {"pixels": pixels})[0][0]
    return {"text": words, "cosine": float(here @ exact), "embedding": [round(float(value), 5) for value in exact]}


def _check_agreement(module: nn.Module, size: int, onnx_path: Path) -> None:
    session = onnxruntime.InferenceSession(str(onnx_path), providers=["CPUExecutionProvider"])
    for batch in (1, 3):
        pixels = torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(batch))
        with torch.inference_mode():
            expected = module(pixels)
        for output, value in zip(("embedding", "embedding_map"), expected, strict=True):
            difference = float(np.abs(session.run([output], {"pixels": pixels.numpy()})[0] - value.numpy()).max())
            if not difference <= MAX_DIFFERENCE:  # `not <=` catches NaN too
                raise BundleError(
                    f"export: `{output}` of PyTorch {torch.__version__} and of ONNX Runtime {onnxruntime.__version__} "
                    f"differ by {difference:g}, over {MAX_DIFFERENCE:g}; use the pinned versions of both"
                )


def _training_facts(checkpoint: Path, config: TrainingConfig, names: list[ClassName], root: Path) -> dict[str, Any]:
    # `load_checkpoint` turns `pretrained` off, since the checkpoint's weights replace those it began with.
    written = yaml.safe_load((checkpoint / CONFIG).read_text(encoding="utf-8"))
    pretrained = written["model"]["pretrained"]
    facts = {
        "began_with": f"pretrained weights ({pretrained})" if pretrained else "random weights",
        "languages": ", ".join(config.data.languages),
        "epochs": config.optimizer.epochs,
        "learning_rate": config.optimizer.learning_rate,
        "seed": config.seed,
    }
    if root.is_dir():  # a float32 bundle can be made where the data is not
        facts["photos"] = sum(len(photos_of(root / "image" / name.slug, config.data.cap)) for name in names)
        folders = [root / "audio" / name.slug / language for name in names for language in config.data.languages]
        facts["spoken_names"] = sum(len(sounds_below(folder)) for folder in folders)
    return facts


def _read_card(path: Path) -> dict[str, Any]:
    try:
        card: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path}: cannot be read as YAML ({' '.join(str(error).split())})") from error
    rows: Iterable[Any] = card.get("data", []) if isinstance(card, dict) else [None]
    if not all(isinstance(row, dict) and {"name", "items", "licence", "source"} <= set(row) for row in rows):
        raise ConfigurationError(f"{path}: expected `data` (a list of name, items, licence, source) and `commands`")
    return dict(card)
