# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Words that mean nothing, from the letters of those that do: what a robot must learn not to find.

A network that is only ever shown names that have photos puts every other word on top of one of them. Invented words are
negatives that belong to no thing, so that no real word, which a user may well ask for, is taught to be absent.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from visual_byte_core.errors import DataError
from visual_byte_core.names import ClassName, slugify

FEW_WORDS = 50
ATTEMPTS_A_WORD = 200

log = logging.getLogger("visual_byte")


def pseudo_words(names: list[str], count: int, seed: int = 0) -> list[str]:
    """`count` distinct invented names of one or two words, each letter drawn after those before it as in `names`.

    Raises:
        DataError: the names have too few letters in common to invent so many.
    """
    generator = np.random.default_rng(seed)
    words = sorted({word for name in names for word in name.lower().split()})
    order = 2 if len(words) >= FEW_WORDS else 1  # letters that decide the next one: few words have few pairs in common
    following: dict[str, list[str]] = defaultdict(list)
    for word in words:
        marked = "^" * order + word + "$"
        for i in range(len(word) + 1):
            following[marked[i : i + order]].append(marked[i + order])
    invented: list[str] = []
    known = set(words)
    for _ in range(ATTEMPTS_A_WORD * count):
        if len(invented) == count:
            break
        word = _one_word(following, order, generator)
        if 4 <= len(word) <= 10 and word not in known:
            known.add(word)
            # One in three goes with a real word, as in "green bananet": half a name known is no name known.
            partner = str(generator.choice(words))
            invented.append(f"{partner} {word}" if generator.random() < 1 / 3 else word)
    if len(invented) < count:
        raise DataError(f"pseudo_words: {len(names)} names give {len(invented)} invented words, not {count}; lower it")
    return invented


def read_words(path: str | Path, names: Iterable[ClassName]) -> list[str]:
    """The words of a file, one a line; those that are a spelling of a name, reserved ones too, are left out and told.

    Raises DataError if the file cannot be read, or no word is left.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as UTF-8 text with a word a line ({error})") from error
    spellings = {slugify(word) for name in names for word in (name.en, *name.synonyms, *name.reserved)}
    words = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    kept = [word for word in words if slugify(word) not in spellings]
    if not kept:
        raise DataError(f"{path}: holds no word that is no name; expected a word a line")
    if len(kept) < len(words):
        log.warning("%s: %d of %d words are names and are left out", path, len(words) - len(kept), len(words))
    return kept


def _one_word(following: dict[str, list[str]], order: int, generator: np.random.Generator) -> str:
    word = "^" * order
    while not word.endswith("$") and len(word) < 20:
        choices = following[word[-order:]]
        word += choices[int(generator.integers(len(choices)))]
    return word.strip("^$")
