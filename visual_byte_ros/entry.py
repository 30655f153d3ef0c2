# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""How the scripts of this package begin: Ctrl-C ends them cleanly even while libraries load, which takes a second."""

from __future__ import annotations

import os
import signal
from importlib import import_module


def enter(module: str) -> None:
    """Run `main` of a module. Until it handles SIGINT and SIGTERM, there is nothing to close: the exit code is 0."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    import_module(module).main()
