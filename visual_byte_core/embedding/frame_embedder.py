# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Embedding the frames of a camera, which often stands still: what did not change is not embedded again."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.embedding.frame_pictures import FramePictures
from visual_byte_core.embedding.regions import EmbeddedRegion, RegionSettings, distinct_regions


@dataclass(frozen=True)
class EmbeddedFrame:
    """What the network makes of a frame.

    Attributes:
        embedding: float32 (dimension,), unit length.
        regions: None if none were asked for.
        picture: the frame as its thumbnail shows it, uint8 (height, width, 3) RGB.
    """

    embedding: NDArray[np.float32]
    regions: tuple[EmbeddedRegion, ...] | None
    picture: NDArray[np.uint8]
    size: tuple[int, int]


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
        pictures = FramePictures(image, self._embedder.size, self._embedder.bundle.renderer.photo)
        if not limit:
            return self._embed(pictures, regions)
        shape = pictures.image.shape
        comparable = self._last and self._last[1:3] == (shape, regions)
        if self._last and comparable and cv2.absdiff(pictures.cells, self._last[0]).max() <= limit:
            self.skipped += 1
            return _of(self._last[3], pictures)
        embedded = self._embed(pictures, regions)
        self._last = (pictures.cells, shape, regions, embedded)
        return embedded

    def _embed(self, pictures: FramePictures, regions: RegionSettings | None) -> EmbeddedFrame:
        embedding = self._embedder.embed_photos(pictures.square[None])[0]
        distinct = None if regions is None else tuple(distinct_regions(self._embedder, pictures, embedding, regions))
        return EmbeddedFrame(embedding, distinct, pictures.thumbnail, _size(pictures))


def _of(embedded: EmbeddedFrame, pictures: FramePictures) -> EmbeddedFrame:
    """The same embeddings, with the pictures of another frame."""
    regions = embedded.regions
    if regions is not None:
        regions = tuple(replace(region, image=pictures.region(region.rectangle)) for region in regions)
    return EmbeddedFrame(embedded.embedding, regions, pictures.thumbnail, _size(pictures))


def _size(pictures: FramePictures) -> tuple[int, int]:
    return pictures.image.shape[1], pictures.image.shape[0]
