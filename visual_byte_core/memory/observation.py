# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The records that go into a memory and come out of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from visual_byte_core.errors import InvalidMemory
from visual_byte_core.messages.poses import Pose
from visual_byte_core.names import LONGEST_TEXT
from visual_byte_core.rendering.photo import Region

LONGEST_SOURCE = 4096


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
