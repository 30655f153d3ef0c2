# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The scripts of studies/, as modules."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from visual_byte_testing.paths import ROOT


def load_study(name: str) -> ModuleType:
    """The script `studies/NAME.py`, known by its name to what it starts and pickles."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "studies" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
