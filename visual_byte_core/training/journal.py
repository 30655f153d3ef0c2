# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What a training run writes down: two tables and TensorBoard's events."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from visual_byte_core.files import write_atomically

Row = Mapping[str, float]

EPOCHS, STEPS = "log.csv", "steps.csv"
JOURNAL_EVERY = 20  # steps


class Journal:
    """`log.csv` (a row an epoch), `steps.csv` (a row every few steps) and TensorBoard's events in `tensorboard/`.

    Args:
        step: where the run goes on; what was written of later ones, which are trained again, is dropped.
        epoch: as `step`.
    """

    def __init__(self, out: Path, step: int = 0, epoch: int = 0) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.out = out
        self.epochs = _keep_rows(out / EPOCHS, epoch)
        _keep_rows(out / STEPS, step)
        self.events: Any = SummaryWriter(str(out / "tensorboard"), purge_step=step + 1 if step else None)

    def step(self, number: int, values: Row) -> None:
        """Write down the values of a step."""
        _append_row(self.out / STEPS, {"step": number, **values})
        for name, value in values.items():
            self.events.add_scalar(f"step/{name}", value, number)

    def epoch(self, number: int, values: Row) -> None:
        """Write down the values of an epoch, and let TensorBoard see all that is written."""
        _append_row(self.out / EPOCHS, {"epoch": number, **values})
        for name, value in values.items():
            self.events.add_scalar(f"epoch/{name}", value, number)
        self.events.flush()

    def close(self) -> None:
        """Let go of TensorBoard's file."""
        self.events.close()


def _keep_rows(path: Path, last: int) -> list[dict[str, float]]:
    """Drop the rows whose first column is beyond `last`, and a last one that a crash cut off; returns the others."""
    if not path.exists():
        return []
    with open(path, encoding="utf-8", newline="") as file:
        columns, *rows = list(csv.reader(file)) or [[]]
    kept = [row for row in rows if len(row) == len(columns) and float(row[0]) <= last]
    if kept != rows:
        table = io.StringIO(newline="")
        csv.writer(table).writerows([columns, *kept])
        write_atomically(path, table.getvalue().encode())
    return [dict(zip(columns, map(float, row), strict=True)) for row in kept]


def _append_row(path: Path, row: Row) -> None:
    """One more line; a file of other columns, as an older run wrote, is kept beside under another name."""
    if path.exists():
        with open(path, encoding="utf-8", newline="") as file:
            columns = next(csv.reader(file), [])
        if columns != list(row):
            names = (path.with_name(f"{path.stem}.older{number}.csv") for number in itertools.count(1))
            path.replace(next(name for name in names if not name.exists()))
    new = not path.exists()
    with open(path, "a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)
