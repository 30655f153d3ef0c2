# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A contender's own process: `python -m visual_byte_core.bench.contender_process CONTENDER` (JSON).

It loads, answers once and says so in a line of JSON on standard output; then it reads lines `["row", times]` and
answers each with the seconds of wall clock and of CPU (all threads) that each took; at the end of input with its peak
memory.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable

from visual_byte_core.bench.contenders import FRAME, Contender
from visual_byte_core.bench.resident_memory import resident_bytes


def main() -> int:
    """Answer on standard output, line by line, how long each task took, until standard input ends."""
    contender = Contender(**json.loads(sys.argv[1]))
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print must not come between the answers
    if contender.kind in ("ours", "memory"):
        from visual_byte_core.bench import our_bundles

        tasks = our_bundles.our_tasks(contender) if contender.kind == "ours" else our_bundles.memory_tasks(contender)
    else:
        from visual_byte_core.bench import other_systems

        make = {
            "clap": other_systems.clap_tasks,
            "whisper": other_systems.whisper_tasks,
            "whisper-cut": other_systems.whisper_tasks,
        }
        tasks = make.get(contender.kind, other_systems.clip_tasks)(contender)
    first = tasks[FRAME] if FRAME in tasks else next(iter(tasks.values()))
    first()
    print(json.dumps({"rows": list(tasks)}), file=answers)
    for line in sys.stdin:
        row, times = json.loads(line)
        print(json.dumps([timed(tasks[row]) for _ in range(times)]), file=answers)
    # getrusage's maximum would be that of the process it was forked from, if that was larger.
    print(json.dumps({"peak_mb": resident_bytes("self", "VmHWM") / 1e6}), file=answers)
    return 0


def timed(task: Callable[[], object]) -> tuple[float, float]:
    """Seconds of wall clock and of CPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    task()
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    sys.exit(main())
