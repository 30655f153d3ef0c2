# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Resident memory of a process, as Linux tells it."""

from __future__ import annotations

from pathlib import Path


def resident_bytes(pid: int | str, what: str) -> int:
    """Memory of a process, as the kernel counts it.

    Args:
        pid: `self` for the caller's.
        what: `VmRSS` now, `VmHWM` at most and `RssAnon` without mapped files, of /proc/PID/status; `Rss`, `Pss` (shared
            pages by share) and `Anonymous` of smaps_rollup.
    """
    file = "status" if what.startswith(("Vm", "RssAnon")) else "smaps_rollup"
    lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:")) * 1024
