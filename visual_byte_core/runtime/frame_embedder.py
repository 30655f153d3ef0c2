# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Embedding the frames of a camera, which often stands still: what did not change is not embedded again."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from visual_byte_core.runtime.embedder import Embedder
from visual_byte_core.runtime.parts import Part, PartSettings, distinct_parts

COLUMNS, ROWS = (
    32,
    24,
)  # of the reduced frame: a camera's noise averages out in its cells, a thing of that size does not


@dataclass(frozen=True)
class EmbeddedFrame:
    """embedding: float32 (dimension,), unit length; parts: None if none were asked for."""

    embedding: NDArray[np.float32]
    parts: tuple[Part, ...] | None


class FrameEmbedder:
    """Embeds frames and their distinct parts.

    skip_unchanged: grey levels; a frame of which every cell of 32 x 24 is as near as that to the frame that was
    embedded last has its embeddings, so that a slow change adds up until it counts; 0: every frame is embedded.
    Both may be changed at any time. skipped: frames that were not embedded.
    """

    def __init__(self, embedder: Embedder, parts: PartSettings | None = None, skip_unchanged: float = 0.0) -> None:
        self._embedder = embedder
        self.parts = parts
        self.skip_unchanged = skip_unchanged
        self._last: tuple[np.ndarray, tuple[int, ...], PartSettings | None, EmbeddedFrame] | None = None
        self.skipped = 0

    def embed(self, image: NDArray[np.uint8], *, whole: bool = False) -> EmbeddedFrame:
        """Embed a frame, uint8 (height, width, 3) RGB; whole: without its parts. Raises InvalidImage."""
        parts, limit = None if whole else self.parts, self.skip_unchanged
        if not limit or image.ndim != 3 or image.size == 0:  # no picture, which `_embed` says
            return self._embed(image, parts)
        small = cv2.resize(np.ascontiguousarray(image), (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
        reduced = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        comparable = self._last and self._last[1:3] == (image.shape, parts)
        if self._last and comparable and cv2.absdiff(reduced, self._last[0]).max() <= limit:
            self.skipped += 1
            return _of(self._last[3], image)
        embedded = self._embed(image, parts)
        self._last = (reduced, image.shape, parts, embedded)
        return embedded

    def _embed(self, image: NDArray[np.uint8], parts: PartSettings | None) -> EmbeddedFrame:
        embedding = self._embedder.embed_photo(image)
        if parts is None:
            return EmbeddedFrame(embedding, None)
        return EmbeddedFrame(embedding, tuple(distinct_parts(self._embedder, image, embedding, parts)))


def _of(embedded: EmbeddedFrame, image: NDArray[np.uint8]) -> EmbeddedFrame:
    """The same embeddings, with the pictures of another frame."""
    if embedded.parts is None:
        return embedded
    parts = []
    for part in embedded.parts:
        x, y, width, height = part.region
        parts.append(replace(part, image=image[y : y + height, x : x + width]))
    return replace(embedded, parts=tuple(parts))
