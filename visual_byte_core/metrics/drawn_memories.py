# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Memories of several sizes drawn from photos, and what queries score before each of them.

Each query is asked once as it is, and once with the photos of its class replaced by others, so that what it names is
absent. Words that name none of the photos' classes are absent from all memories. Both kinds of absence weigh the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from visual_byte_core.errors import DataError
from visual_byte_core.metrics.labelled import Labelled
from visual_byte_core.seeding import seeded

SIZES = (10, 30, 100, 300, 1000, 3000, 10_000)  # memories
MEMORIES_DRAWN = 200
PHOTOS_DRAWN = 6000  # of a size, in all its memories: of the small ones so many are drawn that chance does not matter
MIN_DRAWN = 20
VIEWS = (1, 3, 10)  # photos of one thing in a memory: seen in passing, or lived with
MAX_QUERIES = 600  # of a kind: beyond, only time grows
MAX_PHOTOS = 12_000


@dataclass
class Samples:
    """Best scores at one size of memory, a part for each memory drawn.

    present, with `right`: whether the best match is of the class asked for;

    Attributes:
        absent: known names, their class taken out.
        never: words that name none of the classes.
    """

    present: list[NDArray[np.float32]] = field(default_factory=list)
    right: list[NDArray[np.bool_]] = field(default_factory=list)
    absent: list[NDArray[np.float32]] = field(default_factory=list)
    never: list[NDArray[np.float32]] = field(default_factory=list)

    def absent_scores(self) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """All absent scores, and weights of sum 1 that give both kinds of absence the same say."""
        kinds = [np.concatenate(kind) for kind in (self.absent, self.never) if sum(map(len, kind))]
        weights = [np.full(len(kind), 1 / len(kind) / len(kinds)) for kind in kinds]
        return np.concatenate(kinds), np.concatenate(weights)

    def best_matches(self) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float64]]:
        """Score of the best match, whether it is right, and weights of sum 1; half of the things are absent."""
        present, right = np.concatenate(self.present), np.concatenate(self.right)
        absent, weights = self.absent_scores()
        return (
            np.concatenate([present, absent]),
            np.concatenate([right, np.zeros(len(absent), bool)]),
            np.concatenate([np.full(len(present), 0.5 / max(len(present), 1)), 0.5 * weights]),
        )


def ask_drawn_memories(
    photos: Labelled,
    queries: Mapping[str, Labelled],
    never: Mapping[str, NDArray[np.float32]],
    overlaps: Mapping[str, frozenset[str]],
    *,
    seed: int = 0,
    progress: Callable[[], object] = lambda: None,
) -> dict[str, dict[int, Samples]]:
    """What each kind of query scores, by kind and number of memories.

    Args:
        photos: what memories are drawn from; they are also the queries of the kind `image`.
        queries: of the kinds `text` and `audio`, with the class each names.
        never: embeddings (n, d) of words that name none of the photos' classes, by kind; a kind may lack.
        overlaps: slug -> slugs that may name the same thing.
        progress: called MEMORIES_DRAWN times for each kind, `image` included.

    Raises:
        DataError: the photos are too few, or nothing that is asked for is in them.
    """
    photos = _drawn(photos, MAX_PHOTOS, seeded("photos", seed))
    sizes = _sizes(photos, overlaps)
    asked = {kind: labelled for kind, labelled in queries.items() if kind != "image" and len(labelled.slugs)}
    samples = {}
    for kind, labelled in (asked | {"image": photos}).items():
        drawn = _drawn(labelled, MAX_QUERIES, seeded(kind, seed))
        generator = seeded(kind, "galleries", seed)
        samples[kind] = _ask(photos, drawn, never.get(kind), overlaps, sizes, generator, progress)
    return samples


