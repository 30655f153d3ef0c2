# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Who takes part in a benchmark, and what each is asked to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

FRAME = "camera frame to embedding"
TYPED = "typed name to matches"
TYPED_AGAIN = "typed name asked before, to embedding"
SPOKEN = "utterance to matches"
REMEMBERED = "frame remembered, on disk"
SEARCH = "search among {:,} memories"

MEMORIES = 1_000
"""What the rows that end in matches search among."""
DIMENSION = 512
FRAME_SHAPE = (480, 640, 3)


@dataclass(frozen=True)
class Contender:
    """One process of the benchmark.

    Attributes:
        name: for the table.
        kind: `ours`, `memory`, `clip`, `mobileclip`, `whisper`, `whisper-cut` or `clap`.
        model: folder or file that it loads.
        precision: `float32` or `int8`.
        threads: of its network.
        memory: a folder of memories of its own (ours).
        memories: how many are there.
        text: a second model, that of typed names, for those who turn speech into text.
        utterance: a sound file.
        weights: `random` or where they came from.
    """

    name: str
    kind: str
    model: str
    precision: str
    threads: int
    memory: str = ""
    memories: int = MEMORIES
    text: str = ""
    utterance: str = ""
    weights: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As plain values, which JSON takes."""
        return asdict(self)
