# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A table of words that means what a sentence model means, in 64 values of 8 bits a word: 2 MB for 30,000 words.

As model2vec does (Minish Lab, 2024): the model embeds each word alone, principal components keep what differs most, and
a word counts for less the more frequent it is (Arora et al., 2017). The words are whole, so that a robot needs no
tokenizer to look them up.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml

from visual_byte_core.errors import ModelError
from visual_byte_core.files import write_whole
from visual_byte_core.pretrained.sentence_models import load_sentence_transformer, write_tokens
from visual_byte_core.rendering.sentence_encoder import DESCRIPTION, FORMAT, WORDS, SentenceEncoder, open_encoder

SMOOTHING = 1e-4  # frequency at which a word counts half


def write_word_table(
    model: str, words: Sequence[str], frequencies: Sequence[float], dimension: int, out: Path, title: str
) -> SentenceEncoder:
    """Distil a sentence model into a table for `words`, a portable sentence model in the new folder `out`.

    model: folder of sentence-transformers or a name of its hub; frequencies: share of each word in what people write,
    0..1; dimension: values of a word, at most the model's; title: what the table is called.

    Raises:
        ModelError: the model is missing, or `out` is there already or cannot be written.
    """
    if out.exists():
        raise ModelError(f"{out}: is there already; delete it, or name another folder")
    embedded = load_sentence_transformer(model).encode(list(words), batch_size=256, normalize_embeddings=True)
    if not 0 < dimension <= embedded.shape[1]:
        raise ModelError(f"{model}: has {embedded.shape[1]} values, {dimension} were asked for")
    weights = SMOOTHING / (SMOOTHING + np.asarray(frequencies, np.float64))
    centred = embedded - np.average(embedded, axis=0, weights=weights)
    _, _, directions = np.linalg.svd(centred * np.sqrt(weights)[:, None], full_matrices=False)
    table = (centred @ directions[:dimension].T) * weights[:, None]
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        write_tokens(table, temporary)
        write_whole(temporary / WORDS, "".join(f"{word}\n" for word in words).encode())
        description = {"format": FORMAT, "model": title, "kind": "words", "dimension": dimension}
        write_whole(temporary / DESCRIPTION, yaml.safe_dump(description, sort_keys=False).encode())
        open_encoder(temporary)
        temporary.chmod(0o755)  # mkdtemp gives it to this user alone
        temporary.rename(out)
    except OSError as error:
        raise ModelError(f"{out}: cannot be written ({error.strerror}); make room") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return open_encoder(out)
