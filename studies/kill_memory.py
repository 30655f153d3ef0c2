# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Kills a process that remembers, again and again at random moments, and looks whether anything acknowledged is lost.

    python studies/kill_memory.py [--kills 200] [--cuts] [--start-up 100000]

Then cuts the power: of what was written since the last checkpoint only the journal reached the disk. With --start-up,
how long a memory of that size takes to open (embeddings of 512 values, thumbnails of 4 KB).
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

import numpy as np
from tqdm import tqdm

from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.observation import Observation
from visual_byte_core.memory.records import first_observation
from visual_byte_testing.cut_memory import CutMemory
from visual_byte_testing.memory_child import BUNDLE, DIMENSION, embedding_of, observation_of
from visual_byte_testing.paths import ROOT


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--cuts", action="store_true", help="cut the log at a hundred lengths in its last two records")
    parser.add_argument("--start-up", type=int, default=0, metavar="MEMORIES")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        if arguments.kills:
            acknowledged, lost = killed(Path(root) / "killed", arguments.kills)
            print(f"{arguments.kills} kills: {acknowledged} acknowledged, {lost} lost")
            lost = power_cuts(Path(root), 20)
            print(f"20 power cuts: {lost} lost")
        if arguments.cuts:
            print(f"{cuts(Path(root))} lengths of the log: nothing acknowledged lost")
        if arguments.start_up:
            print(f"{arguments.start_up} memories open in {start_up(Path(root) / 'large', arguments.start_up):.2f} s")


def killed(folder: Path, kills: int) -> tuple[int, int]:
    """Memories acknowledged and not forgotten, and how many of them are not there."""
    remembered: set[str] = set()
    gone: set[str] = set()
    for turn in tqdm(range(kills), unit="kill"):
        program = [sys.executable, str(ROOT / "visual_byte_testing" / "memory_child.py"), str(folder), str(turn)]
        with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            output = process.stdout.readline()
            time.sleep(random.uniform(0, 0.25))
            process.send_signal(signal.SIGKILL)
            output += process.stdout.read()
        for line in output.splitlines():
            said, _, checksum = line.rpartition(" ")
            if checksum.isdigit() and zlib.crc32(said.encode()) == int(checksum):
                what, _, id = said.split()
                (remembered if what == "remembered" else gone if what.startswith("forg") else set()).add(id)
    with Memory(folder, BUNDLE, dimension=DIMENSION) as memory:
        return len(remembered - gone), len((remembered - gone) - memory.known(list(remembered)))


def power_cuts(root: Path, cuts: int) -> int:
    """Flushed memories that are lost when only the journal reached the disk."""
    lost = 0
    for turn in range(cuts):
        folder, cut = root / f"power{turn}", root / f"cut{turn}"
        with Memory(folder, BUNDLE, dimension=DIMENSION) as memory:
            for number in range(20):
                memory.remember(embedding_of(number), observation_of(number))
        shutil.copytree(folder, cut)
        with Memory(folder, BUNDLE, dimension=DIMENSION) as memory:
            ids = [
                memory.remember(embedding_of(n), observation_of(n)).id for n in range(100, 100 + random.randint(1, 60))
            ]
            memory.flush()
            shutil.copy(folder / "store" / "memories.sqlite-wal", cut / "store")
        with Memory(cut, BUNDLE, dimension=DIMENSION) as memory:
            lost += len(set(ids) - memory.known(ids))
    return lost


def cuts(root: Path) -> int:
    """How many lengths were tried; raises AssertionError at the first that loses anything."""
    memory = CutMemory(root)
    lengths = range(memory.ends[1], memory.ends[3] + 1, max(1, (memory.ends[3] - memory.ends[1]) // 100))
    for at in tqdm(lengths, unit="length"):
        memory.check(root / "cut", at, zeros=at % 2 == 0)
    return len(lengths)


def start_up(folder: Path, memories: int) -> float:
    """Seconds to open the memory, its files in the page cache, and to answer a first search."""
    random_values = np.random.default_rng(0)
    jpeg = random_values.bytes(4096)
    memory = Memory(folder, BUNDLE)
    successor = memory.successor("filled for the measurement")  # thousands at a time, as an import does
    for start in tqdm(range(0, memories, 1000)):
        vectors = random_values.standard_normal((1000, 512)).astype(np.float32)
        seen_once = [Observation(float(start + i), thumbnail=jpeg) for i in range(1000)]
        successor.add([(first_observation(one), vector) for one, vector in zip(seen_once, vectors, strict=True)])
    memory.succeed(successor, {}, BUNDLE, 512)
    begun = time.monotonic()
    with Memory(folder, BUNDLE) as memory:
        memory.search(np.ones(512, np.float32), 3)
        return time.monotonic() - begun


if __name__ == "__main__":
    main()
