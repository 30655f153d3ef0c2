# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The numbers of a bag: how often the right thing was found, and how often something that was not there."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from visual_byte_core.bags.replay import Tally
from visual_byte_core.metrics.rejection import BestScores, refusal_rates

PAIRS = {"text": "text_to_image", "audio": "audio_to_image", "image": "image_to_image"}
STATUSES = ("FOUND", "NOT_FOUND", "REJECTED")


class Scores:
    """Counts answers one by one; keeps a few numbers of each judged query and no pictures."""

    def __init__(self) -> None:
        self._statuses: Counter[str] = Counter()
        self._modalities: Counter[str] = Counter()
        self._verdicts: Counter[str] = Counter()
        self._judged: dict[str, list[tuple[bool, int | None, str, float | None]]] = {kind: [] for kind in PAIRS}

    def add(self, record: dict[str, Any]) -> None:
        """record: of `AnsweredQuery`."""
        self._statuses[record["status"]] += 1
        self._modalities[record["modality"]] += 1
        if "verdict" in record:
            self._verdicts[record["verdict"]] += 1
        if "verdict" in record and record["verdict"] != "rejected":
            best = record["nearest"][0]["score"] if record["nearest"] else None
            self._judged[record["modality"]].append((record["present"], record["rank"], record["status"], best))

    def report(self, tally: Tally, labels: list[str]) -> dict[str, Any]:
        """Plain JSON data in the shape of the evaluation report, as far as a bag has it."""
        return {
            "counts": {
                "images": tally.frames,
                "speech": self._modalities["audio"],
                "classes": len(labels),
                "queries": sum(self._statuses.values()),
                **{status.lower(): self._statuses[status] for status in STATUSES},
            },
            "frames": {
                "remembered": tally.frames,
                "merged": tally.merged,
                "malformed": tally.malformed,
                "memories": tally.memories,
                "poses": tally.poses,
            },
            "retrieval": {pair: self._recall(kind) for kind, pair in PAIRS.items()},
            "not_found": {"absent": {kind: self._refusal(kind) for kind in PAIRS}},
            "verdicts": dict(sorted(self._verdicts.items())),
        }

    def _recall(self, kind: str) -> dict[str, float | int | None]:
        """Of the queries for what had been seen by then."""
        ranks = [rank for present, rank, _, _ in self._judged[kind] if present]
        shares: dict[str, float | int | None] = {
            f"r{k}": round(float(np.mean([rank is not None and rank <= k for rank in ranks])), 6) if ranks else None
            for k in (1, 5)
        }
        return {**shares, "n": len(ranks)}

    def _refusal(self, kind: str) -> dict[str, float | int | None]:
        present = [(status, score) for there, _, status, score in self._judged[kind] if there]
        absent = [(status, score) for there, _, status, score in self._judged[kind] if not there]
        rates = refusal_rates(_scores(present), _scores(absent), None)
        rates["far"] = float(np.mean([status == "FOUND" for status, _ in absent])) if absent else None
        rates["frr"] = float(np.mean([status != "FOUND" for status, _ in present])) if present else None
        rates["n"] = len(absent)
        return {key: round(value, 6) if isinstance(value, float) else value for key, value in rates.items()}


def _scores(asked: list[tuple[str, float | None]]) -> BestScores:
    """Of the queries that there was something to compare with."""
    scores = np.array([score for _, score in asked if score is not None], np.float64)
    return BestScores(scores, np.zeros(len(scores), np.int64))
