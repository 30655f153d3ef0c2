# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What it is worth that a query is taken for a taught name, by how near it is to how the name was asked for.

Words that the network never learned are taught in turns, each in one way, and asked for in others; whoever is taken for
somebody else's name, or is a learned name, is a mistake.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visual_byte_core.dataset.perturbation import perturb_text
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.evaluation.embedded_data import embed_words
from visual_byte_core.memory.taught_names import NEARNESS
from visual_byte_core.metrics.labelled import Labelled
from visual_byte_core.metrics.probability_fit import fit_probability
from visual_byte_core.seeding import seeded

ROUNDS = 40
NAMES_TAUGHT = 20
PHOTOS = 300  # in the memory, a room or two


@dataclass(frozen=True)
class NewNames:
    """Words that name none of the photos' classes, as they are taught and as they are asked for then, by word."""

    taught: Labelled
    asked: Labelled


@dataclass
class _Taken:
    """Queries that were taken for a taught name: their cosine to it, whether it was that name, their weight."""

    cosine: list[float]
    right: list[bool]
    weight: list[float]


def typed_again(embedder: Embedder, words: Labelled) -> NewNames:
    """Each word taught as it is, and asked for as somebody may type it who means it.

    So, with an article, in the plural or with a slip.
    """
    changes = (
        lambda w: w,
        lambda w: f"the {w}",
        lambda w: perturb_text(w, "plural"),
        lambda w: perturb_text(w, "typo"),
    )
    typed = [(word, change(word)) for word in words.slugs for change in changes]
    return NewNames(
        words, Labelled(embed_words(embedder, [one for _, one in typed])[0], tuple(word for word, _ in typed))
    )


def spoken_once(clips: Labelled) -> NewNames:
    """Each word taught by its first clip, and asked for by the others; a word of one clip is only asked for."""
    first: dict[str, int] = {}
    for i, word in enumerate(clips.slugs):
        first.setdefault(word, i)
    taught = [i for word, i in first.items() if clips.slugs.count(word) > 1]
    asked = [i for i in range(len(clips.slugs)) if i not in set(taught)]
    return NewNames(_of(clips, taught), _of(clips, asked))


def _of(labelled: Labelled, rows: list[int]) -> Labelled:
    return Labelled(labelled.embeddings[rows], tuple(labelled.slugs[i] for i in rows))


def calibrate_taught(
    kind: str, photos: Labelled, known: NDArray[np.float32], new: NewNames, *, seed: int = 0
) -> dict[str, float] | None:
    """Intercept, slope and ceiling of the probability that a query taken for a taught name asks for it.

    kind: `text` or `audio`. known: queries (n, d) for names that the network learned. Half of what is asked is a taught
    name; of the other half, half are learned names and half are other new words. None if there are too few new words to
    teach one and ask for another.
    """
    words = sorted(set(new.taught.slugs) & set(new.asked.slugs))
    if len(words) < 2:
        return None
    generator = seeded(kind, "taught", seed)
    taken = _Taken([], [], [])
    for _ in range(ROUNDS):
        names = set(generator.permutation(words)[: min(NAMES_TAUGHT, len(words) // 2)])
        shown = photos.embeddings[generator.permutation(len(photos.slugs))[:PHOTOS]]
        _ask(kind, names, shown, known, new, taken)
    if not taken.cosine:
        return None
    right, weight = np.array(taken.right), np.array(taken.weight)
    # Platt's targets (1999): of finitely many that were all right, the next may be wrong.
    targets = np.where(
        right, (right.sum() / ROUNDS + 1) / (right.sum() / ROUNDS + 2), 1 / ((~right).sum() / ROUNDS + 2)
    )
    intercept, slope, ceiling = fit_probability(np.array(taken.cosine), targets, weight)
    return {"intercept": intercept, "score": slope, "ceiling": ceiling}


def _ask(
    kind: str, names: set[str], shown: NDArray[np.float32], known: NDArray[np.float32], new: NewNames, taken: _Taken
) -> None:
    prototypes = [i for i, word in enumerate(new.taught.slugs) if word in names]
    meant = [i for i, word in enumerate(new.asked.slugs) if word in names]
    others = [i for i, word in enumerate(new.asked.slugs) if word not in names]
    asked = np.concatenate([new.asked.embeddings[meant], new.asked.embeddings[others], known])
    words = [*(new.asked.slugs[i] for i in meant), *[""] * (len(others) + len(known))]
    weights = np.repeat(
        [0.5 / len(meant), 0.25 / len(others), 0.25 / max(len(known), 1)], [len(meant), len(others), len(known)]
    )
    to_names = asked @ new.taught.embeddings[prototypes].T
    to_photos = (asked @ shown.T).max(axis=1)
    for row, word, weight, to_photo in zip(to_names, words, weights, to_photos, strict=True):
        best = int(row.argmax())
        if NEARNESS[kind].holds(float(row[best]), float(to_photo)):
            taken.cosine.append(min(1.0, float(row[best])))
            taken.right.append(new.taught.slugs[prototypes[best]] == word)
            taken.weight.append(float(weight))
