# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Fitting how likely a match is right, by its score: a logistic function that rises to a ceiling.

With a ceiling, because among many memories the best score of an absent thing may be as high as any.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CEILINGS = np.arange(1.0, 0.495, -0.02)
STEP = 1e-3  # of the cosine: nearer scores are taken together
MAX_STEPS = 100


def fit_probability(
    score: NDArray[np.floating], right: NDArray[np.bool_ | np.floating], weights: NDArray[np.floating]
) -> tuple[float, float, float]:
    """Intercept, slope and ceiling of ceiling / (1 + exp(-intercept - slope * score)), by greatest likelihood.

    score (n,): cosines. right (n,): whether it was, or 0..1. weights (n,): of any sum above 0.
    """
    bins = np.round((score.astype(np.float64) + 1) / STEP).astype(np.int64)
    weight = np.bincount(bins, weights)
    hit = np.bincount(bins, weights * right)
    some = np.flatnonzero(weight)
    scores = np.asarray(some * STEP - 1.0, np.float64)
    weight, share = weight[some] / weight.sum(), hit[some] / weight[some]
    fitted = [(ceiling, *_fit(scores, share, weight, ceiling)) for ceiling in CEILINGS]
    ceiling, _, coefficients = max(fitted, key=lambda one: one[1])
    return round(float(coefficients[0]), 5), round(float(coefficients[1]), 5), round(float(ceiling), 5)


def _fit(
    scores: NDArray[np.float64], share: NDArray[np.float64], weight: NDArray[np.float64], ceiling: float
) -> tuple[float, NDArray[np.float64]]:
    """Mean log-likelihood and coefficients under a ceiling, by Fisher's scoring with halved steps.

    The small ridge keeps perfectly separated classes finite.
    """
    inputs = np.stack([np.ones(len(scores)), scores], axis=1)
    ridge = np.diag([1e-9, 1e-6])

    def likelihood(coefficients: NDArray[np.float64]) -> float:
        p = _probability(inputs @ coefficients, ceiling)
        gain = weight @ (share * np.log(p) + (1 - share) * np.log1p(-p))
        return float(gain - coefficients @ ridge @ coefficients / 2)

    coefficients = np.zeros(2)
    best = likelihood(coefficients)
    for _ in range(MAX_STEPS):
        p = _probability(inputs @ coefficients, ceiling)
        rise = p * (1 - p / ceiling)  # derivative of the probability by the log-odds
        gradient = inputs.T @ (weight * (share - p) * rise / (p * (1 - p))) - ridge @ coefficients
        curvature = (inputs * (weight * rise**2 / (p * (1 - p)))[:, None]).T @ inputs + ridge
        step = np.linalg.solve(curvature, gradient)
        while (reached := likelihood(coefficients + step)) < best and np.abs(step).max() > 1e-7:
            step = step / 2
        if reached <= best + 1e-12:
            break
        coefficients, best = coefficients + step, reached
    return best, coefficients


def _probability(log_odds: NDArray[np.float64], ceiling: float) -> NDArray[np.float64]:
    return np.clip(ceiling / (1 + np.exp(-np.clip(log_odds, -30, 30))), 1e-9, 1 - 1e-9)
