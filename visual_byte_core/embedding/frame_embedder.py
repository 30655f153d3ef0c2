# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Embedding the frames of a camera, which often stands still: what did not change is not embedded again."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.embedding.frame_pictures import cells, halved
from visual_byte_core.embedding.regions import EmbeddedRegion, RegionSettings, distinct_regions
from visual_byte_core.rendering.photo import eight_bit_colour
from visual_byte_core.rendering.thumbnail import reduced


@dataclass(frozen=True)
class EmbeddedFrame:
    """embedding: float32 (dimension,), unit length; regions: None if none were asked for; picture: the frame as its
    thumbnail shows it, uint8 (height, width, 3) RGB."""

    embedding: NDArray[np.float32]
    regions: tuple[EmbeddedRegion, ...] | None
    picture: NDArray[np.uint8]


class FrameEmbedder:
    """Embeds frames and their distinct regions.

    skip_unchanged: grey levels; a frame of which every cell of 32 x 24 is as near as that to the frame that was
    embedded last has its embeddings, so that a slow change adds up until it counts; 0: every frame is embedded.
    Both may be changed at any time. skipped: frames that were not embedded.
    """

    def __init__(self, embedder: Embedder, regions: RegionSettings | None = None, skip_unchanged: float = 0.0) -> None:
        self._embedder = embedder
        self.regions = regions
        self.skip_unchanged = skip_unchanged
        self._last: tuple[np.ndarray, tuple[int, ...], RegionSettings | None, EmbeddedFrame] | None = None
        self.skipped = 0

    def embed(self, image: NDArray[np.uint8], *, whole: bool = False) -> EmbeddedFrame:
        """Embed a frame, uint8 (height, width, 3) RGB; whole: without its regions. Raises InvalidImage."""
        regions, limit = None if whole else self.regions, self.skip_unchanged
        image = eight_bit_colour(image, "image")
        small = halved(image, self._embedder.size)
        picture = reduced(small)
        if not limit:
            return self._embed(image, small, picture, regions)
        grey = cells(picture)
        comparable = self._last and self._last[1:3] == (image.shape, regions)
        if self._last and comparable and cv2.absdiff(grey, self._last[0]).max() <= limit:
            self.skipped += 1
            return _of(self._last[3], image, picture)
        embedded = self._embed(image, small, picture, regions)
        self._last = (grey, image.shape, regions, embedded)
        return embedded

    def _embed(
        self, image: np.ndarray, small: np.ndarray, picture: np.ndarray, regions: RegionSettings | None
    ) -> EmbeddedFrame:
        embedding = self._embedder.embed_photo(small)
        distinct = None if regions is None else tuple(distinct_regions(self._embedder, image, embedding, regions))
        return EmbeddedFrame(embedding, distinct, picture)


def _of(embedded: EmbeddedFrame, image: NDArray[np.uint8], picture: NDArray[np.uint8]) -> EmbeddedFrame:
    """The same embeddings, with the pictures of another frame."""
    regions = []
    for region in embedded.regions or ():
        x, y, width, height = region.rectangle
        regions.append(replace(region, image=image[y : y + height, x : x + width]))
    return EmbeddedFrame(embedded.embedding, None if embedded.regions is None else tuple(regions), picture)
