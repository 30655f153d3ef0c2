# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What a benchmark measured, as a table, as JSON and as a figure."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Result = dict[str, Any]


def machine() -> dict[str, object]:
    """Where it was measured."""
    import onnxruntime

    model = platform.processor()
    cpu = Path("/proc/cpuinfo")
    if cpu.exists():
        lines = [line for line in cpu.read_text().splitlines() if line.startswith("model name")]
        model = lines[0].partition(":")[2].strip() if lines else model
    return {
        "cpu": model or platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,
        "load_1_minute": os.getloadavg()[0],
        "date": datetime.now(timezone.utc).date().isoformat(),
    }


def by_row(contenders: Sequence[Result]) -> dict[str, list[tuple[Result, dict[str, float]]]]:
    """Row -> who filled it, quickest first."""
    rows: dict[str, list[tuple[Result, dict[str, float]]]] = {}
    for contender in contenders:
        for row, times in contender["rows"].items():
            rows.setdefault(row, []).append((contender, times))
    return {row: sorted(entries, key=lambda entry: entry[1]["p50_ms"]) for row, entries in rows.items()}


def table(report: Result) -> str:
    """Markdown: each row's contenders, quickest first, beside the first bundle at 2 threads; then their sizes."""
    lines = []
    baseline = (report["contenders"][0]["name"], report["contenders"][0]["threads"])
    for row, entries in by_row(report["contenders"]).items():
        base = next((times["p50_ms"] for it, times in entries if (it["name"], it["threads"]) == baseline), None)
        lines += [f"| {row} | threads | median ms | 95 % ms | CPU ms | times ours |", "| --- |" + " ---: |" * 5]
        for it, times in entries:
            ratio = f"{times['p50_ms'] / base:.1f}" if base else ""
            lines.append(
                f"| {it['name']} | {it['threads']} | {times['p50_ms']:.2f} | {times['p95_ms']:.2f} |"
                f" {times['cpu_ms']:.2f} | {ratio} |"
            )
        lines.append("")
    lines += ["| process | threads | start to first answer s | peak memory MB | files MB | weights |"]
    lines += ["| --- |" + " ---: |" * 4 + " --- |"]
    for it in report["contenders"]:
        lines.append(
            f"| {it['name']} | {it['threads']} | {it['start_s']:.2f} | {it['peak_mb']:.0f} |"
            f" {it['file_mb']:.1f} | {it['weights']} |"
        )
    if nodes := report["nodes"]:
        lines += ["", "| whole nodes, over DDS | " + " | ".join(nodes) + " |", "| --- |" + " ---: |" * len(nodes)]
        for row in next(iter(nodes.values())):
            lines.append(f"| {row} | " + " | ".join(f"{values[row]:.1f}" for values in nodes.values()) + " |")
    if training := report["training"]:
        lines += ["", f"training: {training['photos_per_second']:.0f} photos a second over {training['steps']} steps,"
                  f" {100 * training['data_share']:.1f} % of the time lost to waiting for data"]  # fmt: skip
    return "\n".join(lines)


def draw(report: Result, out: Path) -> None:
    """Medians on logarithmic bars, ours in colour, with lines to the 95th percentile.

    A panel for each row that others fill as well, or for all rows if nobody else took part.
    """
    from matplotlib.figure import Figure

    from visual_byte_core.evaluation.figures.style import house_style, save

    rows = by_row(report["contenders"])
    rows = {row: entries for row, entries in rows.items() if {it["kind"] for it, _ in entries} > {"ours"}} or rows
    with house_style():
        figure = Figure((8, sum(0.26 * len(entries) + 0.75 for entries in rows.values())), layout="constrained")
        heights = [len(entries) + 1 for entries in rows.values()]
        axes = figure.subplots(len(rows), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
        for axis, (row, entries) in zip(axes, rows.items(), strict=True):
            _draw_row(axis, row, entries[::-1])
        axes[-1].set_xlabel("milliseconds: median, with a line to the 95th percentile")
        save(figure, out.parent, out.stem)


def _draw_row(axis: Axes, row: str, entries: Sequence[tuple[Result, dict[str, float]]]) -> None:
    names = [f"{it['name']}, {it['threads']} thread{'s' * (it['threads'] > 1)}" for it, _ in entries]
    medians = [times["p50_ms"] for _, times in entries]
    reach = [times["p95_ms"] - times["p50_ms"] for _, times in entries]
    colours = ["tab:orange" if it["kind"] in ("ours", "memory") else "tab:gray" for it, _ in entries]
    axis.barh(names, medians, color=colours, xerr=[[0] * len(reach), reach], ecolor="black", capsize=2)
    for position, (median, over) in enumerate(zip(medians, reach, strict=True)):
        axis.annotate(f"  {median:.3g}", (median + over, position), va="center", fontsize=8)
    axis.set_xscale("log")
    # A bar on a logarithmic axis has no zero to begin at; a whole power of ten is at least plain to see.
    longest = max(median + over for median, over in zip(medians, reach, strict=True))
    axis.set_xlim(10 ** math.floor(math.log10(min(medians) / 1.2)), 1.8 * longest)
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_formatter("")
    axis.set_title(row, loc="left", fontsize=10)
    axis.tick_params(labelsize=8)
    axis.grid(axis="x", alpha=0.3)
