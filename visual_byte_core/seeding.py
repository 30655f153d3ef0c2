# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Random numbers that depend on a name, the same in every process."""

from __future__ import annotations

import hashlib

import numpy as np


def seeded(*parts: str | int) -> np.random.Generator:
    """A generator that depends on nothing but these parts: the same in every process and Python version."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))
