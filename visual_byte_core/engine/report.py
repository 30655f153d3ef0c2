# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What the engine is doing, for diagnostics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.memory.memory_folder import Disk


@dataclass(frozen=True)
class Report:
    """What the worker did so far; latencies in seconds, newest last."""

    waiting: int
    frame_waits: bool
    refused: int
    late: int
    answered: int
    remembered: int
    dropped: int
    failed: int
    unchanged: int
    memories: int
    question_s: tuple[float, ...]
    frame_s: tuple[float, ...]


@dataclass(frozen=True)
class EngineReport:
    """What an engine tells of itself.

    Attributes:
        bundle: what computes.
        provider: what computes.
        worker: what was done so far.
        in_order: frames and questions that wait for their turn.
        disk: None if the folder is gone.
        gone: why the folder is gone, "" if it is there.
    """

    bundle: Bundle
    provider: str
    worker: Report
    in_order: int
    disk: Disk | None
    gone: str

    def values(self) -> dict[str, object]:
        """The same as the values of a diagnostic message."""
        done = self.worker
        return {
            "bundle": self.bundle.id,
            "network": f"{self.bundle.backbone}, {'INT8' if self.bundle.quantization else 'float32'}",
            "provider": self.provider,
            "memories": done.memories,
            **self._of_disk(),
            "waiting queries": done.waiting,
            "answered queries": done.answered,
            "refused queries": done.refused,
            "late queries": done.late,
            "remembered frames": done.remembered,
            "dropped frames": done.dropped,
            "unchanged frames": done.unchanged,
            "frames and queries in order": self.in_order,
            "failed jobs": done.failed,
            **_percentiles("query", done.question_s),
            **_percentiles("frame", done.frame_s),
        }

    def _of_disk(self) -> dict[str, str]:
        if self.disk is None:
            return {"memory on disk": f"gone: {self.gone}"}
        return {"memory on disk MB": f"{self.disk.used / 1e6:.1f}", "free on disk MB": f"{self.disk.free / 1e6:.0f}"}


def _percentiles(name: str, seconds: tuple[float, ...]) -> dict[str, str]:
    if not seconds:
        return {}
    return {f"{name} latency p{p} ms": f"{np.percentile(seconds, p) * 1000:.1f}" for p in (50, 95)}
