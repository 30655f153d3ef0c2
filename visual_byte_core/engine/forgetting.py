# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Forgetting on request: what is meant must be said."""

from __future__ import annotations

from collections.abc import Sequence

from visual_byte_core.errors import ConfigurationError, NotFound
from visual_byte_core.memory.match import Filter
from visual_byte_core.memory.memory import Memory

MAX_IDS = 10_000


def forget(memory: Memory, ids: Sequence[str], where: Filter | None, *, everything: bool) -> int:
    """Forget the memories with these ids (any, if there are none) that pass the filter; returns how many.

    Raises ConfigurationError if there is no condition and `everything` is not set, or both, or over 10,000 ids,
    InvalidMemory (an id that is none), NotFound (nothing is like that), MemoryFolderError.
    """
    if len(ids) > MAX_IDS:
        raise ConfigurationError(f"forget: {len(ids)} ids; at most {MAX_IDS} in a request, so send several")
    if everything and (ids or where):
        raise ConfigurationError("forget: all and a condition contradict each other; give one of them")
    if not everything and not ids and where is None:
        raise ConfigurationError("forget: nothing says what; give ids, a label, a time or a map, or set all")
    count = memory.forget(list(ids) or None, where)
    if not count and not everything:
        raise NotFound("forget: no memory has these ids" if ids else "forget: no memory fits the filter")
    return count
