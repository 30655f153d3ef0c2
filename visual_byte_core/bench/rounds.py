# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""All contenders in one run: each in a process of its own, asked in turns, so that a busy machine slows all alike."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np

from visual_byte_core.bench.contenders import Contender
from visual_byte_core.errors import ModelError

TURN_S = 0.05
MAX_RUNS_PER_TURN = 50
WARM_UP_TURNS = 2


@dataclass
class Times:
    """Seconds of each answer to one row."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, float]:
        """Milliseconds: median and 95th percentile of the wall clock, mean of the CPU time."""
        p50, p95 = np.percentile(self.wall, (50, 95)) * 1e3
        return {
            "p50_ms": float(p50),
            "p95_ms": float(p95),
            "cpu_ms": float(np.mean(self.cpu)) * 1e3,
            "n": len(self.wall),
        }


class Process:
    """A contender that runs.

    Raises:
        ModelError: it does not start or dies.
    """

    def __init__(self, contender: Contender) -> None:
        self.contender = contender
        begun = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "visual_byte_core.bench.contender_process", json.dumps(contender.to_dict())],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip
        self.rows: list[str] = json.loads(self._line())["rows"]
        self.start_s = time.perf_counter() - begun
        """From starting Python to the first answer."""

    def ask(self, row: str, times: int) -> list[tuple[float, float]]:
        """Let it do a task so many times; seconds by the wall clock and of the processor for each."""
        self._input.write(json.dumps([row, times]) + "\n")
        return [(wall, cpu) for wall, cpu in json.loads(self._line())]

    def end(self) -> float:
        """Its peak resident memory in MB."""
        self._input.close()
        peak = float(json.loads(self._line())["peak_mb"])
        self._process.wait(timeout=30)
        return peak

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()

    @property
    def _input(self) -> IO[str]:
        assert self._process.stdin
        return self._process.stdin

    def _line(self) -> str:
        assert self._process.stdout and self._process.stderr
        line = self._process.stdout.readline()
        if not line:
            said = self._process.stderr.read().strip().splitlines() or [f"exit code {self._process.wait()}"]
            raise ModelError(f"{self.contender.name}: {said[-1]}")
        return line


def run(contenders: Sequence[Contender], turns: int, progress: Callable[[str], None]) -> list[dict[str, object]]:
    """Ask everybody in `turns` rounds; one result for each contender, with its rows. progress: told of each step.

    Raises ModelError (one does not run).
    """
    processes: list[Process] = []
    try:
        for contender in contenders:
            processes.append(Process(contender))
            progress(contender.name)
        times = {(index, row): Times() for index, process in enumerate(processes) for row in process.rows}
        in_a_turn = dict.fromkeys(times, 1)
        for turn in range(WARM_UP_TURNS + turns):
            for (index, row), kept in times.items():
                answers = processes[index].ask(row, in_a_turn[index, row])
                if turn < WARM_UP_TURNS:
                    slowest = max(wall for wall, _ in answers)
                    in_a_turn[index, row] = max(1, min(MAX_RUNS_PER_TURN, int(TURN_S / max(slowest, 1e-6))))
                    continue
                kept.wall += [wall for wall, _ in answers]
                kept.cpu += [cpu for _, cpu in answers]
            progress(f"turn {turn + 1}")
        return [
            {
                **process.contender.to_dict(),
                "file_mb": size_mb(process.contender),
                "start_s": process.start_s,
                "rows": {row: times[index, row].summary() for row in process.rows},
                "peak_mb": process.end(),
            }
            for index, process in enumerate(processes)
        ]
    finally:
        for process in processes:
            process.kill()


def size_mb(contender: Contender) -> float:
    """Megabytes of the network files that the contender loads; for a memory, of its folder."""
    folders = [contender.memory] if contender.kind == "memory" else [contender.model, contender.text]
    files = [file for folder in folders if folder for file in Path(folder).rglob("*") if file.is_file()]
    wanted = [file for file in files if contender.kind == "memory" or file.suffix in (".onnx", ".bin")]
    return sum(512 * file.stat().st_blocks for file in wanted) / 1e6  # sparse files take less
