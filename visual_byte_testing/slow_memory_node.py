# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""embedding_node on a disk so slow that every third search takes two seconds."""

from __future__ import annotations

import itertools
import time
from typing import Any

from visual_byte_core.memory.match import Match
from visual_byte_core.memory.memory import Memory
from visual_byte_ros import embedding_node

_search = Memory.search
_searches = itertools.count(1)


def search(self: Memory, *arguments: Any) -> list[Match]:
    if next(_searches) % 3 == 0:
        time.sleep(2)
    return _search(self, *arguments)


if __name__ == "__main__":
    Memory.search = search  # type: ignore[method-assign, assignment]
    embedding_node.main()
