# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A minute of what studies/reliability.py does for an hour."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from visual_byte_testing.paths import ROOT

MAX_GROWTH_PERCENT = 5.0  # of growth in 40 s; pages of the store are mapped as they are first used


@pytest.mark.long
def test_for_a_minute_every_query_is_answered_and_nothing_piles_up(tmp_path: Path) -> None:
    out = tmp_path / "minute"
    command = [sys.executable, str(ROOT / "studies" / "reliability.py"), "--minutes", "1", "--no-figure"]
    command += ["--bundle", str(ROOT / "models" / "starter-small"), "--out", str(out)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    figures = json.loads(out.with_suffix(".json").read_text())
    assert figures["queries"]["asked"] == 30 and figures["queries"]["unanswered"] == 0
    assert figures["longest_queue"] <= 2 and figures["failed_jobs"] == 0
    assert figures["frames"]["remembered"] > 100
    assert 30 <= figures["memories"]["at_the_end"] <= 190  # of 180 photos that come round
    for node, memory in figures["memory"].items():
        assert memory["percent_in_this_run"] < MAX_GROWTH_PERCENT, f"{node}: {memory}"
