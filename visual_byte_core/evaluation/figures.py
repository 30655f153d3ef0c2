# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Figures of evaluation reports; the only place that imports matplotlib."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from visual_byte_core.errors import DataError

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402

# Okabe and Ito's colours, told apart by colour-blind readers too; the line style says it a second time.
COLOURS = {"text": "#0072B2", "audio": "#D55E00"}
STYLES = {"known_absent": "-", "never_trained": "--"}
R1, R5 = "#0072B2", "#56B4E9"
DPI = 150


def write_figures(report: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write `recall.png` and, if the report holds absent queries, `not_found.png` into `folder`; returns their paths.

    Raises DataError if `report` is no evaluation report, OSError if the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [_save(folder / "recall.png", (7.5, 4.2), lambda axes: _draw_recall(axes, report))]
        if any(curve["far"] for kinds in report["details"]["curves"].values() for curve in kinds.values()):
            written.append(_save(folder / "not_found.png", (5.5, 6.2), lambda axes: _draw_not_found(axes, report)))
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"no report of `visual-byte evaluate`: {type(error).__name__} {error} while reading it"
        ) from error
    return written


def _draw_recall(axes: Axes, report: Mapping[str, Any]) -> None:
    pairs = {pair: found for pair, found in report["retrieval"].items() if found["n"]}
    places = np.arange(len(pairs))
    for offset, key, label, colour in ((-0.2, "r1", "R@1", R1), (0.2, "r5", "R@5", R5)):
        values = [found[key] for found in pairs.values()]
        bars = axes.bar(places + offset, values, 0.38, label=label, color=colour)
        axes.bar_label(bars, [f"{value:.2f}" for value in values], fontsize=8, padding=1)
    axes.set_xticks(
        places, [f"{pair.replace('_', ' ')}\nn = {found['n']}" for pair, found in pairs.items()], fontsize=8
    )
    axes.set_ylim(0, 1.08)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.set_ylabel("share of queries")
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    axes.set_title(_title(report), fontsize=10)


def _draw_not_found(axes: Axes, report: Mapping[str, Any]) -> None:
    for absence, kinds in report["details"]["curves"].items():
        for kind, curve in kinds.items():
            rates = report["not_found"][absence][kind]
            if not curve["far"]:
                continue
            label = f"{kind}, {absence.replace('_', ' ')} (n = {rates['n']}, AUROC {rates['auroc']:.2f})"
            axes.plot(curve["frr"], curve["far"], STYLES[absence], color=COLOURS[kind], label=label, clip_on=False)
            if rates["far"] is not None:
                axes.plot(rates["frr"], rates["far"], "o", color=COLOURS[kind], markersize=6, clip_on=False)
    axes.plot([], [], "o", color="black", label="at the bundle's threshold")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="present things refused", ylabel="absent things accepted")
    axes.set_aspect("equal")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.11))
    axes.set_title(_title(report), fontsize=10)


def _title(report: Mapping[str, Any]) -> str:
    counts = report["counts"]
    return f"{report['bundle']}: {counts['images']} photos of {counts['classes']} classes"


def _save(path: Path, inches: tuple[float, float], draw: Callable[[Axes], None]) -> Path:
    figure, axes = pyplot.subplots(figsize=inches, layout="constrained")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draw(axes)
        figure.savefig(temporary, dpi=DPI, format="png", bbox_inches="tight")
        os.replace(temporary, path)
    finally:
        pyplot.close(figure)
        temporary.unlink(missing_ok=True)
    return path
