# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Draw docs/house.png: the folders of visual_byte_core, floor by floor, and which imports which.

The floors are those of the layers contract in pyproject.toml; the arrows are read from the code. Single files at the
bottom are one room, the ground; an arrow that follows from two others is left out.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import cv2
import grimp
import numpy as np
from matplotlib import pyplot
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

ROOT = Path(__file__).resolve().parent.parent
CORE = "visual_byte_core"
WIDTH, FLOOR, ROOM = 11.0, 1.0, 0.52  # of the picture, a floor and a room on it, in inches
Arrow = tuple[str, str]
INK, MAKES, RUNS, BOTH = "#333333", "#f3d9b1", "#b9d7ea", "#e6e6e6"
MAKING = ("export", "training", "evaluation", "dataset", "pretrained", "bench", "figures")
RUNNING = ("views", "engine", "embedding", "memory", "capture", "messages", "bags")


def floors() -> list[list[str]]:
    """The rooms of each floor, top first, as the contract has them; what is not there yet is left out."""
    contract = re.search(r"^layers = \[\n(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.MULTILINE | re.DOTALL)
    if contract is None:
        sys.exit("pyproject.toml: no layers contract of import-linter")
    lines = re.findall(r'"(.+?)"', contract.group(1))
    rooms = [[room.strip(" ()") for room in re.split(r"[|:]", line)] for line in lines]
    there = [[room for room in floor if (ROOT / CORE / room).exists() or (ROOT / CORE / f"{room}.py").exists()]
             for floor in rooms]  # fmt: skip
    return [floor for floor in there if floor]


def imports(rooms: set[str]) -> Counter[tuple[str, str]]:
    """How many imports lead from one room to another."""
    graph = grimp.build_graph(CORE, exclude_type_checking_imports=True)
    found: Counter[tuple[str, str]] = Counter()
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            pair = tuple([*name.split("."), ""][1] for name in (module, imported))
            if pair[0] != pair[1] and rooms.issuperset(pair):
                found[pair[0], pair[1]] += 1
    return found


def with_ground(plan: list[list[str]], arrows: Iterable[Arrow]) -> tuple[list[list[str]], set[Arrow]]:
    """The floors below the last folder as one, with the arrows into it."""
    last = max(
        number
        for number, floor in enumerate(plan)
        if any(len(list((ROOT / CORE / room).glob("*.py"))) > 1 for room in floor)
    )
    files = [room for floor in plan[last + 1 :] for room in floor]
    ground = "ground: " + ", ".join(files)
    renamed = {(ground if upper in files else upper, ground if lower in files else lower) for upper, lower in arrows}
    return [*plan[: last + 1], [ground]], {(upper, lower) for upper, lower in renamed if upper != lower}


def reduced(arrows: set[Arrow]) -> set[Arrow]:
    """Without those that follow from others: from a to c where there is a way over b."""
    below: dict[str, set[str]] = {}
    for upper, lower in arrows:
        below.setdefault(upper, set()).add(lower)

    def reached(room: str) -> set[str]:
        direct = below.get(room, set())
        return direct.union(*(reached(lower) for lower in direct))

    return {
        (upper, lower)
        for upper, lower in arrows
        if not any(lower in reached(other) for other in below[upper] if other != lower)
    }


def draw(plan: list[list[str]], arrows: set[Arrow], path: Path) -> None:
    height = FLOOR * len(plan) + 0.4
    figure, axes = pyplot.subplots(figsize=(WIDTH, height))
    axes.set(xlim=(0, WIDTH), ylim=(0, height))
    axes.axis("off")
    boxes: dict[str, tuple[float, float, float]] = {}
    for number, floor in enumerate(plan):
        width = 0.9 * WIDTH if floor == plan[-1] else 1.75
        for i, room in enumerate(floor):
            x = WIDTH * (i + 0.5) / len(floor) * 0.86 + WIDTH * 0.07
            boxes[room] = (x, height - 0.2 - FLOOR * (number + 0.5), width)
    for upper, lower in sorted(arrows):
        (x, y, _), (to_x, to_y, _) = boxes[upper], boxes[lower]
        if lower == plan[-1][0]:
            to_x = x  # straight down: the ground is as wide as the house
        bend = 0.0 if abs(y - to_y) < 1.5 * FLOOR else 0.2
        axes.add_patch(
            FancyArrowPatch(
                (x, y - ROOM / 2), (to_x, to_y + ROOM / 2), arrowstyle="-|>", mutation_scale=8,
                connectionstyle=f"arc3,rad={bend}", linewidth=1.0, color=INK, zorder=1,
            )
        )  # fmt: skip
    for room, (x, y, width) in boxes.items():
        colour = MAKES if room in MAKING else RUNS if room in RUNNING else BOTH
        corner = (x - width / 2, y - ROOM / 2)
        shape = FancyBboxPatch(corner, width, ROOM, "round,pad=0.02", facecolor=colour, edgecolor=INK, zorder=2)
        axes.add_patch(shape)
        axes.text(x, y, room, ha="center", va="center", fontsize=10, zorder=3)
    for i, (colour, words) in enumerate(
        ((RUNS, "a robot runs it"), (MAKES, "makes and measures a bundle"), (BOTH, "both"))
    ):
        axes.add_patch(
            FancyBboxPatch((0.1 + 2.6 * i, 0.08), 0.25, 0.16, "round,pad=0.01", facecolor=colour, edgecolor=INK)
        )
        axes.text(0.45 + 2.6 * i, 0.16, words, va="center", fontsize=8)
    figure.subplots_adjust(0, 0, 1, 1)
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[:, :, :3]
    if not cv2.imwrite(str(path), pixels[:, :, ::-1]):
        sys.exit(f"{path}: cannot be written")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "house.png", help="the picture")
    out = parser.parse_args().out
    plan = floors()
    arrows = imports({room for floor in plan for room in floor})
    level = {room: number for number, floor in enumerate(plan) for room in floor}
    upwards = [f"{upper} -> {lower}" for upper, lower in sorted(arrows) if level[lower] < level[upper]]
    if upwards:
        sys.exit(f"imports that lead up: {', '.join(upwards)}")
    plan, shown = with_ground(plan, arrows)
    draw(plan, reduced(shown), out)
    print(f"{out.name}: {sum(map(len, plan))} rooms on {len(plan)} floors, {sum(arrows.values())} imports, none up")


if __name__ == "__main__":
    main()
