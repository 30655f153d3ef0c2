# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Regions of a frame: square windows on a grid, of which the distinct ones are remembered beside the whole frame.

A window is cut out and embedded like a photo of its own, all windows in one batch. For the same time that finds more
than the windows of the network's map: see docs/regions.md. The map shows where in a picture a query is.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.embedding.frame_pictures import FramePictures
from visual_byte_core.errors import ConfigurationError
from visual_byte_core.rendering.photo import Region
from visual_byte_core.rendering.thumbnail import reduced

MIN_WINDOW_SIDE = 32  # pixels of a window's side; a frame that holds none has no regions
STEP = 0.75  # between windows at most, in sides of a window
MAX_WINDOWS_ALONG = 8  # windows along a side; a panorama has its windows farther apart
STRIDE = 32  # pixels a cell of the map
MAP_SIDE = 2  # sides of the ordinary input
MAX_CELLS = 24  # along the longer side of a map


@dataclass(frozen=True)
class RegionSettings:
    """Which regions of a frame are remembered beside it.

    Attributes:
        max_count: regions of a frame, 1 or more.
        size: side of a window, as a share of the frame's shorter side, above 0, up to 1.
        max_cosine: of a region to the whole frame and to every other region of it, -1..1.

    Raises:
        ConfigurationError: a value out of its range.
    """

    max_count: int = 6
    size: float = 0.4
    max_cosine: float = 0.5

    def __post_init__(self) -> None:
        if self.max_count < 1 or not 0 < self.size <= 1:
            raise ConfigurationError(
                f"regions: expected 1 or more of a size above 0, up to 1, got {self.max_count} of size {self.size:g}"
            )


@dataclass(frozen=True)
class EmbeddedRegion:
    """A region of a frame, and what the network makes of it.

    Attributes:
        embedding: float32 (dimension,), unit length.
        rectangle: x, y, width, height in pixels of the frame.
        image: what is there, uint8 (height, width, 3) RGB, a view of the frame.
    """

    embedding: NDArray[np.float32]
    rectangle: Region
    image: NDArray[np.uint8]

    @property
    def picture(self) -> NDArray[np.uint8]:
        """The region as its thumbnail shows it, uint8 (height, width, 3) RGB."""
        return reduced(self.image)


def distinct_regions(
    embedder: Embedder, pictures: FramePictures, whole: NDArray[np.float32], settings: RegionSettings
) -> list[EmbeddedRegion]:
    """The regions of a frame that are unlike it and unlike each other, most unlike first.

    Args:
        embedder: makes a map of the frame.
        pictures: the frame.
        whole: the frame's own embedding, float32 (dimension,).
        settings: how many, how large and how unlike.

    Returns:
        The regions; none for a frame whose windows were under 32 pixels.
    """
    regions = windows(pictures.image.shape[0], pictures.image.shape[1], settings.size)
    if not regions:
        return []
    rendered = pictures.squares(regions)
    embeddings = embedder.embed(rendered)
    chosen = distinct(embeddings, whole, settings)
    # Only what is kept is embedded with its middle: that finds about as much as all with theirs (docs/regions.md).
    kept = embedder.add_middles(rendered[chosen], embeddings[chosen])
    return [EmbeddedRegion(kept[i], regions[index], pictures.region(regions[index])) for i, index in enumerate(chosen)]


def windows(height: int, width: int, size: float) -> list[Region]:
    """Square regions, evenly over the whole frame, row by row: x y width height in pixels."""
    side = round(size * min(height, width))
    if side < MIN_WINDOW_SIDE:
        return []
    return [(x, y, side, side) for y in _along(height, side) for x in _along(width, side)]


def distinct(embeddings: NDArray[np.float32], whole: NDArray[np.float32], settings: RegionSettings) -> list[int]:
    """Which of the embeddings, float32 (n, dimension), to keep: again and again the one that is farthest from all."""
    nearness = embeddings @ whole
    chosen: list[int] = []
    while len(chosen) < min(settings.max_count, len(embeddings)):
        farthest = int(nearness.argmin())
        if nearness[farthest] > settings.max_cosine:
            break
        chosen.append(farthest)
        nearness = np.maximum(nearness, embeddings @ embeddings[farthest])
        nearness[farthest] = np.inf
    return chosen


def heat_map(embedder: Embedder, image: NDArray[np.uint8], query: NDArray[np.float32]) -> NDArray[np.float32]:
    """How near each cell of a picture, uint8 (height, width, 3) RGB, is to a query, float32 (dimension,).

    Returns float32 (rows, columns), cosines; the cells cover the whole picture, however it was cropped to be embedded.
    Raises InvalidImage if the bundle's network takes one side only, BundleError if it has no map.
    """
    height, width = image.shape[:2]
    cells = MAP_SIDE * embedder.size / STRIDE / min(height, width)
    rows, columns = (min(MAX_CELLS, max(1, round(side * cells))) for side in (height, width))
    resized = cv2.resize(np.ascontiguousarray(image), (columns * STRIDE, rows * STRIDE), interpolation=cv2.INTER_LINEAR)
    return similarity(embedder.embed_map(resized[None])[0], query)


def similarity(cells: NDArray[np.float32], name: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosine of each cell of a map (512, h, w) with a name (512,): float32 (h, w)."""
    heat: NDArray[np.float32] = np.tensordot(name, cells, axes=1)
    return heat


def _along(length: int, side: int) -> list[int]:
    count = min(MAX_WINDOWS_ALONG, 1 + int(np.ceil((length - side) / (STEP * side))))
    return [round(start) for start in np.linspace(0, length - side, count)]
