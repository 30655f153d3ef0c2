# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""`recall` and `not_found`: the figures of an evaluation report."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from visual_byte_core.errors import DataError
from visual_byte_core.evaluation.figures.style import BLUE, MODALITY_COLOURS, SKY

STYLES = {"known_absent": "-", "never_trained": "--"}


def report_figures(report: Mapping[str, Any], wanted: Collection[str]) -> dict[str, Figure]:
    """Those `wanted` of `recall` and, if the report holds absent queries, `not_found`.

    Raises:
        DataError: it is no report.
    """
    figures = {}
    try:
        if "recall" in wanted:
            figures["recall"] = _figure((7.5, 4.2), lambda axes: _draw_recall(axes, report))
        if "not_found" in wanted and any(
            curve["far"] for kinds in report["details"]["curves"].values() for curve in kinds.values()
        ):
            figures["not_found"] = _figure((5.5, 6.2), lambda axes: _draw_not_found(axes, report))
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"no report of `visual-byte evaluate`: {type(error).__name__} {error} while reading it"
        ) from error
    return figures


def _draw_recall(axes: Axes, report: Mapping[str, Any]) -> None:
    pairs = {pair: found for pair, found in report["retrieval"].items() if found["n"]}
    places = np.arange(len(pairs))
    for offset, key, label, colour in ((-0.2, "r1", "R@1", BLUE), (0.2, "r5", "R@5", SKY)):
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
            axes.plot(
                curve["frr"], curve["far"], STYLES[absence], color=MODALITY_COLOURS[kind], label=label, clip_on=False
            )
            if rates["far"] is not None:
                axes.plot(rates["frr"], rates["far"], "o", color=MODALITY_COLOURS[kind], markersize=6, clip_on=False)
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


def _figure(inches: tuple[float, float], draw: Callable[[Axes], None]) -> Figure:
    figure, axes = pyplot.subplots(figsize=inches)
    draw(axes)
    return figure
