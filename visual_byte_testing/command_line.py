# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""`visual-byte` in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any


def visual_byte(*arguments: str | Path, code: int = 0, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does, in a process of its own."""
    command = [sys.executable, "-c", "import sys; from visual_byte_core.cli import main; sys.exit(main())"]
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, **options)
    assert done.returncode == code, f"{done.returncode}: {done.stdout}{done.stderr}"
    return done
