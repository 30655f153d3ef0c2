# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Folders of the checkout."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "test" / "data"
GOLDEN = ROOT / "test" / "golden"
BANANA = DATA / "banana.flac"
"""A person says "banana": 16 kHz, mono."""
