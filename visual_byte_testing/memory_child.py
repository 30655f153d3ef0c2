# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A process that remembers, merges and forgets without end, and says on its standard output what it may vouch for.

Usage: memory_child.py FOLDER ROUND. Lines, each only when it is durable, with a checksum at its end: `remembered NUMBER
ID`, `seen ID TIMES`, `forgotten NUMBER ID`; before the last comes `forgetting NUMBER ID`.
"""

from __future__ import annotations

import sys
import zlib

import cv2
import numpy as np

from visual_byte_core.memory import memory as memory_module
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.observation import Observation

BUNDLE, DIMENSION = "bundle@1", 64


def embedding_of(number: int) -> np.ndarray:
    return np.random.default_rng(number).standard_normal(DIMENSION).astype(np.float32)


def thumbnail_of(number: int) -> bytes:
    picture = np.random.default_rng(number).integers(0, 256, (4, 4, 3), np.uint8)
    return cv2.imencode(".jpg", cv2.resize(picture, (64, 48)))[1].tobytes()


def observation_of(number: int) -> Observation:
    return Observation(captured_at=float(number), source=str(number), thumbnail=thumbnail_of(number))


def say(line: str) -> None:
    print(f"{line} {zlib.crc32(line.encode())}", flush=True)


def work(folder: str, first: int) -> None:
    memory = Memory(folder, BUNDLE, dimension=DIMENSION)
    number = first
    while True:
        group = []
        for _ in range(5):
            remembered = memory.remember(embedding_of(number), observation_of(number))
            assert not remembered.merged
            group.append((number, remembered.id))
            number += 1
        again = memory.remember(embedding_of(number - 1), observation_of(number - 1))
        assert again.merged
        memory.flush()
        for known, id in group:
            say(f"remembered {known} {id}")
        say(f"seen {again.id} 2")
        if number % 3 == 0:
            known, id = group[0]
            say(f"forgetting {known} {id}")
            assert memory.forget([id]) == 1
            say(f"forgotten {known} {id}")


if __name__ == "__main__":
    memory_module.CHECKPOINT_EVERY = 23  # so that checkpoints are interrupted as well
    work(sys.argv[1], 1_000_000 * int(sys.argv[2]))
