# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Whole nodes over DDS, by studies/processes.py, which wants ROS and the clone that it lies in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from visual_byte_core.errors import ConfigurationError, ModelError

SCRIPT = Path(__file__).resolve().parents[2] / "studies" / "processes.py"


def whole_nodes(bundle: Path, script: Path = SCRIPT) -> dict[str, dict[str, float]]:
    """All nodes in one process, and a process for each -> latencies in ms, MB, and percent of a core, by name.

    Raises:
        ConfigurationError: no such script.
        ModelError: it failed, with its last line.
    """
    if not script.exists():
        raise ConfigurationError(f"--nodes: {script} is not there; run `visual-byte bench` in a clone of the project")
    done = subprocess.run(
        [sys.executable, script, "--bundle", bundle, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no reason"]
        raise ModelError(f"nodes: {said[-1]}; is the environment of ROS sourced?")
    figures: dict[str, dict[str, float]] = json.loads(done.stdout)
    return figures
