# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""`regions`: composed scenes, and where in them the map of regions sees each typed name."""

from __future__ import annotations

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from visual_byte_core.embedding.regions import similarity
from visual_byte_core.evaluation.figures.gallery import Gathered
from visual_byte_core.evaluation.figures.style import frame, judge, short
from visual_byte_core.evaluation.scenes import LAYOUTS, Scene, compose_scenes, measure_regions, tile_of_peak

SHOWN = ("2x2", "2x2", "2x2_small", "3x3", "3x3")
NAMES = 4  # of each scene
MEASURED = 100  # scenes for the title


def regions_of_scenes(gathered: Gathered) -> Figure:
    """Rows of a scene and, for four of its names, the cosine of every cell; a dot marks the cell that is nearest."""
    embedder = gathered.embedder
    figure, axes = pyplot.subplots(len(SHOWN), NAMES + 1, figsize=(7.2, 1.5 * len(SHOWN) + 0.6))
    for number, (row, layout) in enumerate(zip(axes, SHOWN, strict=True)):
        grid, enlarged = LAYOUTS[layout]
        scene = compose_scenes(embedder, gathered.photo_files, grid, number + 1, enlarged)[number]
        cells = embedder.embed_map(scene.image[None])[0]
        row[0].imshow(scene.image)
        frame(row[0])
        row[0].set_title(f"{grid} x {grid}, {scene.image.shape[0]} pixels", fontsize=8, pad=3)
        for place, slug in zip(row[1:], scene.slugs, strict=False):
            name = gathered.texts.embeddings[gathered.texts.slugs.index(slug)]
            _show(place, scene, slug, similarity(cells, name), gathered.names[slug], grid)
    found = measure_regions(embedder, gathered.photo_files, gathered.texts, MEASURED)
    rates = ", ".join(f"{layout.replace('_', ' ')} {rate['hit_rate']:.2f}" for layout, rate in found.items())
    figure.suptitle(
        f"{embedder.bundle.id}: each name's nearest cell is in its photo\n{rates} of {MEASURED} scenes each"
    )
    return figure


def _show(axes: Axes, scene: Scene, slug: str, heat: NDArray[np.float32], name: str, grid: int) -> None:
    side = scene.image.shape[0]
    axes.imshow(scene.image.mean(axis=2), cmap="gray", vmin=-200, vmax=400)  # pale, under the colours
    axes.imshow(heat, cmap="viridis", alpha=0.6, extent=(0, side, side, 0), interpolation="nearest")
    row, column = np.unravel_index(int(heat.argmax()), heat.shape)
    y, x = ((place + 0.5) * side / cells for place, cells in zip((row, column), heat.shape, strict=True))
    axes.plot(x, y, "o", color="white", markeredgecolor="black", markersize=5)
    tile = scene.slugs.index(slug)
    top, left = (place * side / grid for place in divmod(tile, grid))
    axes.add_patch(Rectangle((left, top), side / grid, side / grid, fill=False, edgecolor="white", linewidth=1.2))
    axes.set(xlim=(0, side), ylim=(side, 0))
    judge(axes, tile_of_peak(heat, grid) == tile, f"{short(name, 12)} {heat.max():.2f}", 7)
