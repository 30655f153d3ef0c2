# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""examples/engine.py as a user runs it: a folder is remembered, asked, taught and forgotten."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from visual_byte_testing.paths import ROOT

SCRIPT = ROOT / "examples" / "engine.py"


def test_it_is_as_short_as_it_says() -> None:
    assert len(SCRIPT.read_text().splitlines()) <= 30


def test_it_asks_teaches_and_forgets(tmp_path: Path) -> None:
    photos = ROOT / "examples" / "photos" / "banana"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(photos), str(tmp_path / "memory"), "banana", "Quibbledorf"],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    remembered, asked, taught, forgotten = done.stdout.splitlines()
    assert re.match(r"[1-9]\d* memories", remembered)
    assert re.match(r"banana: FOUND  \S+\.jpg|banana: NOT_FOUND the nearest memory scores 0\.\d", asked)
    assert re.fullmatch(r"Quibbledorf: FOUND ( Quibbledorf)+", taught)
    assert re.fullmatch(r"[1-9]\d* forgotten, Quibbledorf: NOT_FOUND", forgotten)
