# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Answering a query: what was found in the memory, or that it was not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from visual_byte_core.bundle.false_accept_rate import DEFAULT_FALSE_ACCEPT_RATE
from visual_byte_core.bundle.score_calibration import ScoreCalibration
from visual_byte_core.engine.answer import FOUND, NOT_FOUND, Answer
from visual_byte_core.errors import BundleError, ConfigurationError
from visual_byte_core.memory.match import Filter, Match
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.taught_names import NEARNESS
from visual_byte_core.names import folded
from visual_byte_core.rendering.settings import MODALITIES

MAX_PER_NAME = 100
REGION_HANDICAP = 0.06  # a frame of many regions has as many chances to look like anything; studies/frame_regions.py


class Finder:
    """Searches a memory and refuses what was not seen, by scores alone; what was taught comes first.

    calibration: a bundle's. false_accept_rate: share of absent things that may be taken for found, above 0, below 1;
    may be changed at any time.
    region_handicap: what the score of a region of a frame is lowered by.
    Raises BundleError (no calibration, or not a calibration) and ConfigurationError (rate out of range).
    """

    def __init__(
        self,
        memory: Memory,
        calibration: Mapping[str, Any],
        *,
        false_accept_rate: float = DEFAULT_FALSE_ACCEPT_RATE,
        region_handicap: float = REGION_HANDICAP,
    ) -> None:
        if not 0 < false_accept_rate < 1:
            raise ConfigurationError(f"false_accept_rate: expected between 0 and 1, got {false_accept_rate}")
        if not calibration:
            raise BundleError("bundle: not calibrated, so it cannot tell what is absent; run `visual-byte calibrate`")
        self._memory = memory
        self._calibration = ScoreCalibration.from_dict(calibration)
        self.false_accept_rate = false_accept_rate
        self._region_handicap = region_handicap

    def find(self, embedding: np.ndarray, modality: str, k: int = 3, where: Filter | None = None) -> Answer:
        """Look for what is near `embedding`, float32 (dimension,), among the memories that `where` lets through.

        modality: what the embedding was made of, `text`, `audio` or `image`. k: most matches, 1 or more.
        Raises ConfigurationError (modality), BundleError (not calibrated for it), InvalidMemory (embedding or k).
        """
        if modality not in MODALITIES:
            raise ConfigurationError(f"modality: expected one of {', '.join(MODALITIES)}, got {modality!r}")
        memories = self._memory.count(where)
        scores = self._calibration.of_answer(modality, memories, self.false_accept_rate)
        nearest = self._observations(embedding, k, where)
        taught = self._taught(embedding, modality, k, where, nearest[0].score if nearest else -1.0)
        ids = {match.id for match in taught}
        nearest = [*taught, *(match for match in nearest if match.id not in ids and match.parent_id not in ids)][:k]
        matches = [match for match in nearest if match.id in ids or match.score >= scores.threshold]
        probability = [(scores.taught if match.id in ids else scores.match)(match.score) for match in nearest]
        if matches:
            return Answer(FOUND, "", matches, nearest, scores.threshold, probability)
        reason = self._reason(nearest, scores.threshold, where)
        return Answer(NOT_FOUND, reason, [], nearest, scores.threshold, probability)

    def _observations(self, embedding: np.ndarray, k: int, where: Filter | None) -> list[Match]:
        """The `k` nearest observations: a frame and its regions are one, for which the nearest of them stands."""
        limit = k
        while True:
            found = self._memory.search(embedding, limit, where)
            best: dict[str, Match] = {}
            for match in sorted((self._rated(match) for match in found), key=lambda match: -match.score):
                best.setdefault(match.parent_id or match.id, match)
            nearest = list(best.values())[:k]
            # What the search did not give scores at most as its last.
            if len(found) < limit or (len(nearest) == k and nearest[-1].score >= found[-1].score):
                return nearest
            limit *= 2

    def _rated(self, match: Match) -> Match:
        return replace(match, score=max(-1.0, match.score - self._region_handicap)) if match.parent_id else match

    def _taught(
        self, embedding: np.ndarray, modality: str, k: int, where: Filter | None, to_photo: float
    ) -> list[Match]:
        """The memories of the taught name that the query asks for, the one seen last first; none if it asks for none.

        Their score is the cosine of the query and the name as it was taught.
        """
        name, cosine = self._memory.taught.nearest(embedding, modality)
        if modality not in NEARNESS or not NEARNESS[modality].holds(cosine, to_photo):
            return []
        where = where or Filter()
        if where.label is not None and folded(where.label) != folded(name):
            return []
        found = self._memory.search(embedding, MAX_PER_NAME, replace(where, label=name))
        found.sort(key=lambda match: -match.last_seen)
        return [replace(match, score=min(1.0, cosine)) for match in found[:k]]

    def _reason(self, nearest: list[Match], threshold: float, where: Filter | None) -> str:
        if nearest:
            return f"the nearest memory scores {nearest[0].score:.3f}, under the threshold {threshold:.3f}"
        return "no memory fits the filter" if where is not None and self._memory.count() else "memory is empty"
