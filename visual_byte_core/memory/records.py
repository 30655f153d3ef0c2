# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A memory as the disk holds it: an identifier, an embedding, a thumbnail, and a description of JSON values."""

from __future__ import annotations

import math
import uuid
from typing import Any

import numpy as np

from visual_byte_core.errors import InvalidMemory
from visual_byte_core.memory.match import Match, Place
from visual_byte_core.memory.observation import Observation

_AS_IS = (
    "label", "map_id", "frame_id", "first_seen", "last_seen", "times", "source", "parent_id", "pose_frame",
)  # fmt: skip


def first_observation(observation: Observation) -> Match:
    """The memory that an observation begins."""
    at = float(observation.captured_at)
    return Match(
        id=str(uuid.uuid4()),
        score=0.0,
        label=observation.label,
        first_seen=at,
        last_seen=at,
        times=1,
        frame_id=observation.frame_id,
        pose=observation.pose,
        map_id=observation.map_id,
        region=observation.region,
        thumbnail=observation.thumbnail,
        source=observation.source,
        parent_id=observation.parent_id,
        pose_frame=observation.pose_frame if observation.pose else "",
        places=() if observation.pose is None else (Place(observation.pose, at, at),),
    )


def description_of(match: Match) -> dict[str, Any]:
    """All of a memory but its id, thumbnail and embedding, as JSON values."""
    return {
        **{key: getattr(match, key) for key in _AS_IS},
        "pose": None if match.pose is None else list(map(float, match.pose)),
        "places": [
            {"pose": list(map(float, p.pose)), "first_seen": p.first_seen, "last_seen": p.last_seen}
            for p in match.places
        ],
        "region": None if match.region is None else list(map(int, match.region)),
    }


def match_of(id: object, description: dict[str, Any], thumbnail: bytes = b"") -> Match:
    """The inverse of `description_of`."""
    pose, region = description["pose"], description["region"]
    places = tuple(Place(tuple(one["pose"]), one["first_seen"], one["last_seen"]) for one in description["places"])
    return Match(
        id=str(id),
        score=0.0,
        pose=tuple(pose) if pose else None,
        region=tuple(region) if region else None,
        thumbnail=thumbnail,
        places=places,
        **{key: description[key] for key in _AS_IS},
    )


def checked_id(id: str) -> str:
    """Raises InvalidMemory if it is not the id of a memory."""
    try:
        return str(uuid.UUID(id))
    except (ValueError, AttributeError):
        raise InvalidMemory(f"memory id: expected one that `remember` or a match gave, got {str(id)[:80]!r}") from None


def unit_vector(embedding: np.ndarray, dimension: int) -> np.ndarray:
    """float32 (dimension,) of length 1. Raises InvalidMemory if it is no embedding."""
    values = np.asarray(embedding)
    if values.shape != (dimension,) or values.dtype.kind != "f":
        raise InvalidMemory(f"embedding: expected float32 ({dimension},), got {values.dtype} {values.shape}")
    values = values.astype(np.float64)  # the square of a float16 may be out of its range
    length = math.sqrt(np.vdot(values, values))
    if not 0 < length < math.inf:  # nor NaN
        raise InvalidMemory("embedding: expected finite values that are not all zero, got NaN, infinity or zeros")
    return (values / length).astype(np.float32)


def check_description(description: dict[str, Any]) -> None:
    """Raises InvalidMemory if it is not what `description_of` gives."""
    texts, numbers = ("label", "map_id", "frame_id", "source"), ("first_seen", "last_seen")
    unknown = {*description} ^ {*_AS_IS, "pose", "places", "region"}
    wrong = [key for key in texts if not isinstance(description.get(key), str)]
    wrong += [key for key in numbers if not _is_number(description.get(key))]
    wrong += [] if isinstance(description.get("times"), int) and description["times"] >= 1 else ["times"]
    wrong += [] if description.get("pose") is None or _is_pose(description["pose"]) else ["pose"]
    wrong += [] if _is_id_or_empty(description.get("parent_id", "")) else ["parent_id"]
    wrong += [] if isinstance(description.get("pose_frame", ""), str) else ["pose_frame"]
    places, region = description.get("places"), description.get("region")
    if not isinstance(places, list) or not all(_is_place(place) for place in places):
        wrong.append("places")
    if region is not None and not (isinstance(region, list) and len(region) == 4 and all(map(_is_count, region))):
        wrong.append("region")
    if unknown or wrong:
        raise InvalidMemory(f"a memory has wrong values: {', '.join(sorted({*unknown, *wrong}))}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < 1 << 31


def _is_id_or_empty(value: object) -> bool:
    try:
        return value == "" or (isinstance(value, str) and checked_id(value) == value)
    except InvalidMemory:
        return False


def _is_pose(value: object) -> bool:
    return isinstance(value, list) and len(value) == 7 and all(map(_is_number, value))


def _is_place(value: object) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"pose", "first_seen", "last_seen"}
        and _is_pose(value["pose"])
        and _is_number(value["first_seen"])
        and _is_number(value["last_seen"])
    )
