# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""`tsne` and `blog_tsne`: photos, typed and spoken names on one map; marks tell the modality, colours the class."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox
from numpy.typing import NDArray
from sklearn.manifold import TSNE

from visual_byte_core.evaluation.figures.gallery import Gathered
from visual_byte_core.evaluation.figures.style import BLACK, CLASS_COLOURS, short
from visual_byte_core.metrics.recall import recall_at_k

MARKERS = {"photo": "o", "typed": "*", "spoken": "^"}
SIZES = {"photo": 30, "typed": 190, "spoken": 40}
CLASSES = 2 * len(CLASS_COLOURS)  # each colour twice: filled, and hollow
MAX_PER_KIND = 30  # photos, and clips, of one class
PERPLEXITY = 30.0
LABEL_PLACES = (  # offset in points, alignment
    (0, 9, "center", "bottom"), (0, -9, "center", "top"), (10, 0, "left", "center"), (-10, 0, "right", "center"),
    (7, 7, "left", "bottom"), (-7, 7, "right", "bottom"), (7, -7, "left", "top"), (-7, -7, "right", "top"),
)  # fmt: skip


def tsne(gathered: Gathered) -> Figure:
    """As many classes as can be told apart and labelled."""
    figure, axes = pyplot.subplots(figsize=(7.6, 7.0))
    share = _draw(figure, axes, gathered, gathered.draw(list(gathered.names), CLASSES, "tsne"), label_size=7.5)
    axes.set_title(
        f"{gathered.title()}\nt-SNE; {share:.0%} of these photos lie nearest, in {gathered.photos.embeddings.shape[1]} "
        "dimensions, to their own typed name", fontsize=9,
    )  # fmt: skip
    return figure


def blog_tsne(gathered: Gathered) -> Figure:
    """Eight classes, each in a colour of its own, for readers who never saw such a map."""
    slugs = gathered.draw(list(gathered.names), len(CLASS_COLOURS), "blog_tsne")
    figure, axes = pyplot.subplots(figsize=(7.2, 6.0))
    share = _draw(figure, axes, gathered, slugs, label_size=10)
    axes.set_title(
        f"What the robot sees, reads and hears, on one map: {len(slugs)} things, drawn by chance\n"
        f"{share:.0%} of these photos lie nearest to their own name", fontsize=10,
    )  # fmt: skip
    return figure


def _draw(figure: Figure, axes: Axes, gathered: Gathered, slugs: list[str], label_size: float) -> float:
    """Draw the map; returns the share of photos whose nearest typed name, of those on the map, is their own."""
    embeddings, classes, kinds = _points(gathered, slugs)
    perplexity = min(PERPLEXITY, (len(embeddings) - 1) / 3)
    places = TSNE(metric="cosine", init="pca", perplexity=perplexity, random_state=0).fit_transform(embeddings)
    for number, slug in enumerate(slugs):
        colour = CLASS_COLOURS[number % len(CLASS_COLOURS)]
        face = colour if number < len(CLASS_COLOURS) else "white"
        for kind, marker in MARKERS.items():
            points = places[(kinds == kind) & (classes == slug)]
            # The star of a typed name lies on top: there is one of it and many of the others.
            edge = {"edgecolor": BLACK, "linewidth": 0.8, "zorder": 4} if kind == "typed" else {"edgecolor": colour}
            axes.scatter(
                points[:, 0], points[:, 1], SIZES[kind], colour if kind == "typed" else face, marker=marker, **edge
            )
    axes.margins(0.08)
    stars = places[kinds == "typed"].tolist()  # one a class, in the order of the slugs
    named = {gathered.names[slug]: (x, y) for slug, (x, y) in zip(slugs, stars, strict=True)}
    _label(figure, axes, named, places, label_size)
    handles = [
        Line2D([], [], color="grey", marker=marker, linestyle="", markersize=SIZES[kind] ** 0.5, label=kind)
        for kind, marker in MARKERS.items()
    ]
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=3, frameon=False)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(True)
    photos, names = kinds == "photo", kinds == "typed"
    return recall_at_k(embeddings[photos], classes[photos], embeddings[names], classes[names])["r1"]


def _label(
    figure: Figure, axes: Axes, stars: dict[str, tuple[float, float]], points: NDArray[np.float32], label_size: float
) -> None:
    """Write each name beside its star, where it covers the least of the other names and of the points."""
    figure.draw_without_rendering()  # places on paper are known only after the layout
    taken: list[Bbox] = []
    dots = axes.transData.transform(points)
    inside = axes.get_window_extent()
    for name, star in stars.items():
        tried: list[tuple[int, int, Any, Bbox]] = []
        for dx, dy, horizontal, vertical in LABEL_PLACES:
            text = axes.annotate(
                short(name, 24), star, (dx, dy), textcoords="offset points", ha=horizontal, va=vertical,
                fontsize=label_size, fontweight="bold", zorder=5,
                path_effects=[withStroke(linewidth=2.5, foreground="white")],
            )  # fmt: skip
            box = text.get_window_extent()
            covered = sum(box.overlaps(other) for other in taken) * 100 + _points_in(box, dots)
            outside = not (inside.contains(box.x0, box.y0) and inside.contains(box.x1, box.y1))
            tried.append((covered + 1000 * outside, len(tried), text, box))
        *others, (_, _, _, chosen) = sorted(tried, key=lambda one: one[:2], reverse=True)
        for _, _, text, _ in others:
            text.remove()
        taken.append(chosen)


def _points_in(box: Bbox, points: NDArray[np.float64]) -> int:
    return int(((points > box.min) & (points < box.max)).all(axis=1).sum())


def _points(gathered: Gathered, slugs: list[str]) -> tuple[NDArray[np.float32], NDArray[np.str_], NDArray[np.str_]]:
    """Embeddings (n, d), classes (n,) and kinds (n,) of what the map shows."""
    parts, classes, kinds = [], [], []
    for kind, labelled in (("photo", gathered.photos), ("typed", gathered.texts), ("spoken", gathered.clips)):
        of_class = np.array(labelled.slugs)
        for slug in slugs:
            chosen = np.flatnonzero(of_class == slug)[:MAX_PER_KIND]
            parts.append(labelled.embeddings[chosen])
            classes += [slug] * len(chosen)
            kinds += [kind] * len(chosen)
    return np.concatenate(parts), np.array(classes), np.array(kinds)
