# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""How quickly a data set is trained on: real training, stopped after some steps."""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

from tqdm import trange

from visual_byte_core.errors import DataError
from visual_byte_core.training.config import load_config
from visual_byte_core.training.journal import JOURNAL_EVERY, STEPS

LOOKS_EVERY = 0.05  # seconds
INTERVALS = 2


def training_speed(configuration: Path, data: Path) -> dict[str, float]:
    """Train as `visual-byte train --config CONFIGURATION` does on `data`, and stop after three notes in its journal.

    Returns photos_per_second between the first and the last note, data_share (0..1, of the time, lost to waiting for
    data) and steps, how many that was of.

    Raises:
        DataError: the training ended before that, with what it said.
    """
    config = load_config(configuration, [])
    with tempfile.TemporaryDirectory() as out, tempfile.TemporaryFile("w+") as said:
        settings = {"out": out, "data.root": data}
        for folder in ("distractors", "noise"):  # those of the data set, not those that the configuration names
            settings[f"data.{folder}"] = data / folder if (data / folder).is_dir() else '""'
        command = ["train", "--config", str(configuration)]
        command += [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
        process = subprocess.Popen(
            [sys.executable, "-m", "visual_byte_core", *command], stdout=said, stderr=said, text=True
        )
        try:
            notes = []
            for number in trange(1 + INTERVALS, desc="training", unit=f"{JOURNAL_EVERY} steps", disable=None):
                _wait_for_notes(Path(out) / STEPS, 1 + number, process, said)
                notes.append(time.perf_counter())
            with open(Path(out) / STEPS, encoding="utf-8", newline="") as table:
                shares = [float(row["data_share"]) for row in csv.DictReader(table)][1:]
        finally:
            process.terminate()
            process.wait()
    steps = INTERVALS * JOURNAL_EVERY
    photos = steps * config.optimizer.classes * config.optimizer.photos * config.optimizer.accumulate
    return {
        "photos_per_second": photos / (notes[-1] - notes[0]),
        "data_share": sum(shares) / len(shares),
        "steps": steps,
    }


def _wait_for_notes(path: Path, count: int, process: subprocess.Popen[str], said: IO[str]) -> None:
    while not path.exists() or len(path.read_text(encoding="utf-8").splitlines()) <= count:
        if process.poll() is not None:
            said.seek(0)
            lines = [line for line in said.read().splitlines() if line.strip()] or ["no reason"]
            raise DataError(f"training ended after {count - 1} notes: {lines[-1]}")
        time.sleep(LOOKS_EVERY)
