# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What a memory is asked with and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass

from visual_byte_core.messages.poses import Pose
from visual_byte_core.rendering.photo import Region


@dataclass(frozen=True)
class Place:
    """Where a thing was, and from when until when (seconds since 1970) it was seen there."""

    pose: Pose
    first_seen: float
    last_seen: float


@dataclass(frozen=True)
class Match:
    """A memory that a search found.

    score: cosine, -1..1, in an answer that of a region of a frame lowered by 0.06; 0 if nothing was asked for. times:
    how many observations were merged into it; pose (the last that was known) and frame are those of the last one,
    source, region, parent_id and thumbnail those of the first. places: where it was, oldest first, all in the map
    `map_id` and its coordinate frame `pose_frame`; the last is where it is now, at `pose`; empty if no pose was known.
    """

    id: str
    score: float
    label: str
    first_seen: float
    last_seen: float
    times: int
    frame_id: str
    pose: Pose | None
    map_id: str
    region: Region | None
    thumbnail: bytes
    source: str
    places: tuple[Place, ...] = ()
    parent_id: str = ""
    pose_frame: str = ""


@dataclass(frozen=True)
class Filter:
    """What a memory must meet; None lets everything through.

    seen_after, seen_before: seconds since 1970; the time from its first to its last observation must touch that span.
    """

    label: str | None = None
    seen_after: float | None = None
    seen_before: float | None = None
    map_id: str | None = None
