# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Forgetting on request: what is meant must be said."""

from __future__ import annotations

from collections.abc import Sequence

from visual_byte_core.errors import ConfigurationError
from visual_byte_core.memory.match import Filter
from visual_byte_core.memory.memory import Memory

MAX_IDS = 10_000


def forget(memory: Memory, ids: Sequence[str], where: Filter | None, *, everything: bool) -> int:
    """Forget the memories with these ids (any, if there are none) that pass the filter; returns how many.

    Raises ConfigurationError if there is no condition and `everything` is not set, or both, or over 10,000 ids,
    InvalidMemory (an invalid id), MemoryFolderError.
    """
    if len(ids) > MAX_IDS:
        raise ConfigurationError(f"forget: {len(ids)} ids; at most {MAX_IDS} in a request, so send several")
    if everything and (ids or where):
        raise ConfigurationError("forget: all and a condition contradict each other; give one of them")
    if not everything and not ids and where is None:
        raise ConfigurationError("forget: nothing says what; give ids, a label, a time or a map, or set all")
    return memory.forget(list(ids) or None, where)
