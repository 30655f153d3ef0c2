# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The records that go into a memory and come out of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from visual_byte_core.errors import InvalidMemory, printable
from visual_byte_core.messages.poses import Pose
from visual_byte_core.names import MAX_TEXT_CHARACTERS
from visual_byte_core.rendering.photo import Region

MAX_SOURCE_CHARACTERS = 4096


@dataclass(frozen=True)
class Observation:
    """What is known of a frame that is remembered.

    captured_at: seconds since 1970. frame_id: the camera's coordinate frame. pose: x y z in metres and quaternion
    qx qy qz qw in the map `map_id`, None if unknown. label: what a person called it. thumbnail: JPEG, b"" for none.
    source: the file or device it came from. region: x y width height in pixels of the frame, None for the whole of it.
    parent_id: id of the memory of the frame that this is a region of, "" for a whole frame. pose_frame: the coordinate
    frame of the map.
    """

    captured_at: float
    frame_id: str = ""
    pose: Pose | None = None
    map_id: str = ""
    label: str = ""
    thumbnail: bytes = b""
    source: str = ""
    region: Region | None = None
    parent_id: str = ""
    pose_frame: str = ""


@dataclass(frozen=True)
class Remembered:
    """id: of the new memory, or of the one that the observation was merged into."""

    id: str
    merged: bool


def check_observation(observation: Observation) -> None:
    """Raises InvalidMemory if a number is not finite or missing, or a text too long to be kept."""
    for name in ("label", "map_id", "frame_id", "pose_frame"):
        text = getattr(observation, name)
        if printable(text) != text:
            raise InvalidMemory(f"{name}: {printable(text)} is no UTF-8; write it as UTF-8")
        if len(text) > MAX_TEXT_CHARACTERS:
            raise InvalidMemory(f"{name}: {len(text)} characters, at most {MAX_TEXT_CHARACTERS} are kept; shorten it")
    if len(observation.source) > MAX_SOURCE_CHARACTERS:
        raise InvalidMemory(
            f"source: {len(observation.source)} characters, at most {MAX_SOURCE_CHARACTERS} are kept; shorten it"
        )
    if not math.isfinite(observation.captured_at):
        raise InvalidMemory(f"captured_at: expected seconds since 1970, got {observation.captured_at}")
    if observation.pose is not None and (len(observation.pose) != 7 or not all(map(math.isfinite, observation.pose))):
        raise InvalidMemory(f"pose: expected 7 finite numbers x y z qx qy qz qw, got {observation.pose}")
    if observation.region is not None and (len(observation.region) != 4 or min(observation.region) < 0):
        raise InvalidMemory(f"region: expected x y width height in pixels, got {observation.region}")
