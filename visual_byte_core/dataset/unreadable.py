# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""How many files of a data set may be left out before it counts as broken."""

from __future__ import annotations

MAX_SHARE_UNREADABLE = 0.05
LIMIT = f"{MAX_SHARE_UNREADABLE:.0%}"
"""The same for people."""


def too_many_unreadable(unreadable: int, total: int) -> bool:
    """Whether so many of all files cannot be read, or hold nothing, that somebody has to mend them first."""
    return unreadable > MAX_SHARE_UNREADABLE * total
