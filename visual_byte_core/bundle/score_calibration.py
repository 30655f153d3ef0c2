# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What a bundle knows of its own scores: from which cosine on a thing counts as found, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from visual_byte_core.errors import BundleError

UNCALIBRATED_TAUGHT = 0.9  # what a match of a taught name is worth to a bundle that does not say


@dataclass(frozen=True)
class Rise:
    """A probability that rises with a score: ceiling / (1 + exp(-intercept - slope * score))."""

    intercept: float
    slope: float
    ceiling: float = 1.0

    def __call__(self, score: float) -> float:
        """The probability, 0..1, that belongs to a cosine, -1..1."""
        log_odds = self.intercept + self.slope * score
        return self.ceiling / (1 + math.exp(-min(max(log_odds, -500.0), 500.0)))


@dataclass(frozen=True)
class ModalityCalibration:
    """One kind of query.

    memories (m,) and false_accept_rates (f,) ascending; thresholds (m, f): the cosine from which on a match counts.
    probability (m,): how likely it is, by its cosine, that a match is right. taught: that a query which is taken for a
    taught name asks for it, by the cosine to how the name was asked for; None in a bundle that was calibrated before
    that was told.
    """

    memories: tuple[float, ...]
    false_accept_rates: tuple[float, ...]
    thresholds: tuple[tuple[float, ...], ...]
    probability: tuple[Rise, ...]
    taught: Rise | None = None


@dataclass(frozen=True)
class AnswerScores:
    """What scores mean in one answer.

    threshold: the cosine from which on a match counts as found. match: the chance, 0..1, that a match of a cosine is
    what was asked for; taught: that a query taken for a taught name asks for it, by its cosine to how the name was
    asked for.
    """

    threshold: float
    match: Callable[[float], float]
    taught: Callable[[float], float]


@dataclass(frozen=True)
class ScoreCalibration:
    """The calibration of a bundle, per kind of query (`text`, `audio`, `image`)."""

    modalities: Mapping[str, ModalityCalibration]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ScoreCalibration:
        """Read the `calibration` of `bundle.yaml`. Raises BundleError if it is not one."""
        return cls({modality: _read_modality(modality, values) for modality, values in data.items()})

    def of_answer(self, modality: str, memories: int, false_accept_rate: float) -> AnswerScores:
        """What scores mean in an answer to a query, among that many memories; for the rate see `threshold`.

        Raises BundleError if the bundle is not calibrated for `modality`.
        """
        values = self._of(modality)
        return AnswerScores(_threshold(values, memories, false_accept_rate), _rise(values, memories), _taught(values))

    def threshold(self, modality: str, memories: int, false_accept_rate: float) -> float:
        """The cosine from which on a match counts as found.

        memories: how many are searched. false_accept_rate: 0..1, share of absent things that may be taken for found.
        Linear in the logarithms of both between the calibrated points; for more memories than the most calibrated it
        rises on as it did over the last factor of three or more, else the nearest point's value.
        Raises BundleError if the bundle is not calibrated for `modality`.
        """
        return _threshold(self._of(modality), memories, false_accept_rate)

    def probability(self, modality: str, score: float, memories: int) -> float:
        """The chance, 0..1, that a match of cosine `score` among `memories` is what was asked for."""
        return _rise(self._of(modality), memories)(score)

    def taught_probability(self, modality: str, cosine: float) -> float:
        """The chance, 0..1, that a query taken for a taught name asks for it; cosine: to how the name was asked for."""
        return _taught(self._of(modality))(cosine)

    def _of(self, modality: str) -> ModalityCalibration:
        try:
            return self.modalities[modality]
        except KeyError:
            raise BundleError(
                f"bundle: not calibrated for {modality!r} queries (only for {', '.join(self.modalities) or 'none'}), "
                "so it cannot tell what is not there; run `visual-byte calibrate`"
            ) from None


