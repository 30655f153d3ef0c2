# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""`blog_simple`: however a thing is asked for, typed, spoken or shown, the same thing is the answer."""

from __future__ import annotations

import numpy as np
from matplotlib import pyplot
from matplotlib.figure import Figure
from numpy.typing import NDArray

from visual_byte_core.errors import DataError
from visual_byte_core.evaluation.figures.gallery import Gathered
from visual_byte_core.evaluation.figures.style import BLACK, frame, judge, short
from visual_byte_core.metrics.class_breakdown import Pair, answers

THINGS = 4
WAYS = ("typed: {name}", "spoken: {name}", "shown: {name}")


def same_answer(gathered: Gathered) -> Figure:
    """A row for each of a few things: three ways to ask, and the photo that each of them finds.

    Raises:
        DataError: no class has two photos: a photo that asks must not find itself.
    """
    several = [slug for slug in gathered.names if gathered.photos.slugs.count(slug) > 1]
    if not several:
        raise DataError("blog_simple needs a class with two photos")
    drawn = gathered.draw(several, THINGS, "things")
    figure, axes = pyplot.subplots(
        len(drawn), 11, figsize=(7.6, 1.28 * len(drawn) + 0.7), squeeze=False,
        width_ratios=[1, 0.24, 1, 0.2] * 2 + [1, 0.24, 1],
    )  # fmt: skip
    for row, slug in zip(axes, drawn, strict=True):
        for gap in (row[3], row[7]):
            gap.axis("off")
        for way, (picture, found) in enumerate(_three_ways(gathered, slug)):
            _draw_way(row[4 * way : 4 * way + 3], gathered, slug, picture, found, WAYS[way])
    all_right, asked = _found_all_ways(gathered, several)
    figure.suptitle(
        f"Typed, spoken or shown: {all_right} of {asked} things were found right in all three ways\n"
        f"({len(gathered.photos.slugs):,} photos of {len(gathered.names)} things; the {len(drawn)} here were drawn by "
        "chance)", fontsize=10,
    )  # fmt: skip
    return figure


def _three_ways(gathered: Gathered, slug: str) -> list[tuple[NDArray[np.uint8], int]]:
    """What the network is shown, and the number of the photo it finds: typed, spoken, shown."""
    photos, clip, photo = gathered.photos, gathered.clips.slugs.index(slug), gathered.photos.slugs.index(slug)
    typed = photos.embeddings @ gathered.texts.embeddings[gathered.texts.slugs.index(slug)]
    spoken = photos.embeddings @ gathered.clips.embeddings[clip]
    shown = photos.embeddings @ photos.embeddings[photo]
    shown[photo] = -np.inf
    return [
        (gathered.texture(slug), int(typed.argmax())),
        (gathered.spectrogram(clip), int(spoken.argmax())),
        (gathered.thumbnail(photo), int(shown.argmax())),
    ]


def _draw_way(
    places: NDArray[np.object_], gathered: Gathered, slug: str, picture: NDArray[np.uint8], found: int, way: str
) -> None:
    asking, between, answer = places
    asking.imshow(picture)
    frame(asking)
    asking.set_title(way.format(name=short(gathered.names[slug], 13)), fontsize=8, pad=3)
    between.axis("off")
    between.annotate("", (1, 0.5), (0, 0.5), "axes fraction", arrowprops={"arrowstyle": "-|>", "color": BLACK})
    answer.imshow(gathered.thumbnail(found))
    shown = gathered.photos.slugs[found]
    judge(answer, shown == slug, short(gathered.names[shown], 15), 8)


def _found_all_ways(gathered: Gathered, slugs: list[str]) -> tuple[int, int]:
    """Of how many classes the name, the first clip and the first photo each find the class, and of how many."""
    photos = gathered.photos
    first_photos = answers(Pair(photos, photos, exclude_self=True)).answered
    right = 0
    for slug in slugs:
        typed = photos.embeddings @ gathered.texts.embeddings[gathered.texts.slugs.index(slug)]
        spoken = photos.embeddings @ gathered.clips.embeddings[gathered.clips.slugs.index(slug)]
        found = {photos.slugs[typed.argmax()], photos.slugs[spoken.argmax()], first_photos[photos.slugs.index(slug)]}
        right += found == {slug}
    return right, len(slugs)
