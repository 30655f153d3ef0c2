# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Words that mean nothing, from the letters of those that do: what a robot must learn not to find.

A network that is only ever shown names that have photos puts every other word on top of one of them. Invented words are
negatives that belong to no thing, so that no real word, which a user may well ask for, is taught to be absent.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

ORDER = 3


def pseudo_words(names: list[str], count: int, seed: int = 0) -> list[str]:
    """`count` distinct invented names of one or two words, each letter drawn after the two before it as in `names`."""
    generator = np.random.default_rng(seed)
    following: dict[str, list[str]] = defaultdict(list)
    words = sorted({word for name in names for word in name.lower().split()})
    for word in words:
        marked = "^" * (ORDER - 1) + word + "$"
        for i in range(len(word) + 1):
            following[marked[i : i + ORDER - 1]].append(marked[i + ORDER - 1])
    invented: list[str] = []
    known = set(words)
    while len(invented) < count:
        word = _one_word(following, generator)
        if 4 <= len(word) <= 10 and word not in known:
            known.add(word)
            # One in three goes with a real word, as in "green bananet": half a name known is no name known.
            partner = str(generator.choice(words))
            invented.append(f"{partner} {word}" if generator.random() < 1 / 3 else word)
    return invented


def _one_word(following: dict[str, list[str]], generator: np.random.Generator) -> str:
    word = "^" * (ORDER - 1)
    while not word.endswith("$") and len(word) < 20:
        choices = following[word[-(ORDER - 1) :]]
        word += choices[int(generator.integers(len(choices)))]
    return word.strip("^$")
