# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What an engine is made from."""

from __future__ import annotations

from dataclasses import dataclass

from visual_byte_core.bundle.false_accept_rate import DEFAULT_FALSE_ACCEPT_RATE
from visual_byte_core.embedding.regions import RegionSettings
from visual_byte_core.errors import ConfigurationError
from visual_byte_core.memory.merging import MergeSettings

FIXED = ("threads", "provider", "in_order")
"""What cannot be changed while an engine runs."""


@dataclass(frozen=True)
class EngineSettings:
    """How a robot's memory sees, keeps and answers.

    Raises:
        ConfigurationError: a value is out of its range.
    """

    threads: int = 2
    """CPU threads that embed one picture, 1 or more."""
    provider: str = "CPUExecutionProvider"
    """Execution provider of ONNX Runtime; one that is not there is refused, never replaced."""
    in_order: bool = False
    """For playing a recording: every frame is remembered and every question waits its turn, in the order of their
    stamps. False: questions come first, and the newest frame replaces the one before."""
    remember_frames: bool = True
    """Whether what is seen is remembered; False only keeps the last frames, for who teaches or remembers on request."""
    merging: MergeSettings = MergeSettings()
    """When an observation becomes part of an earlier memory."""
    regions: RegionSettings | None = None
    """Which regions of frames are remembered as well; None: whole frames only. A frame with a label is not taken
    apart, as the label is that of the whole."""
    skip_unchanged: float = 0.0
    """Grey levels, 0 to 255, up to which a frame counts as unchanged everywhere, so that it is remembered by the
    embedding of the one before; 0: every frame is embedded."""
    false_accept_rate: float = DEFAULT_FALSE_ACCEPT_RATE
    """Share of absent things that may be taken for found, above 0, below 1."""
    max_waiting: int = 10
    """Questions that may wait, 1 or more; one more, and the oldest is refused."""
    answer_within_s: float | None = 1.0
    """Seconds, above 0, in which every question is answered or fails with Late; None: however long it takes, as for a
    recording, whose answers must not depend on the machine."""
    acknowledge_within_s: float = 0.5
    """Seconds, above 0, until a frame is on the disk, so that frames share the cost of writing."""

    def __post_init__(self) -> None:
        self._check("threads", self.threads >= 1, "1 or more")
        self._check("provider", bool(self.provider), "the name of an execution provider")
        self._check("skip_unchanged", 0 <= self.skip_unchanged <= 255, "0 to 255 grey levels")
        self._check("false_accept_rate", 0 < self.false_accept_rate < 1, "between 0 and 1")
        self._check("max_waiting", self.max_waiting >= 1, "1 or more")
        self._check("acknowledge_within_s", 0 < self.acknowledge_within_s < float("inf"), "seconds above 0")
        if self.answer_within_s is not None:
            self._check("answer_within_s", 0 < self.answer_within_s < float("inf"), "seconds above 0, or None")
            self._check("answer_within_s", not self.in_order, "None with in_order, where questions wait their turn")

    def check_change(self, new: EngineSettings) -> None:
        """Raises ConfigurationError if `new` differs in what is fixed while an engine runs."""
        changed = [name for name in FIXED if getattr(new, name) != getattr(self, name)]
        if changed:
            raise ConfigurationError(
                f"engine: {', '.join(changed)} cannot change while it runs; close it and make another"
            )

    def _check(self, name: str, holds: bool, expected: str) -> None:
        if not holds:
            raise ConfigurationError(f"{name}: expected {expected}, got {getattr(self, name)!r}")