def _ask(
    photos: Labelled,
    queries: Labelled,
    never: NDArray[np.float32] | None,
    overlaps: Mapping[str, frozenset[str]],
    sizes: list[int],
    generator: np.random.Generator,
    progress: Callable[[], object],
) -> dict[int, Samples]:
    if not set(queries.slugs) & set(photos.slugs):
        raise DataError(f"no query names a class of the {len(photos.slugs)} photos; are the slugs the same?")
    scores = queries.embeddings @ photos.embeddings.T
    # A photo that asks must not find itself; between text or speech and a photo nothing is that near.
    itself = scores > 1 - 1e-5
    classes, photo_class = np.unique(photos.slugs, return_inverse=True)
    own = np.array(queries.slugs)[:, None] == classes[None, :]
    same = np.array([[other in overlaps.get(slug, (slug,)) for other in classes] for slug in queries.slugs], bool)
    never_scores = np.empty((0, len(photos.slugs)), np.float32) if never is None else never @ photos.embeddings.T
    samples = {size: Samples() for size in sizes}
    most_same = int((same[:, photo_class] | itself).sum(axis=1).max())
    for number in range(MEMORIES_DRAWN):
        asked = {size: sample for size, sample in samples.items() if number < _memories_of(size)}
        order = _memory_order(photo_class, int(generator.choice(VIEWS)), generator)[: max(asked) + most_same]
        columns = photo_class[order]
        _ask_present(asked, scores[:, order], own[:, columns], itself[:, order])
        _ask_absent(asked, scores[:, order], same[:, columns] | itself[:, order])
        for size, sample in asked.items():
            sample.never.append(never_scores[:, order[:size]].max(axis=1, initial=-1.0))
        progress()
    return samples


def _memories_of(size: int) -> int:
    """How many memories of a size are drawn."""
    return min(max(MIN_DRAWN, PHOTOS_DRAWN // size), MEMORIES_DRAWN)


def _ask_present(
    samples: Mapping[int, Samples],
    scores: NDArray[np.float32],
    own: NDArray[np.bool_],
    itself: NDArray[np.bool_],
) -> None:
    usable = np.where(itself, np.float32(-np.inf), scores)
    for size, sample in samples.items():
        there = (own & ~itself)[:, :size].any(axis=1)
        shown = usable[there, :size]
        best = shown.argmax(axis=1)
        sample.present.append(shown[np.arange(len(best)), best])
        sample.right.append(own[np.flatnonzero(there), best])


def _ask_absent(samples: Mapping[int, Samples], scores: NDArray[np.float32], same: NDArray[np.bool_]) -> None:
    """Ask each query of the first `size` memories that are not of its class: the size stays, whatever was left out."""
    others = np.cumsum(~same, axis=1, dtype=np.int32)
    best_so_far = np.maximum.accumulate(np.where(same, np.float32(-np.inf), scores), axis=1)
    for size, sample in samples.items():
        last = np.minimum((others < size).sum(axis=1), others.shape[1] - 1)
        sample.absent.append(best_so_far[np.arange(len(last)), last])


def _memory_order(photo_class: NDArray[np.integer], views: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Photos in the order in which a robot might have met them: class after class, `views` photos of each, then on."""
    shuffled = generator.permutation(len(photo_class))
    seen: dict[int, int] = {}
    turns = np.empty(len(photo_class), np.int64)
    for photo in shuffled:
        turns[photo] = seen.get(photo_class[photo], 0) // views
        seen[photo_class[photo]] = seen.get(photo_class[photo], 0) + 1
    class_order = generator.permutation(int(photo_class.max()) + 1)
    return shuffled[np.lexsort((class_order[photo_class[shuffled]], turns[shuffled]))]


def _sizes(photos: Labelled, overlaps: Mapping[str, frozenset[str]]) -> list[int]:
    """The sizes that the photos can fill when any one class is left out; the last is all that they can."""
    counts = {slug: photos.slugs.count(slug) for slug in set(photos.slugs)}
    most_left_out = max((sum(counts.get(s, 0) for s in overlaps.get(slug, (slug,))) for slug in counts), default=0)
    max_count = len(photos.slugs) - most_left_out
    if max_count < SIZES[0]:
        raise DataError(
            f"{len(photos.slugs)} calibration photos of {len(counts)} classes: too few; give at least {SIZES[0]} photos"
            " beside those of any one class"
        )
    sizes = [size for size in SIZES if size <= max_count]
    return sizes + [max_count] * (sizes[-1] < max_count < SIZES[-1])


def _drawn(labelled: Labelled, max_count: int, generator: np.random.Generator) -> Labelled:
    if len(labelled.slugs) <= max_count:
        return labelled
    kept = np.sort(generator.choice(len(labelled.slugs), max_count, replace=False))
    return Labelled(labelled.embeddings[kept], tuple(labelled.slugs[i] for i in kept))
