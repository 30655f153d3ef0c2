# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""One picture of how honest a bundle is: what its probabilities are worth, and what refusing costs."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
from matplotlib import colormaps, pyplot
from matplotlib.axes import Axes

from visual_byte_core.bundle.score_calibration import ScoreCalibration
from visual_byte_core.evaluation.calibration_check import RATES, calibration_bins, calibration_error
from visual_byte_core.evaluation.figures.style import GREY, house_style
from visual_byte_core.metrics.drawn_memories import Samples

KINDS = {"text": "typed names", "audio": "spoken names", "image": "photos"}
DPI = 80
MIN_WEIGHT = 0.01  # a bin of a few matches says nothing


def refusal_picture(samples: Mapping[str, Mapping[int, Samples]], calibration: ScoreCalibration) -> bytes:
    """A PNG of three rows, a column for each kind of query.

    Above, the share of best matches that are right against the probability said, for each number of memories; amid,
    false refusals against false accepts; below, the share of false accepts that was promised and kept.
    """
    with house_style():
        figure, axes = pyplot.subplots(3, len(samples), figsize=(4 * len(samples), 10), squeeze=False)
        for (above, amid, below), (kind, sizes) in zip(axes.T, samples.items(), strict=True):
            colours = colormaps["viridis"](np.linspace(0, 0.9, len(sizes)))
            above.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":")
            for colour, (size, sample) in zip(colours, sizes.items(), strict=True):
                _draw_reliability(above, sample, calibration, kind, size, colour)
                _draw_curve(amid, sample, size, colour)
            _draw_promises(below, sizes, calibration, kind)
            above.set(title=KINDS[kind], xlabel="probability said", xlim=(0, 1), ylim=(0, 1))
            amid.set(xlabel="false accepts", xlim=(0, 0.5), ylim=(0, 1))
            below.set(xscale="log", xlabel="memories", ylim=(0, 0.5))
            for axis in (above, amid, below):
                axis.legend(fontsize=6, frameon=False)
        for axis, label in zip(axes[:, 0], ("share that is right", "false refusals", "false accepts"), strict=True):
            axis.set_ylabel(label)
        png = io.BytesIO()
        figure.savefig(png, dpi=DPI, metadata={"Software": None})
        pyplot.close(figure)
    return png.getvalue()


def _draw_reliability(
    axes: Axes, sample: Samples, calibration: ScoreCalibration, kind: str, size: int, colour: np.ndarray
) -> None:
    mean, right, weight = calibration_bins(sample, calibration, kind, size)
    enough = weight > MIN_WEIGHT
    error = calibration_error(sample, calibration, kind, size)
    label = f"{size} memories, error {error:.3f}"
    axes.plot(mean[enough], right[enough], marker="o", markersize=3, linewidth=1, color=colour, label=label)


def _draw_curve(axes: Axes, sample: Samples, size: int, colour: np.ndarray) -> None:
    present = np.sort(np.concatenate(sample.present))
    absent, weights = sample.absent_scores()
    order = np.argsort(-absent)
    refused = np.searchsorted(present, absent[order]) / len(present)
    axes.plot(np.cumsum(weights[order]), refused, linewidth=1, color=colour, label=f"{size} memories")


def _draw_promises(axes: Axes, sizes: Mapping[int, Samples], calibration: ScoreCalibration, kind: str) -> None:
    for rate in RATES:
        shares = []
        for size, sample in sizes.items():
            absent, weights = sample.absent_scores()
            shares.append(float(weights[absent >= calibration.threshold(kind, size, rate)].sum()))
        (line,) = axes.plot(list(sizes), shares, marker="o", markersize=3, linewidth=1, label=f"promised {rate:g}")
        axes.axhline(rate, color=line.get_color(), linewidth=0.7, linestyle=":")
