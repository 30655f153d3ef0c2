# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""How well scores alone tell a thing that was seen from one that never was.

A query is refused if its best score against the memory lies below a threshold. A false accept is an absent thing that
is not refused; a false refusal is a present thing that is. The more memories there are, the higher the best score of an
absent thing, so thresholds belong to a number of memories.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visual_byte_core.metrics.labelled import Labelled

QUERIES_AT_ONCE = 512


@dataclass(frozen=True)
class BestScores:
    """Best cosine of each query (n,) and the number of memories (n,) it was compared with."""

    scores: NDArray[np.floating]
    memories: NDArray[np.integer]


def present_and_absent(
    queries: Labelled, gallery: Labelled, overlaps: Mapping[str, frozenset[str]]
) -> tuple[BestScores, BestScores]:
    """Best scores of queries whose class is in the gallery, and of the same queries once their class is taken out.

    With the class go the classes that `overlaps` names for it (its broader and narrower names): whoever asks for an
    apple before a Royal Gala is not asking for something absent, and whoever asks for a Royal Gala before an
    unspecified apple may not be. Sister classes stay. Queries that then have nothing left to be compared with are left
    out of the absent ones.

    Raises:
        ValueError: a query's class is not in the gallery.
    """
    classes, numbers = np.unique(gallery.slugs, return_inverse=True)
    missing = sorted(set(queries.slugs) - set(classes))
    if missing:
        raise ValueError(f"not in the gallery: {', '.join(missing)}")
    photos_of = np.bincount(numbers)
    best = _best_by_class(queries.embeddings, gallery.embeddings, numbers)
    left = ~np.array([[other in overlaps.get(slug, (slug,)) for other in classes] for slug in queries.slugs], bool)
    left = left.reshape(len(queries.slugs), len(classes))
    remaining = left @ photos_of
    some = remaining > 0
    present = BestScores(best.max(axis=1), np.full(len(best), len(gallery.slugs)))
    absent = BestScores(np.where(left, best, -np.inf).max(axis=1)[some], remaining[some])
    return present, absent


def all_absent(embeddings: NDArray[np.float32], gallery: Labelled) -> BestScores:
    """Best scores of queries (n, d) for things of which the gallery holds nothing."""
    best = _best_by_class(embeddings, gallery.embeddings, np.zeros(len(gallery.slugs), np.int64))
    return BestScores(best[:, 0], np.full(len(best), len(gallery.slugs)))


def refusal_rates(
    present: BestScores, absent: BestScores, threshold: Callable[[int], float] | None
) -> dict[str, float | int | None]:
    """The report's numbers: far, frr, far_at_frr_05, auroc in 0..1, and n, the number of absent queries.

    `threshold` gives the score, for a number of memories, below which a query is refused; without it far and frr are
    None, and so is everything where there is nothing to count. `far_at_frr_05` is the share of absent queries accepted
    at the highest threshold that refuses at most 5 % of the present ones.
    """
    rates: dict[str, float | int | None] = {
        "far": None, "frr": None, "far_at_frr_05": None, "auroc": None, "n": len(absent.scores)
    }  # fmt: skip
    if threshold is not None and len(absent.scores):
        rates["far"] = 1 - _share_refused(absent, threshold)
    if threshold is not None and len(present.scores):
        rates["frr"] = _share_refused(present, threshold)
    if len(present.scores) and len(absent.scores):
        at_05 = np.sort(present.scores)[int(0.05 * len(present.scores) + 1e-9)]
        rates["far_at_frr_05"] = float(np.mean(absent.scores >= at_05))
        rates["auroc"] = auroc(present.scores, absent.scores)
    return rates


def auroc(present: NDArray[np.floating], absent: NDArray[np.floating]) -> float:
    """Chance that a present query scores above an absent one, ties counting half (Mann-Whitney's U)."""
    order = np.sort(present)
    below = np.searchsorted(order, absent, "left")
    at_most = np.searchsorted(order, absent, "right")
    return float(1 - np.mean((below + at_most) / 2) / len(order))


def false_rates_by_threshold(
    present: NDArray[np.floating],
    absent: NDArray[np.floating],
    thresholds: NDArray[np.floating],
    absent_weights: NDArray[np.floating] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares of absent scores accepted and of present scores refused at each threshold: (t,), (t,)."""
    weights = np.ones(len(absent)) if absent_weights is None else absent_weights
    order = np.argsort(absent)
    below = np.concatenate([[0.0], np.cumsum(weights[order])])
    far = 1 - below[np.searchsorted(absent[order], thresholds, "left")] / below[-1]
    frr = np.searchsorted(np.sort(present), thresholds, "left") / len(present)
    return np.clip(far, 0, 1), frr


def _share_refused(best: BestScores, threshold: Callable[[int], float]) -> float:
    sizes, which = np.unique(best.memories, return_inverse=True)
    thresholds = np.array([threshold(int(size)) for size in sizes])
    return float(np.mean(best.scores < thresholds[which]))


def _best_by_class(
    queries: NDArray[np.float32], gallery: NDArray[np.float32], numbers: NDArray[np.integer]
) -> NDArray[np.float32]:
    """Best score of each query against each class 0..c-1 of the gallery: (n, c)."""
    order = np.argsort(numbers, kind="stable")
    starts = np.searchsorted(numbers[order], np.arange(numbers.max(initial=-1) + 1))
    arranged = gallery[order].T
    best = np.empty((len(queries), len(starts)), np.float32)
    for first in range(0, len(queries), QUERIES_AT_ONCE):
        rows = slice(first, first + QUERIES_AT_ONCE)
        best[rows] = np.maximum.reduceat(queries[rows] @ arranged, starts, axis=1)
    return best
