# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What the memory says to a query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from visual_byte_core.memory.match import Match

FOUND: Literal["FOUND"] = "FOUND"
NOT_FOUND: Literal["NOT_FOUND"] = "NOT_FOUND"


@dataclass(frozen=True)
class Answer:
    """What the memory says to a query.

    Attributes:
        reason: one line for people, empty if found.
        matches: the memories at or above the threshold, best first, only if found.
        nearest: the best memories whatever their score, for looking.
        threshold: the cosine that was asked for.
        probability: for each of `nearest`, the chance (0..1) that it is what was asked for.
    """

    status: Literal["FOUND", "NOT_FOUND"]
    reason: str
    matches: list[Match]
    nearest: list[Match]
    threshold: float
    probability: list[float]
