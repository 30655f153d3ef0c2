# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""`blog_confusion`: how near each typed name lies to the photos of each class."""

from __future__ import annotations

import numpy as np
from matplotlib import pyplot
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from visual_byte_core.evaluation.figures.gallery import Gathered

CLASSES = 24


def similarity_matrix(gathered: Gathered) -> Figure:
    """Mean cosine of typed names (rows) with the photos of classes (columns); the nearest class has a dot."""
    every = sorted(gathered.names)
    similarity = _mean_cosines(gathered, every)
    right = int((similarity.argmax(axis=1) == np.arange(len(every))).sum())
    drawn = gathered.draw(every, CLASSES, "matrix")
    chosen = [every.index(slug) for slug in drawn]
    shown = similarity[np.ix_(chosen, chosen)]
    figure, axes = pyplot.subplots(figsize=(7.4, 7.2))
    picture = axes.imshow(shown, cmap="cividis")
    nearest = shown.argmax(axis=1)
    axes.scatter(nearest, np.arange(len(drawn)), 26, "white", marker="o", edgecolors="black", linewidths=0.8)
    for number in range(len(drawn)):
        axes.add_patch(Rectangle((number - 0.5, number - 0.5), 1, 1, fill=False, edgecolor="white", linewidth=1.4))
    labels = [gathered.names[slug] for slug in drawn]
    axes.set_xticks(range(len(drawn)), labels, rotation=90, fontsize=8)
    axes.set_yticks(range(len(drawn)), labels, fontsize=8)
    axes.set(xlabel="photos of", ylabel="typed name")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    figure.colorbar(picture, ax=axes, shrink=0.7, label="mean cosine")
    dot = Line2D([], [], color="white", marker="o", markeredgecolor="black", linestyle="", label="nearest of these")
    box = Line2D([], [], color="none", marker="s", markeredgecolor="grey", linestyle="", label="the class named")
    axes.legend(
        handles=[dot, box], loc="lower right", bbox_to_anchor=(1, 1.005), ncols=2, frameon=False, fontsize=8,
        borderaxespad=0,
    )  # fmt: skip
    figure.suptitle(
        f"{gathered.embedder.bundle.id}: {right} of {len(every)} typed names are nearest, on average, to the photos of "
        f"their own class\n{len(drawn)} classes, drawn by chance; {len(gathered.photos.slugs):,} photos in all",
        fontsize=9,
    )
    return figure


def _mean_cosines(gathered: Gathered, slugs: list[str]) -> NDArray[np.float32]:
    """(n, n): names by classes of photos."""
    cosines = gathered.texts.embeddings @ gathered.photos.embeddings.T
    rows = cosines[[gathered.texts.slugs.index(slug) for slug in slugs]]
    of_class = np.array(gathered.photos.slugs)
    return np.stack([rows[:, of_class == slug].mean(axis=1) for slug in slugs], axis=1)
