# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""`training`: the curves of a training run, from its log.csv."""

from __future__ import annotations

import csv
from pathlib import Path

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from visual_byte_core.errors import DataError
from visual_byte_core.evaluation.figures.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION

LOSSES = {
    "cls_image": (SKY, "-"), "cls_text": (BLUE, "--"), "cls_audio": (BLUE, ":"), "clip": (GREEN, "-"),
    "audio": (VERMILLION, "-"), "audio_text": (ORANGE, "--"), "regions": (PURPLE, "-"), "total": (BLACK, "-"),
}  # fmt: skip
PAIRS = {
    "text_to_image": ("typed name → photo", BLUE, "o"),
    "audio_to_image": ("spoken name → photo", VERMILLION, "^"),
    "image_to_text": ("photo → name", GREEN, "s"),
    "image_to_image": ("photo → photo", BLACK, "D"),
}

Columns = dict[str, list[float]]


def read_log(run: Path) -> Columns:
    """The columns of RUN/log.csv, a value an epoch.

    Raises:
        DataError: there is none or it is not such a table.
    """
    path = run / "log.csv"
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); give the folder of a training run") from error
    except (TypeError, ValueError) as error:
        raise DataError(f"{path}: not a table of numbers ({error}); expected the log of `visual-byte train`") from error
    if not rows or not {"epoch", "total"} <= set(rows[0]):
        raise DataError(f"{path}: no epoch, or not the log of `visual-byte train`")
    return {key: [row[key] for row in rows] for key in rows[0]}


def training_curves(run: Path) -> Figure:
    """Losses, recalls on the validation split, the learned scales, and learning rate with gradient norm."""
    log = read_log(run)
    figure, axes = pyplot.subplots(2, 2, figsize=(7.6, 6.0), sharex=True)
    _draw_losses(axes[0, 0], log)
    _draw_recalls(axes[0, 1], log)
    _draw_pair(axes[1, 0], log, ("logit_scale", "contrast scale"), ("temperature", "classifier temperature"))
    _draw_pair(axes[1, 1], log, ("learning_rate", "learning rate"), ("gradient_norm", "gradient norm"))
    for one in axes[1]:
        one.set_xlabel("epoch")
        one.xaxis.get_major_locator().set_params(integer=True)
    figure.suptitle(_title(run, log), fontsize=10)
    return figure


def _draw_losses(axes: Axes, log: Columns) -> None:
    for name, (colour, style) in LOSSES.items():
        if name in log:
            axes.plot(
                log["epoch"], log[name], style, color=colour, label=name, linewidth=2.2 if name == "total" else 1.4
            )
    axes.set_yscale("log")
    axes.set_title("losses (weighted)", fontsize=9)
    axes.grid()
    axes.legend(fontsize=7, frameon=False, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.04))


def _draw_recalls(axes: Axes, log: Columns) -> None:
    for pair, (label, colour, marker) in PAIRS.items():
        if f"eval_{pair}_r1" in log:
            axes.plot(
                log["epoch"], log[f"eval_{pair}_r1"], marker=marker, color=colour, label=label, markersize=4,
                linewidth=1.4,
            )  # fmt: skip
    axes.set_ylim(0, 1)
    axes.set_title("R@1 on what training never sees", fontsize=9)
    axes.grid()
    axes.legend(fontsize=7, frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.04))


def _draw_pair(axes: Axes, log: Columns, left: tuple[str, str], right: tuple[str, str]) -> None:
    """Two quantities of their own scales: solid on the left, dashed on the right."""
    other = axes.twinx()
    for place, (name, label), colour, style in ((axes, left, BLUE, "-"), (other, right, VERMILLION, "--")):
        if name in log:
            place.plot(log["epoch"], log[name], style, color=colour)
        place.set_ylabel(label, color=colour)
        place.tick_params(axis="y", colors=colour)
    other.spines["right"].set_visible(True)
    axes.grid()


def _title(run: Path, log: Columns) -> str:
    last = [f"{label} {log[f'eval_{pair}_r1'][-1]:.2f}" for pair, (label, _, _) in PAIRS.items()
            if f"eval_{pair}_r1" in log]  # fmt: skip
    minutes = f", {sum(log['minutes']) / 60:.1f} hours" if "minutes" in log else ""
    return f"{run.name}: {len(log['epoch'])} epochs{minutes}\nR@1 at the end: {', '.join(last)}"
