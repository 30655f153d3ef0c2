# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What explains an answer to a person: the query, its nearest memories, and where in the best one's frame it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.embedding.regions import heat_map
from visual_byte_core.engine.answer import Answer
from visual_byte_core.errors import InvalidImage
from visual_byte_core.memory.match import Match
from visual_byte_core.memory.memory import Memory
from visual_byte_core.rendering.photo import decode_photo
from visual_byte_core.rendering.query import RenderedQuery

Status = Literal["FOUND", "NOT_FOUND", "REJECTED"]


@dataclass(frozen=True)
class FrameLocation:
    """Where in a frame the query is.

    frame: the frame's thumbnail, uint8 (height, width, 3) RGB; heat: cosines, float32 (rows, columns), over the whole
    of it, None without an embedding_map. box: left, top, right, bottom of the region that matched, 0..1, None for none.
    """

    frame: NDArray[np.uint8]
    heat: NDArray[np.float32] | None
    box: tuple[float, float, float, float] | None


@dataclass(frozen=True)
class Explanation:
    """query: as rendered, uint8 (size, size, 3) RGB, None if it could not be read; modality, text: the query's.

    answer: None if the query was rejected. location: in the best match, None without one. now: seconds since 1970.
    map_id: the map that the robot is in.
    """

    query: NDArray[np.uint8] | None
    modality: str
    text: str
    status: Status
    reason: str
    now: float
    map_id: str = ""
    answer: Answer | None = None
    location: FrameLocation | None = None


def explain(
    embedder: Embedder, memory: Memory, query: RenderedQuery, text: str, answer: Answer, now: float, map_id: str = ""
) -> Explanation:
    """Look where the query is in the frame of the nearest memory; runs the network at most twice.

    Raises MemoryFolderError. A thumbnail that cannot be read leaves the location out.
    """
    location = _location(embedder, memory, query, answer.nearest[0]) if answer.nearest else None
    return Explanation(query.image, query.modality, text, answer.status, answer.reason, now, map_id, answer, location)


def _location(embedder: Embedder, memory: Memory, query: RenderedQuery, best: Match) -> FrameLocation | None:
    frame = memory.get(best.parent_id) if best.parent_id else best
    box = _box(best, frame)
    shown = frame if frame is not None and (box or not best.parent_id) else best
    try:
        picture = decode_photo(shown.thumbnail, f"thumbnail of memory {shown.id}")
        if not embedder.has_map:
            return FrameLocation(picture, None, box)
        return FrameLocation(
            picture, heat_map(embedder, picture, embedder.embed_query(query.image, query.modality)), box
        )
    except InvalidImage:
        return None


def _box(region: Match, frame: Match | None) -> tuple[float, float, float, float] | None:
    """None if the size of the frame is not known, as that of one that was remembered without regions."""
    if not region.parent_id or region.region is None or frame is None or frame.region is None:
        return None
    x, y, width, height = region.region
    _, _, frame_width, frame_height = frame.region
    return (x / frame_width, y / frame_height, (x + width) / frame_width, (y + height) / frame_height)
