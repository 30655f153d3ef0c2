# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Setting the thresholds of "not found": from photos and queries that no reported number uses.

Memories of several sizes are drawn from the calibration photos, and every query is asked of each: once as it is, and
once with the photos of its class replaced by others, so that what it names is absent. Words that name none of the
photos' classes are absent from all of them. Both kinds of absence weigh the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visual_byte_core.errors import DataError
from visual_byte_core.evaluation.perturb import seeded
from visual_byte_core.evaluation.rejection import Labelled, false_rates_by_threshold

SIZES = (10, 30, 100, 300, 1000, 3000, 10_000)  # memories
FALSE_ACCEPT_RATES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
MEMORIES_PER_SIZE = 20
VIEWS = (1, 3, 10)  # photos of one thing in a memory: seen in passing, or lived with
MOST_QUERIES = 600  # of a kind: beyond, only time grows
MOST_PHOTOS = 12_000
CURVE_SIZE = 300  # a room or two
CURVE_POINTS = 41
RANKS = 3  # the best matches that a probability is fitted to


@dataclass
class _Samples:
    """What was seen at one size: best scores, and (score, right or wrong) of the nearest memories."""

    present: list[NDArray[np.float32]]
    absent: list[NDArray[np.float32]]
    never: list[NDArray[np.float32]]
    nearest: list[tuple[NDArray[np.float32], NDArray[np.bool_], bool]]  # scores, right, whether the thing was absent

    def absent_scores(self) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """All absent scores with weights that give both kinds of absence the same say."""
        kinds = [np.concatenate(kind) for kind in (self.absent, self.never) if sum(map(len, kind))]
        return np.concatenate(kinds), np.concatenate([np.full(len(kind), 1 / len(kind)) for kind in kinds])


