# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""`retrieval_grid`: queries, drawn by seed, beside the photos that they find first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from visual_byte_core.evaluation.figures.gallery import Gathered
from visual_byte_core.evaluation.figures.style import frame, judge, short

TYPED, SPOKEN, SHOWN = 3, 3, 2  # rows
PHOTOS = 5


@dataclass(frozen=True)
class Query:
    """A row: its label, what the network is shown, its class, and the photos found, best first, with their cosines."""

    label: str
    picture: NDArray[np.uint8]
    slug: str
    found: NDArray[np.int64]
    cosines: NDArray[np.float32]


def retrieval_grid(gathered: Gathered) -> Figure:
    """Rows of one query and its nearest photos, right ones and wrong ones told apart by frame and mark."""
    queries = list(_queries(gathered))
    figure, axes = pyplot.subplots(
        len(queries), PHOTOS + 1, figsize=(7.2, 1.28 * len(queries) + 0.5), width_ratios=[1.0] * (PHOTOS + 1),
        squeeze=False,
    )  # fmt: skip
    for row, query in zip(axes, queries, strict=True):
        row[0].imshow(query.picture)
        frame(row[0])
        row[0].set_title(query.label, fontsize=8, pad=3)
        for place, number, cosine in zip(row[1:], query.found, query.cosines, strict=False):
            _show(place, gathered, int(number), float(cosine), query.slug)
        for place in row[1 + len(query.found) :]:
            place.axis("off")
    right = sum(gathered.photos.slugs[query.found[0]] == query.slug for query in queries)
    figure.suptitle(f"{gathered.title()}\n{right} of these {len(queries)} queries, drawn by chance, are right at once")
    return figure


def _show(axes: Axes, gathered: Gathered, number: int, cosine: float, slug: str) -> None:
    shown = gathered.photos.slugs[number]
    axes.imshow(gathered.thumbnail(number))
    judge(axes, shown == slug, f"{short(gathered.names[shown], 12)} {cosine:.2f}", 7)


def _queries(gathered: Gathered) -> Iterator[Query]:
    texts, photos, clips = gathered.texts, gathered.photos, gathered.clips
    for slug in gathered.draw(list(gathered.names), TYPED, "typed"):
        query = texts.embeddings[texts.slugs.index(slug)]
        yield _ask(gathered, f"typed: {short(gathered.names[slug], 12)}", gathered.texture(slug), slug, query)
    for slug in gathered.draw(list(gathered.names), SPOKEN, "spoken"):
        number = clips.slugs.index(slug)
        label = f"spoken: {short(gathered.names[slug], 12)}"
        yield _ask(gathered, label, gathered.spectrogram(number), slug, clips.embeddings[number])
    several = [slug for slug in gathered.names if photos.slugs.count(slug) > 1]
    for slug in gathered.draw(several, SHOWN, "shown"):
        number = photos.slugs.index(slug)
        label = f"shown: {short(gathered.names[slug], 12)}"
        yield _ask(gathered, label, gathered.thumbnail(number), slug, photos.embeddings[number], itself=number)


def _ask(
    gathered: Gathered,
    label: str,
    picture: NDArray[np.uint8],
    slug: str,
    query: NDArray[np.float32],
    itself: int | None = None,
) -> Query:
    cosines = gathered.photos.embeddings @ query
    if itself is not None:
        cosines[itself] = -np.inf
    found = np.argsort(-cosines, kind="stable")[: min(PHOTOS, len(cosines) - (itself is not None))]
    return Query(label, picture, slug, found, cosines[found])
