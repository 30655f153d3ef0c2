# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""From a model of sentence-transformers to the portable form of `rendering.sentence_encoder`: torch, never on a robot.

Static models (a table of token embeddings) are stored in 8 bits, each token with a scale of its own; transformers
become ONNX with weights in 16 bits. The results are kept in `$XDG_CACHE_HOME/visual_byte` (default: ~/.cache).
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from visual_byte_core.errors import ModelError
from visual_byte_core.pretrained.hub_models import content_digest, model_folder
from visual_byte_core.rendering.sentence_encoder import (
    DESCRIPTION,
    FORMAT,
    NETWORK,
    SCALES,
    TOKENIZER,
    TOKENS,
    SentenceEncoder,
    open_encoder,
)
from visual_byte_core.user_folders import cache_folder

SETTING = "text.sentence_model"
OPSET = 20
MIN_HALVED_VALUES = 1024  # values; shorter weights stay float32
PROBES = ("mug", "a carton of oat milk", "바나나")
MIN_COSINE = 0.999

log = logging.getLogger("visual_byte")


def portable_folder(name: str, dimension: int) -> Path:
    """The portable form of a sentence model, made if it is not there yet.

    Args:
        name: a folder, or a name of the hub.
        dimension: values of its embedding to use, 0 for all.

    Raises:
        ModelError: the model or sentence-transformers is missing, or its kind is not supported.
    """
    folder = model_folder(name, SETTING)
    base = cache_folder("sentence")
    title = name.rstrip("/").rpartition("/")[2] or "model"
    target = base / f"{title}-{content_digest(folder)}-{dimension}-v{FORMAT}"
    if (target / DESCRIPTION).exists():
        return target
    log.info("converting the sentence model %s (once)", name)
    base.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=base))
    try:
        _convert(folder, title, dimension, temporary)
        os.rename(temporary, target)
    except OSError as error:
        if not (target / DESCRIPTION).exists():  # else another process was first, with the same content
            raise ModelError(f"{SETTING}: {target} cannot be written ({error.strerror}); make room") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _convert(folder: Path, title: str, dimension: int, out: Path) -> None:
    model = load_sentence_transformer(str(folder))
    kinds = [type(module).__name__ for module in model]
    full = int(model.get_embedding_dimension())
    if dimension > full:
        raise ModelError(f"text.sentence_dimension: {dimension}, but {folder} has {full} values; use 0 for all of them")
    used = dimension or full
    if kinds[0] == "StaticEmbedding" and set(kinds[1:]) <= {"Normalize"}:
        kind = "static"
        tokenizer = model[0].tokenizer
        write_tokens(model[0].embedding.weight.detach().numpy()[:, :used], out)
    elif kinds[0] == "Transformer":
        kind = "transformer"
        tokenizer = getattr(model.tokenizer, "backend_tokenizer", None)
        if tokenizer is None:
            raise ModelError(f"{SETTING}: {folder} has no tokenizer.json; save it with a fast tokenizer")
        tokenizer.no_padding()
        tokenizer.enable_truncation(model.max_seq_length)
        _write_network(model, out / NETWORK)
    else:
        raise ModelError(f"{SETTING}: {folder} is made of {', '.join(kinds)}; expected StaticEmbedding or Transformer")
    tokenizer.save(str(out / TOKENIZER))
    description = {"format": FORMAT, "model": title, "kind": kind, "dimension": used}
    (out / DESCRIPTION).write_text(yaml.safe_dump(description, sort_keys=False), encoding="utf-8")
    _check_agreement(model, folder, open_encoder(out))


def _check_agreement(model: Any, folder: Path, encoder: SentenceEncoder) -> None:
    for words in PROBES:
        expected = model.encode(words, show_progress_bar=False)[: encoder.dimension].astype(np.float64)
        length = float(np.linalg.norm(expected))
        cosine = float(expected @ encoder.embed(words)) / length if length else 1.0
        if not cosine >= MIN_COSINE:  # `not >=` catches NaN too
            raise ModelError(f"{SETTING}: {folder} and its portable form differ (cosine {cosine:.4f} for {words!r})")


def load_sentence_transformer(name: str) -> Any:
    """A model of sentence-transformers on the CPU: a folder, or a name of the hub. Raises ModelError."""
    folder = model_folder(name, SETTING)
    try:
        from visual_byte_core.pretrained.torch_companions import import_companions

        import_companions()  # before transformers imports it
        from safetensors import SafetensorError
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as transformers_logging
    except ImportError as error:
        raise ModelError(
            f"{SETTING}: needs sentence-transformers ({error}); pip install '.[train]' in Visual Byte's folder"
        ) from error
    transformers_logging.disable_progress_bar()  # of reading the weights
    try:
        return SentenceTransformer(
            str(folder),
            device="cpu",
            local_files_only=True,
            model_kwargs={"use_safetensors": True, "attn_implementation": "eager"},
        ).eval()
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, AttributeError, SafetensorError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"{SETTING}: {folder} cannot be read by sentence-transformers ({reason})") from error


def write_tokens(table: np.ndarray, out: Path) -> None:
    """float32 (vocabulary, dimension) -> int8 with a scale for each row, as two files in `out`."""
    scales = np.maximum(np.abs(table).max(axis=1), 1e-12).astype(np.float32) / np.float32(127)
    np.save(out / TOKENS, np.rint(table / scales[:, None]).astype(np.int8))
    np.save(out / SCALES, scales)


def _write_network(model: Any, out: Path) -> None:
    import onnx
    import torch

    class Whole(torch.nn.Module):
        """All modules of the model, from tokens to the sentence embedding."""

        def __init__(self) -> None:
            super().__init__()
            self.steps = torch.nn.ModuleList(model)

        def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
            # One text at a time needs no padding. (As an input, transformers' masks are not exported right.)
            features = {"input_ids": input_ids, "attention_mask": torch.ones_like(input_ids)}
            for step in self.steps:
                features = step(features)
            return features["sentence_embedding"]

    length = {1: torch.export.Dim("tokens", min=2, max=int(model.max_seq_length))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PyTorch and transformers, about their own code
        program = torch.onnx.export(
            Whole().eval(),
            (torch.ones(1, 7, dtype=torch.int64),),
            dynamo=True,
            opset_version=OPSET,
            input_names=["input_ids"],
            output_names=["sentence"],
            dynamic_shapes={"input_ids": length},
            verbose=False,
        )
    if program is None:
        raise ModelError(f"{SETTING}: PyTorch returned no ONNX program")
    network = program.model_proto
    for node in network.graph.node:
        del node.metadata_props[:]  # stack traces, with the folders of this machine
    _halve_weights(network)
    onnx.save(network, str(out))


def _halve_weights(network: Any) -> None:
    """Store the large float32 weights as float16, cast back when the network is loaded."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for weights in network.graph.initializer:
        if weights.data_type == TensorProto.FLOAT and np.prod(weights.dims) >= MIN_HALVED_VALUES:
            name = weights.name
            halved = numpy_helper.from_array(numpy_helper.to_array(weights).astype(np.float16), f"{name}.half")
            weights.CopyFrom(halved)
            casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *network.graph.node]
    del network.graph.node[:]
    network.graph.node.extend(nodes)
