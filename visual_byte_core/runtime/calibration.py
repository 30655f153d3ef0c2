# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What a bundle knows of its own scores: from which cosine on a thing counts as found, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from visual_byte_core.errors import BundleError


@dataclass(frozen=True)
class ModalityCalibration:
    """One kind of query.

    memories (m,) and false_accept_rates (f,) ascending; thresholds (m, f): the cosine from which on a match counts.
    intercept, score, log_memories: logistic regression of "this match is right" on the cosine and ln(memories).
    """

    memories: tuple[float, ...]
    false_accept_rates: tuple[float, ...]
    thresholds: tuple[tuple[float, ...], ...]
    intercept: float
    score: float
    log_memories: float


@dataclass(frozen=True)
class Calibration:
    """The calibration of a bundle, per kind of query (`text`, `audio`, `image`)."""

    modalities: Mapping[str, ModalityCalibration]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Calibration:
        """Read the `calibration` of `bundle.yaml`. Raises BundleError if it is not one."""
        return cls({modality: _read_modality(modality, values) for modality, values in data.items()})

    def threshold(self, modality: str, memories: int, false_accept_rate: float) -> float:
        """The cosine from which on a match counts as found.

        memories: how many are searched. false_accept_rate: 0..1, share of absent things that may be taken for found.
        Linear in the logarithms of both between the calibrated points, the nearest point's value beyond them.
        Raises BundleError if the bundle is not calibrated for `modality`.
        """
        values = self._of(modality)
        rates = np.log(values.false_accept_rates)
        at_rate = [np.interp(math.log(max(false_accept_rate, 1e-9)), rates, row) for row in values.thresholds]
        return float(np.interp(math.log(max(memories, 1)), np.log(values.memories), at_rate))

    def probability(self, modality: str, score: float, memories: int) -> float:
        """The chance, 0..1, that a match of cosine `score` among `memories` is what was asked for."""
        values = self._of(modality)
        logit = values.intercept + values.score * score + values.log_memories * math.log(max(memories, 1))
        return 1 / (1 + math.exp(-min(max(logit, -500.0), 500.0)))

    def _of(self, modality: str) -> ModalityCalibration:
        try:
            return self.modalities[modality]
        except KeyError:
            raise BundleError(
                f"bundle: not calibrated for {modality!r} queries (only for {', '.join(self.modalities) or 'none'}), "
                "so it cannot tell what is not there; run `visual-byte calibrate`"
            ) from None


def _read_modality(modality: str, values: Mapping[str, Any]) -> ModalityCalibration:
    try:
        probability = values["probability"]
        read = ModalityCalibration(
            memories=tuple(float(n) for n in values["memories"]),
            false_accept_rates=tuple(float(rate) for rate in values["false_accept_rates"]),
            thresholds=tuple(tuple(float(threshold) for threshold in row) for row in values["thresholds"]),
            intercept=float(probability["intercept"]),
            score=float(probability["score"]),
            log_memories=float(probability["log_memories"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BundleError(
            f"bundle: calibration of {modality!r} cannot be read ({type(error).__name__}: {error}); "
            "run `visual-byte calibrate`"
        ) from error
    table = (len(read.memories), len(read.false_accept_rates))
    fits = [len(row) for row in read.thresholds] == table[0] * [table[1]]
    if not fits or not _ascends(read.memories) or not _ascends(read.false_accept_rates):
        raise BundleError(
            f"bundle: calibration of {modality!r}: expected ascending memories and false_accept_rates and a threshold "
            f"for each pair, got memories {read.memories}, rates {read.false_accept_rates} and rows of "
            f"{[len(row) for row in read.thresholds]} thresholds; run `visual-byte calibrate`"
        )
    return read


def _ascends(values: tuple[float, ...]) -> bool:
    return len(values) > 0 and values[0] > 0 and all(low < high for low, high in zip(values, values[1:], strict=False))
