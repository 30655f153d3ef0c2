# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The networks that ours are compared with, as files, made once and kept.

Their architectures come from open_clip and transformers. Without weights they are random: time and size do not depend
on them. INT8 is what their users have: ONNX Runtime's dynamic quantization of matrix products and tables (not of
convolutions, which would be slower), CTranslate2's own for Whisper.
"""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic

from visual_byte_core.errors import ModelError

ARCHITECTURES = {"clip": "ViT-B-32", "mobileclip": "MobileCLIP2-S0"}
WHISPER_NAMES = {
    50257: "<|endoftext|>", 50258: "<|startoftranscript|>", 50259: "<|en|>", 50358: "<|translate|>",
    50359: "<|transcribe|>", 50360: "<|startoflm|>", 50361: "<|startofprev|>", 50362: "<|nospeech|>",
    50363: "<|notimestamps|>",
}  # fmt: skip
OPSET = 20


def model_folder(kind: str, precision: str, weights: Path | None, cache: Path) -> Path:
    """The folder of a network, made in `cache` if it is not there.

    Args:
        kind: `clip`, `mobileclip`, `whisper` or `clap`.
        weights: a checkpoint for open_clip, a folder that transformers reads for Whisper and CLAP; None: random.

    Raises:
        ModelError: unreadable weights.
    """
    folder = cache / f"{kind}-{precision}-{_key(weights)}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            try:
                MAKERS[kind](kind, precision, weights, Path(scratch))
            except (OSError, RuntimeError, ValueError, KeyError) as error:
                source = weights or "random weights"
                raise ModelError(f"{kind} from {source}: {' '.join(str(error).split())}") from error
            shutil.copytree(scratch, folder.with_suffix(".new"), dirs_exist_ok=True)
        folder.with_suffix(".new").rename(folder)
    return folder


def _key(weights: Path | None) -> str:
    return weights.resolve().as_posix().strip("/").replace("/", "_") if weights else "random"


def _make_clip(kind: str, precision: str, weights: Path | None, folder: Path) -> None:
    from visual_byte_core.pretrained.torch_companions import import_torchvision

    import_torchvision()
    import open_clip

    name = ARCHITECTURES[kind]
    torch.manual_seed(0)
    model = open_clip.create_model(name, pretrained=str(weights) if weights else None).eval()
    size = model.visual.image_size
    side = size[0] if isinstance(size, (tuple, list)) else size
    # MobileCLIP sees by convolutions, which have no quicker INT8 here; its text tower has.
    seen = precision if kind == "clip" else "float32"
    _export(model.encode_image, (torch.zeros(1, 3, side, side),), "pixels", folder / "image.onnx", seen, model)
    tokenizer = open_clip.get_tokenizer(name)
    tokens = tokenizer(["oat milk"])
    _export(model.encode_text, (tokens,), "tokens", folder / "text.onnx", precision, model)
    _write_tokenizer(tokenizer, folder / "tokenizer.json")


def _write_tokenizer(tokenizer: Any, out: Path) -> None:
    """CLIP's byte pairs for the library tokenizers, which is quicker than open_clip's and loads no PyTorch."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    pairs = models.BPE(vocab=tokenizer.encoder, merges=list(tokenizer.bpe_ranks), end_of_word_suffix="</w>")
    quick = Tokenizer(pairs)
    quick.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    words = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+")
    quick.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(words, "removed", invert=True), pre_tokenizers.ByteLevel(False, use_regex=False)]
    )
    start, end = "<start_of_text>", "<end_of_text>"
    marks = [(mark, tokenizer.encoder[mark]) for mark in (start, end)]
    quick.post_processor = processors.TemplateProcessing(single=f"{start} $0 {end}", special_tokens=marks)
    quick.enable_padding(length=77, pad_id=0, pad_token="!")  # noqa: S106 - a word of the tokenizer, no secret
    for name in ("a photo of oat milk 17", "Grandma's mug, 2%"):
        if quick.encode(name).ids != tokenizer([name])[0].tolist():
            raise RuntimeError(f"the tokenizers disagree on {name!r}")
    quick.save(str(out))


def _make_clap(kind: str, precision: str, weights: Path | None, folder: Path) -> None:
    from visual_byte_core.pretrained.torch_companions import import_torchvision

    import_torchvision()
    from transformers import ClapConfig, ClapModel

    torch.manual_seed(0)
    model = (ClapModel.from_pretrained(weights, local_files_only=True) if weights else ClapModel(ClapConfig())).eval()

    def embed(features: torch.Tensor) -> torch.Tensor:
        projected: torch.Tensor = model.audio_projection(model.audio_model(features, is_longer=None).pooler_output)
        return projected

    _export(embed, (torch.zeros(1, 1, 1001, 64),), "features", folder / "audio.onnx", precision, model)


def _make_whisper(kind: str, precision: str, weights: Path | None, folder: Path) -> None:
    from visual_byte_core.pretrained.torch_companions import import_torchvision

    import_torchvision()
    from ctranslate2.converters.transformers import TransformersConverter, WhisperLoader
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    if weights:
        TransformersConverter(str(weights)).convert(str(folder), quantization=precision, force=True)
        return
    torch.manual_seed(0)
    network = WhisperForConditionalGeneration(WhisperConfig())  # the defaults are those of whisper-tiny
    specification = WhisperLoader().get_model_spec(network)
    specification.register_vocabulary([WHISPER_NAMES.get(i, f"token {i}") for i in range(network.config.vocab_size)])
    settings = specification.config
    settings.suppress_ids, settings.suppress_ids_begin, settings.lang_ids = [], [], []
    settings.alignment_heads = [(0, 0)]
    specification.validate()
    specification.optimize(quantization=precision)
    specification.save(str(folder))


MAKERS: dict[str, Callable[[str, str, Path | None, Path], None]] = {
    "clip": _make_clip,
    "mobileclip": _make_clip,
    "clap": _make_clap,
    "whisper": _make_whisper,
}


class _Function(torch.nn.Module):
    """A function of a model as a module, with the model's weights."""

    def __init__(self, function: Callable[[Any], Any], model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model
        self._function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self._function(x)
        return output


def _export(
    function: Callable[[Any], Any],
    example: tuple[Any, ...],
    name: str,
    out: Path,
    precision: str,
    model: torch.nn.Module,
) -> None:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            _Function(function, model).eval(), example, dynamo=True, opset_version=OPSET, input_names=[name],
            verbose=False,
        )  # fmt: skip
    if program is None:
        raise RuntimeError("torch.onnx gave no program")
    network = program.model_proto
    if precision == "float32":
        onnx.save(network, str(out))
        return
    del network.graph.value_info[:]  # shapes from before the exporter's optimizations, which the quantizer rejects
    quantize_dynamic(
        network, out, weight_type=QuantType.QInt8, per_channel=True, op_types_to_quantize=["MatMul", "Gemm", "Gather"]
    )
