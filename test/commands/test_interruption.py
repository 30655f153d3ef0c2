# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A command that is ended by SIGTERM ends by its own exit code."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Code that is written and run, as rosbags and dataclasses do it, is where the signal arrives.
PROGRAM = """
import sys
from visual_byte_core.commands.interruption import interrupt_on_sigterm
interrupt_on_sigterm()
try:
    {statement}
except KeyboardInterrupt:
    sys.exit(1)
"""
ENDED = "import os, signal, time\\nos.kill(os.getpid(), signal.SIGTERM)\\ntime.sleep(60)"


@pytest.mark.parametrize("statement", [f"exec('''{ENDED}''')", ENDED.replace("\\n", "\n    ")], ids=["exec", "plain"])
def test_a_stop_is_caught_wherever_it_comes(statement: str) -> None:
    assert subprocess.run([sys.executable, "-c", PROGRAM.format(statement=statement)], timeout=60).returncode == 1