def calibrate(
    photos: Labelled,
    queries: Mapping[str, Labelled],
    never_trained: Mapping[str, NDArray[np.float32]],
    overlaps: Mapping[str, frozenset[str]],
    *,
    seed: int = 0,
    progress: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """The bundle's calibration, by kind of query.

    photos: what memories are drawn from; they are also the queries of the kind `image`.
    queries: of the kinds `text` and `audio`, with the class each names. never_trained: embeddings (n, d) of words that
    name none of the photos' classes, by kind; a kind may lack. overlaps: slug -> slugs that may name the same thing.
    progress: called MEMORIES_PER_SIZE times for each kind, `image` included.

    Returns for each kind
        memories [m], false_accept_rates [f], thresholds [m][f]: the cosine below which a query is refused,
        probability {intercept, score, log_memories}: logistic regression of "this match is of the class asked" on the
        cosine
            of a match among the best three and the natural logarithm of the memories, where half of the things are
            absent,
        curve {memories, threshold, far, frr} at about 300 memories.

    Raises DataError if the photos are too few, or if nothing that is asked for is in them.
    """
    photos = _drawn(photos, MOST_PHOTOS, seeded("photos", seed))
    sizes = _sizes(photos, overlaps)
    asked = {kind: _drawn(labelled, MOST_QUERIES, seeded(kind, seed)) for kind, labelled in queries.items()}
    calibration = {
        kind: _calibrate_kind(
            photos, labelled, never_trained.get(kind), overlaps, sizes, seeded(kind, "galleries", seed), progress
        )
        for kind, labelled in asked.items()
        if kind != "image" and len(labelled.slugs)
    }
    pictured = _drawn(photos, MOST_QUERIES, seeded("image", seed))
    calibration["image"] = _calibrate_kind(
        photos, pictured, never_trained.get("image"), overlaps, sizes, seeded("image", "galleries", seed), progress
    )
    return calibration


def _calibrate_kind(
    photos: Labelled,
    queries: Labelled,
    never: NDArray[np.float32] | None,
    overlaps: Mapping[str, frozenset[str]],
    sizes: list[int],
    generator: np.random.Generator,
    progress: Callable[[], object],
) -> dict[str, Any]:
    if not set(queries.slugs) & set(photos.slugs):
        raise DataError(
            f"no query names a class of the {len(photos.slugs)} calibration photos; are the slugs the same?"
        )
    scores = queries.embeddings @ photos.embeddings.T
    # A photo that asks must not find itself; between text or speech and a photo nothing is that near.
    itself = scores > 1 - 1e-5
    classes, photo_class = np.unique(photos.slugs, return_inverse=True)
    own = np.array(queries.slugs)[:, None] == classes[None, :]
    same = np.array([[other in overlaps.get(slug, (slug,)) for other in classes] for slug in queries.slugs], bool)
    never_scores = np.empty((0, len(photos.slugs)), np.float32)
    if never is not None and len(never):
        never_scores = never @ photos.embeddings.T
    samples = {size: _Samples([], [], [], []) for size in sizes}
    for _ in range(MEMORIES_PER_SIZE):
        order = _memory_order(photo_class, int(generator.choice(VIEWS)), generator)
        columns = photo_class[order]
        _ask_present(samples, scores[:, order], own[:, columns], same[:, columns], itself[:, order])
        _ask_absent(samples, scores[:, order], same[:, columns] | itself[:, order])
        for size, sample in samples.items():
            sample.never.append(never_scores[:, order[:size]].max(axis=1, initial=-1.0))
            _add_nearest(sample, never_scores[:, order[:size]], np.zeros((len(never_scores), size), bool), absent=True)
        progress()
    return _summary(samples)


def _ask_present(
    samples: Mapping[int, _Samples],
    scores: NDArray[np.float32],
    own: NDArray[np.bool_],
    same: NDArray[np.bool_],
    itself: NDArray[np.bool_],
) -> None:
    usable = np.where(itself, -np.inf, scores)
    for size, sample in samples.items():
        there = (own & ~itself)[:, :size].any(axis=1)
        sample.present.append(usable[there, :size].max(axis=1, initial=-1.0))
        # Whether a photo of a broader or narrower name is right, nobody can say: it does not speak on probabilities.
        judged = np.where((same & ~own)[:, :size], -np.inf, usable[:, :size])
        _add_nearest(sample, judged[there], own[there, :size], absent=False)


def _ask_absent(samples: Mapping[int, _Samples], scores: NDArray[np.float32], same: NDArray[np.bool_]) -> None:
    """Ask each query of the first `size` memories that are not of its class: the size stays, whatever was left out."""
    others = np.cumsum(~same, axis=1, dtype=np.int32)
    usable = np.where(same, -np.inf, scores)
    for size, sample in samples.items():
        shown = np.where(others <= size, usable, -np.inf)
        sample.absent.append(shown.max(axis=1))
        _add_nearest(sample, shown, np.zeros(shown.shape, bool), absent=True)


def _add_nearest(sample: _Samples, scores: NDArray[np.float32], right: NDArray[np.bool_], *, absent: bool) -> None:
    if not len(scores):
        return
    best = np.argpartition(-scores, RANKS - 1, axis=1)[:, :RANKS]
    chosen, correct = np.take_along_axis(scores, best, 1).ravel(), np.take_along_axis(right, best, 1).ravel()
    known = np.isfinite(chosen)
    sample.nearest.append((chosen[known], correct[known], absent))


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


def _summary(samples: Mapping[int, _Samples]) -> dict[str, Any]:
    sizes = list(samples)
    rows = []
    for size in sizes:
        absent, weights = samples[size].absent_scores()
        rows.append([_threshold(absent, weights, rate) for rate in FALSE_ACCEPT_RATES])
    # More memories can only raise the best score of an absent thing; what says otherwise is the luck of the draw.
    thresholds = np.maximum.accumulate(np.array(rows), axis=0)
    return {
        "memories": sizes,
        "false_accept_rates": list(FALSE_ACCEPT_RATES),
        "thresholds": (np.ceil(thresholds * 1e4) / 1e4).tolist(),  # never a score too low
        "probability": _fit_probability(samples),
        "curve": _curve(samples, min(sizes, key=lambda size: abs(math.log(size / CURVE_SIZE)))),
    }


def _threshold(absent: NDArray[np.float32], weights: NDArray[np.float64], rate: float) -> float:
    """The lowest threshold that accepts at most `rate` of the weight: just above the first score too many."""
    order = np.argsort(-absent)
    accepted = np.cumsum(weights[order]) / weights.sum()
    first_too_many = int(np.searchsorted(accepted, rate, "right"))
    return float(absent[order[min(first_too_many, len(order) - 1)]]) + 1e-6


def _curve(samples: Mapping[int, _Samples], size: int) -> dict[str, Any]:
    present = np.concatenate(samples[size].present)
    absent, weights = samples[size].absent_scores()
    thresholds = np.linspace(min(present.min(), absent.min()), max(present.max(), absent.max()) + 1e-4, CURVE_POINTS)
    far, frr = false_rates_by_threshold(present, absent, thresholds, weights)
    return {
        "memories": size,
        "threshold": np.round(thresholds, 4).tolist(),
        "far": np.round(far, 4).tolist(),
        "frr": np.round(frr, 4).tolist(),
    }


def _fit_probability(samples: Mapping[int, _Samples]) -> dict[str, float]:
    """Weighted logistic regression by Newton's method; the small ridge keeps perfectly separated classes finite."""
    parts = [(scores, right, absent, size) for size, s in samples.items() for scores, right, absent in s.nearest]
    score = np.concatenate([scores for scores, _, _, _ in parts]).astype(np.float64)
    right = np.concatenate([right for _, right, _, _ in parts]).astype(np.float64)
    log_memories = np.concatenate([np.full(len(scores), math.log(size)) for scores, _, _, size in parts])
    totals = {kind: sum(len(scores) for scores, _, absent, _ in parts if absent == kind) for kind in (False, True)}
    weights = np.concatenate([np.full(len(scores), 0.5 / totals[absent]) for scores, _, absent, _ in parts])
    inputs = np.stack([np.ones_like(score), score, log_memories], axis=1)
    ridge = np.diag([0.0, 1e-6, 1e-6])
    coefficients = np.zeros(3)
    for _ in range(50):
        probability = 1 / (1 + np.exp(-np.clip(inputs @ coefficients, -30, 30)))
        gradient = inputs.T @ (weights * (right - probability)) - ridge @ coefficients
        curvature = (inputs * (weights * probability * (1 - probability))[:, None]).T @ inputs + ridge
        step = np.linalg.solve(curvature + 1e-12 * np.eye(3), gradient)
        coefficients += step
        if np.abs(step).max() < 1e-8:
            break
    return dict(zip(("intercept", "score", "log_memories"), np.round(coefficients, 5).tolist(), strict=True))


def _sizes(photos: Labelled, overlaps: Mapping[str, frozenset[str]]) -> list[int]:
    """The sizes that the photos can fill when any one class is left out; the last is all that they can."""
    counts = {slug: photos.slugs.count(slug) for slug in set(photos.slugs)}
    most_left_out = max((sum(counts.get(s, 0) for s in overlaps.get(slug, (slug,))) for slug in counts), default=0)
    most = len(photos.slugs) - most_left_out
    if most < SIZES[0]:
        raise DataError(
            f"{len(photos.slugs)} calibration photos of {len(counts)} classes: too few; give at least {SIZES[0]} photos"
            " beside those of any one class"
        )
    sizes = [size for size in SIZES if size <= most]
    return sizes + [most] * (sizes[-1] < most < SIZES[-1])


def _drawn(labelled: Labelled, most: int, generator: np.random.Generator) -> Labelled:
    if len(labelled.slugs) <= most:
        return labelled
    kept = np.sort(generator.choice(len(labelled.slugs), most, replace=False))
    return Labelled(labelled.embeddings[kept], tuple(labelled.slugs[i] for i in kept))
