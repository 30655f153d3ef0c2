# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A memory as it is after a power loss: of what was written last, only that many bytes of the log reached the disk."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.observation import Observation
from visual_byte_testing.memory_child import BUNDLE, DIMENSION, embedding_of, observation_of


def open_memory(folder: Path) -> Memory:
    return Memory(folder, BUNDLE, dimension=DIMENSION)


LOG = Path("store", "memories.sqlite-wal")


class CutMemory:
    """A memory of five checkpointed and three logged records; ends[i]: where the log ended when i of these were.

    root: an empty folder.
    """

    def __init__(self, root: Path) -> None:
        self.before, folder = root / "before", root / "memory"
        with open_memory(folder) as memory:
            self.ids = [memory.remember(embedding_of(n), observation_of(n)).id for n in range(5)]
        shutil.copytree(folder, self.before)
        with open_memory(folder) as memory:
            self.ends = [0]
            for number in range(5, 8):
                self.ids.append(memory.remember(embedding_of(number), Observation(float(number))).id)
                memory.flush()
                self.ends.append((folder / LOG).stat().st_size)
            self.log = (folder / LOG).read_bytes()

    def cut(self, folder: Path, at: int, *, zeros: bool) -> int:
        """The memory as it is when only `at` bytes of its log reached the disk; returns how many records were whole."""
        shutil.copytree(self.before, folder)
        (folder / LOG).write_bytes(self.log[:at])
        if zeros:
            os.truncate(folder / LOG, len(self.log))
        return sum(at >= end for end in self.ends[1:])

    def check(self, folder: Path, at: int, *, zeros: bool) -> None:
        """Cut a copy at `folder`, open it, and assert that what was whole is there, and that it takes new memories."""
        whole = 5 + self.cut(folder, at, zeros=zeros)
        with open_memory(folder) as memory:
            known = memory.known(self.ids)
            assert set(self.ids[:whole]) <= known, f"cut at {at}: {whole} were acknowledged"
            assert memory.count() == len(known)
            best = memory.search(embedding_of(whole - 1), 1)[0]
            assert best.id == self.ids[whole - 1] and best.score > 0.99, f"cut at {at}"
            new = memory.remember(embedding_of(99), observation_of(99)).id
            memory.flush()
        with open_memory(folder) as memory:
            assert {new, *self.ids[:whole]} <= memory.known([new, *self.ids]), f"cut at {at}"
        shutil.rmtree(folder)
