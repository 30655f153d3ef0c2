# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a calibration keeps what it promises, on memories drawn from photos that it was not made with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visual_byte_core.bundle.score_calibration import ScoreCalibration
from visual_byte_core.metrics.drawn_memories import Samples
from visual_byte_core.metrics.rejection import auroc

RATES = (0.05, 0.1, 0.3)
BINS = 10


def refusal_rows(samples: Mapping[str, Mapping[int, Samples]], calibration: ScoreCalibration) -> list[dict[str, Any]]:
    """Errors of refusal and of probability, a row for each kind of query and number of memories.

    Returns:
        Rows of `asked` (kind), `memories`, `calibration_error`; `auroc` {known, never}: of things that are there
        against known names that are absent, and against strange words; `known`, `never`, `refused`: at each of RATES
        the shares of both that are taken for found, and of things there that are refused. None where there is nothing
        to count.
    """
    rows = []
    for kind, sizes in samples.items():
        for size, sample in sizes.items():
            present, known, never = (np.concatenate(s) for s in (sample.present, sample.absent, sample.never))
            thresholds = [calibration.threshold(kind, size, rate) for rate in RATES]
            rows.append(
                {
                    "asked": kind,
                    "memories": size,
                    "auroc": {name: _auroc(present, absent) for name, absent in (("known", known), ("never", never))},
                    "known": [_share(known >= threshold) for threshold in thresholds],
                    "never": [_share(never >= threshold) for threshold in thresholds],
                    "refused": [_share(present < threshold) for threshold in thresholds],
                    "calibration_error": round(calibration_error(sample, calibration, kind, size), 4),
                }
            )
    return rows


def calibration_bins(
    sample: Samples, calibration: ScoreCalibration, kind: str, size: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """For ten equal bins of the probability of the best match: its mean, the share that is right, the weight."""
    scores, right, weights = sample.best_matches()
    probability = np.array([calibration.probability(kind, float(score), size) for score in scores])
    bins = np.minimum((probability * BINS).astype(int), BINS - 1)
    weight = np.bincount(bins, weights, BINS).astype(np.float64)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(bins, weights * probability, BINS) / weight
        return mean, np.bincount(bins, weights * right, BINS) / weight, weight


def calibration_error(sample: Samples, calibration: ScoreCalibration, kind: str, size: int) -> float:
    """Expected calibration error (Naeini et al., AAAI 2015) of the best match, half of the things being absent."""
    mean, right, weight = calibration_bins(sample, calibration, kind, size)
    return float(np.nansum(weight * np.abs(mean - right)) / weight.sum())


def _auroc(present: NDArray[np.floating], absent: NDArray[np.floating]) -> float | None:
    return round(auroc(present, absent), 4) if len(present) and len(absent) else None


def _share(flags: NDArray[np.bool_]) -> float | None:
    return round(float(flags.mean()), 4) if len(flags) else None