def _threshold(values: ModalityCalibration, memories: int, false_accept_rate: float) -> float:
    rates = np.log(values.false_accept_rates)
    at_rate = [np.interp(math.log(max(false_accept_rate, 1e-9)), rates, row) for row in values.thresholds]
    return min(_at_size(memories, values.memories, at_rate), 1.0)


def _rise(values: ModalityCalibration, memories: int) -> Rise:
    return Rise(
        _at_size(memories, values.memories, [one.intercept for one in values.probability]),
        _at_size(memories, values.memories, [one.slope for one in values.probability]),
        float(np.interp(math.log(max(memories, 1)), np.log(values.memories), [r.ceiling for r in values.probability])),
    )


def _taught(values: ModalityCalibration) -> Callable[[float], float]:
    return values.taught or (lambda _: UNCALIBRATED_TAUGHT)


def _at_size(memories: int, sizes: Sequence[float], values: Sequence[float]) -> float:
    """The value at a number of memories: linear in its logarithm, beyond the last size with the slope before it."""
    at = math.log(max(memories, 1))
    logs = np.log(sizes)
    before = np.flatnonzero(logs <= logs[-1] - math.log(3))
    if at <= logs[-1] or not len(before):
        return float(np.interp(at, logs, values))
    slope = (values[-1] - values[before[-1]]) / (logs[-1] - logs[before[-1]])
    return float(values[-1] + slope * (at - logs[-1]))


def _read_probability(memories: Sequence[float], values: Mapping[str, Any]) -> tuple[Rise, ...]:
    """One for each size; older bundles have no ceiling, or one slope and a coefficient of the logarithm of the size.

    Raises KeyError, TypeError or ValueError.
    """
    if "log_memories" in values:
        per_log, slope = float(values["log_memories"]), float(values["score"])
        return tuple(Rise(float(values["intercept"]) + per_log * math.log(size), slope) for size in memories)
    ceilings = values.get("ceiling", [1.0] * len(memories))
    columns = zip(values["intercept"], values["score"], ceilings, strict=True)
    return tuple(_read_rise(*row) for row in columns)


def _read_rise(intercept: Any, slope: Any, ceiling: Any) -> Rise:
    rise = Rise(float(intercept), float(slope), float(ceiling))
    if not 0 < rise.ceiling <= 1:
        raise ValueError(f"a probability of at most {rise.ceiling}")
    return rise


def _read_modality(modality: str, values: Mapping[str, Any]) -> ModalityCalibration:
    try:
        memories = tuple(float(n) for n in values["memories"])
        if not _ascends(memories):
            raise ValueError(f"memories {memories} do not ascend")
        taught = values.get("taught")
        read = ModalityCalibration(
            memories=memories,
            false_accept_rates=tuple(float(rate) for rate in values["false_accept_rates"]),
            thresholds=tuple(tuple(float(threshold) for threshold in row) for row in values["thresholds"]),
            probability=_read_probability(memories, values["probability"]),
            taught=_read_rise(taught["intercept"], taught["score"], taught["ceiling"]) if taught else None,
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BundleError(
            f"bundle: calibration of {modality!r} cannot be read ({type(error).__name__}: {error}); "
            "run `visual-byte calibrate`"
        ) from error
    table = (len(read.memories), len(read.false_accept_rates))
    fits = [len(row) for row in read.thresholds] == table[0] * [table[1]]
    fits &= len(read.probability) == len(memories)
    if not fits or not _ascends(read.false_accept_rates):
        raise BundleError(
            f"bundle: calibration of {modality!r}: expected ascending memories and false_accept_rates, a threshold for "
            f"each pair and a probability for each of memories, got memories {memories}, rates "
            f"{read.false_accept_rates}, rows of {[len(row) for row in read.thresholds]} thresholds and "
            f"{len(read.probability)} probabilities; run `visual-byte calibrate`"
        )
    return read


def _ascends(values: tuple[float, ...]) -> bool:
    return len(values) > 0 and values[0] > 0 and all(low < high for low, high in pairwise(values))
