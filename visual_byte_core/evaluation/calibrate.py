# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Setting the thresholds of "not found" and what a score is worth.

From photos and queries that no reported number uses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visual_byte_core.evaluation.calibrate_taught import NewNames, calibrate_taught
from visual_byte_core.metrics.drawn_memories import Samples, ask_drawn_memories
from visual_byte_core.metrics.labelled import Labelled
from visual_byte_core.metrics.probability_fit import fit_probability
from visual_byte_core.metrics.rejection import false_rates_by_threshold

FALSE_ACCEPT_RATES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
CURVE_SIZE = 300  # a room or two
CURVE_POINTS = 41


def calibrate(
    photos: Labelled,
    queries: Mapping[str, Labelled],
    never_trained: Mapping[str, NDArray[np.float32]],
    overlaps: Mapping[str, frozenset[str]],
    *,
    new_names: Mapping[str, NewNames] | None = None,
    seed: int = 0,
    progress: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """The bundle's calibration, by kind of query; arguments and errors as `ask_drawn_memories`.

    new_names: words to teach, by kind of query; without them nothing is said of taught names.
    Returns for each kind
        `memories [m]`, `false_accept_rates [f]`, `thresholds [m][f]`: the cosine below which a query is refused,
        probability {intercept [m], score [m], ceiling [m]}: for each number of memories, the chance that the best
            match is of the class asked, where half of the things are absent; see `fit_probability`,
        taught {intercept, score, ceiling}: the same of a query that is taken for a taught name; see `calibrate_taught`,
        `false_refusals [m][f]`: the share of present things that the thresholds refuse,
        curve {memories, threshold, far, frr} at about 300 memories.
    """
    asked = ask_drawn_memories(photos, queries, never_trained, overlaps, seed=seed, progress=progress)
    calibration = {kind: _summary(samples) for kind, samples in asked.items()}
    for kind, new in (new_names or {}).items():
        taught = calibrate_taught(kind, photos, queries[kind].embeddings, new, seed=seed)
        if taught:
            calibration[kind]["taught"] = taught
    return calibration


def _summary(samples: Mapping[int, Samples]) -> dict[str, Any]:
    sizes = list(samples)
    rows = []
    for size in sizes:
        absent, weights = samples[size].absent_scores()
        rows.append([_threshold(absent, weights, rate) for rate in FALSE_ACCEPT_RATES])
    # More memories can only raise the best score of an absent thing; what says otherwise is the luck of the draw.
    thresholds = np.ceil(np.maximum.accumulate(np.array(rows), axis=0) * 1e4) / 1e4  # never a score too low
    return {
        "memories": sizes,
        "false_accept_rates": list(FALSE_ACCEPT_RATES),
        "thresholds": thresholds.tolist(),
        "false_refusals": [
            _shares_below(samples[size].present, row) for size, row in zip(sizes, thresholds, strict=True)
        ],
        "probability": _fit_probability(samples.values()),
        "curve": _curve(samples, min(sizes, key=lambda size: abs(math.log(size / CURVE_SIZE)))),
    }


def _shares_below(present: Sequence[NDArray[np.float32]], thresholds: NDArray[np.float64]) -> list[float]:
    scores = np.sort(np.concatenate(present))
    shares: list[float] = np.round(np.searchsorted(scores, thresholds, "left") / max(len(scores), 1), 4).tolist()
    return shares


def _threshold(absent: NDArray[np.float32], weights: NDArray[np.float64], rate: float) -> float:
    """The lowest threshold that accepts at most `rate` of the weight: just above the first score too many."""
    order = np.argsort(-absent)
    accepted = np.cumsum(weights[order]) / weights.sum()
    first_too_many = int(np.searchsorted(accepted, rate, "right"))
    return float(absent[order[min(first_too_many, len(order) - 1)]]) + 1e-6


def _curve(samples: Mapping[int, Samples], size: int) -> dict[str, Any]:
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


def _fit_probability(samples: Iterable[Samples]) -> dict[str, list[float]]:
    fitted = [fit_probability(*sample.best_matches()) for sample in samples]
    return {key: [one[i] for one in fitted] for i, key in enumerate(("intercept", "score", "ceiling"))}
