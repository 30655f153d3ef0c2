# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What the engine is doing, for diagnostics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from visual_byte_core.memory.memory import Memory


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


def _disk(memory: Memory) -> dict[str, str]:
    try:
        disk = memory.disk()
    except OSError as error:
        return {"memory on disk": f"gone: {error.strerror}"}
    return {"memory on disk MB": f"{disk.used / 1e6:.1f}", "free on disk MB": f"{disk.free / 1e6:.0f}"}


def _percentiles(name: str, seconds: tuple[float, ...]) -> dict[str, str]:
    if not seconds:
        return {}
    return {f"{name} latency p{p} ms": f"{np.percentile(seconds, p) * 1000:.1f}" for p in (50, 95)}
