# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Sentence embeddings without torch, by the same files in training and on a robot.

A portable sentence model is a folder, made of a model of sentence-transformers by `pretrained.sentence_models`:

- `sentence.yaml`: format, model's name, kind, dimension
- `tokenizer.json`, read by the tokenizers package
- static model: `tokens.npy` int8 (vocabulary, dimension) and `scales.npy` float32 (vocabulary,), whose product is the
  embedding of each token; a text has the mean of its tokens'
- word table: `words.txt`, a word a line, with `tokens.npy` and `scales.npy` for these, and no tokenizer: a text has the
  sum of its words'. A word that is not in the table is taken for its singular if that is, else it means nothing; so a
  slip of the typist costs the word its meaning and never gives it another one by guessing.
- transformer: `encoder.onnx`, int64 (1, tokens) `input_ids` -> float32 (1, dimension or more)
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from visual_byte_core.errors import ModelError
from visual_byte_core.files import sha256_of_file
from visual_byte_core.rendering.settings import TextSettings

FORMAT = 1
DESCRIPTION, TOKENIZER, WORDS, TOKENS, SCALES, NETWORK = (
    "sentence.yaml", "tokenizer.json", "words.txt", "tokens.npy", "scales.npy", "encoder.onnx",
)  # fmt: skip
FILES = {
    "static": (DESCRIPTION, TOKENIZER, TOKENS, SCALES),
    "words": (DESCRIPTION, WORDS, TOKENS, SCALES),
    "transformer": (DESCRIPTION, TOKENIZER, NETWORK),
}
REMEMBERED = 4096  # texts


@dataclass(frozen=True)
class SentenceEncoder:
    """A portable sentence model, open.

    Attributes:
        name: the model's, "@" and `digest`.
        digest: 12 hex characters that change with any of its files.
        embed: words -> float32 (dimension,) of unit length, or zeros for words without any token.
    """

    folder: Path
    name: str
    digest: str
    dimension: int
    embed: Callable[[str], np.ndarray]


_provided: dict[str, SentenceEncoder] = {}


def encoder_of(settings: TextSettings) -> SentenceEncoder:
    """The sentence model that the settings name, which this process has opened before.

    Raises:
        ModelError: it has not: the model of a bundle comes with `load_bundle`, one of sentence-transformers with
            `pretrained.renderers`.
    """
    name = settings.sentence_model
    if name in _provided:
        return _provided[name]
    if "@" in name:
        raise ModelError(f"text.sentence_model: {name} belongs to a bundle; load that bundle first")
    raise ModelError(
        f"text.sentence_model: {name} is a model for training, which no bundle carries; export a bundle and load that"
    )


def provide(folder: Path) -> SentenceEncoder:
    """Open the model of a bundle, so that `encoder_of` knows it by its name. Raises ModelError as `open_encoder`."""
    encoder = open_encoder(folder)
    _provided[encoder.name] = encoder
    return encoder


def open_encoder(folder: Path) -> SentenceEncoder:
    """Open a portable sentence model.

    Raises:
        ModelError: a file is missing or damaged, or tokenizers not there.
    """
    description = _read_description(folder)
    files = FILES[description["kind"]]
    missing = [name for name in files if not (folder / name).is_file()]
    if missing:
        raise ModelError(f"sentence model {folder}: {', '.join(missing)} missing; copy or export it again")
    try:
        embed = _OPENERS[description["kind"]](folder)
        embed("a name")  # what does not run fails here, not in front of the user
    except ModelError:
        raise
    except Exception as error:  # of numpy, tokenizers and ONNX Runtime, which share no base class
        raise ModelError(
            f"sentence model {folder}: cannot be used ({' '.join(str(error).split())}); copy or export it again"
        ) from error
    content = hashlib.sha256(" ".join(sha256_of_file(folder / name) for name in files).encode()).hexdigest()[:12]
    dimension = int(description["dimension"])
    return SentenceEncoder(
        folder, f"{description['model']}@{content}", content, dimension, _unit_and_remembered(embed, dimension)
    )


def _read_description(folder: Path) -> dict[str, Any]:
    try:
        description = yaml.safe_load((folder / DESCRIPTION).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ModelError(f"sentence model {folder}: no readable {DESCRIPTION} ({error}); export it again") from error
    if not isinstance(description, dict) or description.get("format") != FORMAT or description.get("kind") not in FILES:
        raise ModelError(f"sentence model {folder}: {DESCRIPTION} is not of format {FORMAT}; export it again")
    return description


def _tokenizer(path: Path, special: bool) -> Callable[[str], np.ndarray]:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise ModelError(
            f"sentence model {path.parent}: needs the package tokenizers ({error}); pip install tokenizers"
        ) from error
    tokenizer = Tokenizer.from_file(str(path))
    return lambda words: np.array(tokenizer.encode(words, add_special_tokens=special).ids, np.int64)


def _static(folder: Path) -> Callable[[str], np.ndarray]:
    return _sum_of_rows(folder, _tokenizer(folder / TOKENIZER, special=False))


def _word_table(folder: Path) -> Callable[[str], np.ndarray]:
    words = (folder / WORDS).read_text(encoding="utf-8").splitlines()
    rows = {word: row for row, word in enumerate(words)}
    if len(np.load(folder / TOKENS, mmap_mode="r", allow_pickle=False)) != len(words):
        raise ValueError(f"{WORDS} and {TOKENS} differ in length")

    def known(text: str) -> np.ndarray:
        found = (rows.get(word, rows.get(word.removesuffix("s"))) for word in words_of(text))
        return np.array([row for row in found if row is not None], np.int64)

    return _sum_of_rows(folder, known)


def words_of(text: str) -> list[str]:
    """The words of canonical text that a word table may hold: runs of letters and digits of any script."""
    return re.findall(r"[^\W_]+", text)


def _sum_of_rows(folder: Path, rows_of: Callable[[str], np.ndarray]) -> Callable[[str], np.ndarray]:
    tokens = np.load(folder / TOKENS, mmap_mode="r", allow_pickle=False)  # only the pages of words that are asked
    scales = np.load(folder / SCALES, allow_pickle=False)

    def embed(words: str) -> np.ndarray:
        rows = rows_of(words)
        sentence: np.ndarray = (tokens[rows] * scales[rows, None].astype(np.float64)).sum(axis=0)
        return sentence

    return embed


def _transformer(folder: Path) -> Callable[[str], np.ndarray]:
    import onnxruntime

    tokenize = _tokenizer(folder / TOKENIZER, special=True)

    options = onnxruntime.SessionOptions()
    # A name has a handful of tokens; without threads of its own the session also survives a fork of its process.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(folder / NETWORK), options, providers=["CPUExecutionProvider"])

    def embed(words: str) -> np.ndarray:
        sentence: np.ndarray = session.run(None, {"input_ids": tokenize(words)[None]})[0][0]
        return sentence

    return embed


_OPENERS: dict[str, Callable[[Path], Callable[[str], np.ndarray]]] = {
    "static": _static,
    "words": _word_table,
    "transformer": _transformer,
}


def _unit_and_remembered(embed: Callable[[str], np.ndarray], dimension: int) -> Callable[[str], np.ndarray]:
    @lru_cache(maxsize=REMEMBERED)
    def unit(words: str) -> np.ndarray:
        values = embed(words)[:dimension].astype(np.float64)
        values = (values / max(float(np.linalg.norm(values)), 1e-12)).astype(np.float32)
        values.flags.writeable = False  # the same array goes to everyone who asks for these words
        return values

    return unit
