# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""docs/architecture.md names files that are there, and its picture is drawn from the floors of the contract."""

from __future__ import annotations

import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

from visual_byte_testing.paths import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_the_files_that_it_names_are_there() -> None:
    folders = ("visual_byte_core", "visual_byte_ros", "tools", "examples")
    files = {path.relative_to(ROOT).as_posix() for folder in folders for path in (ROOT / folder).rglob("*.py")}
    named = re.findall(r"[\w/*]+\.py\b", PAGE)
    assert len(named) > 25
    for name in named:
        assert any(fnmatch(f"/{file}", f"*/{name.lstrip('/')}") for file in files), name


def test_the_house_is_drawn_without_an_arrow_upwards(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "draw_house.py"), "--out", str(tmp_path / "house.png")],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "none up" in done.stdout and (tmp_path / "house.png").stat().st_size > 10_000
