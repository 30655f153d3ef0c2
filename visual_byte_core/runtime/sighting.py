# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The records that go into a memory and come out of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from visual_byte_core.errors import InvalidMemory

LONGEST_TEXT = 200
"""Characters of a label, the name of a map or of a coordinate frame; messages bring them."""
LONGEST_SOURCE = 4096
Pose = tuple[float, float, float, float, float, float, float]
Region = tuple[int, int, int, int]


@dataclass(frozen=True)
class Place:
    """Where a thing was, and from when until when (seconds since 1970) it was seen there."""

    pose: Pose
    first_seen: float
    last_seen: float


@dataclass(frozen=True)
class Seen:
    """One sighting.

    captured_at: seconds since 1970. frame_id: the camera's coordinate frame. pose: x y z in metres and quaternion
    qx qy qz qw in the map `map_id`, None if unknown. label: what a person called it. thumbnail: JPEG, b"" for none.
    source: the file or device it came from. region: x y width height in pixels of the frame, None for the whole of it.
    part_of: id of the memory of the frame that this is a part of, "" for a whole frame.
    """

    captured_at: float
    frame_id: str = ""
    pose: Pose | None = None
    map_id: str = ""
    label: str = ""
    thumbnail: bytes = b""
    source: str = ""
    region: Region | None = None
    part_of: str = ""


@dataclass(frozen=True)
class Remembered:
    """id: of the new memory, or of the one that the sighting was merged into."""

    id: str
    merged: bool


@dataclass(frozen=True)
class Match:
    """A memory that a search found.

    score: cosine, -1..1, in an answer that of a part of a frame lowered by 0.06; 0 if nothing was asked for. times: how
    many sightings were merged into it; pose (the last that was known) and frame are those of the last one, source,
    region, part_of and thumbnail those of the first. places: where it was, oldest first, all in the map `map_id`; the
    last is where it is now, at `pose`; empty if no pose was known.
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
    part_of: str = ""


@dataclass(frozen=True)
class Filter:
    """What a memory must meet; None lets everything through.

    seen_after, seen_before: seconds since 1970; the time from its first to its last sighting must touch that span.
    """

    label: str | None = None
    seen_after: float | None = None
    seen_before: float | None = None
    map_id: str | None = None


def check_sighting(seen: Seen) -> None:
    """Raises InvalidMemory if a number is not finite or missing, or a text too long to be kept."""
    texts = {"label": seen.label, "map_id": seen.map_id, "frame_id": seen.frame_id}
    for name, text in texts.items():
        if len(text) > LONGEST_TEXT:
            raise InvalidMemory(f"{name}: {len(text)} characters, at most {LONGEST_TEXT} are kept; shorten it")
    if len(seen.source) > LONGEST_SOURCE:
        raise InvalidMemory(f"source: {len(seen.source)} characters, at most {LONGEST_SOURCE} are kept; shorten it")
    if not math.isfinite(seen.captured_at):
        raise InvalidMemory(f"captured_at: expected seconds since 1970, got {seen.captured_at}")
    if seen.pose is not None and (len(seen.pose) != 7 or not all(map(math.isfinite, seen.pose))):
        raise InvalidMemory(f"pose: expected 7 finite numbers x y z qx qy qz qw, got {seen.pose}")
    if seen.region is not None and (len(seen.region) != 4 or min(seen.region) < 0):
        raise InvalidMemory(f"region: expected x y width height in pixels, got {seen.region}")
