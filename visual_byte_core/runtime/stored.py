# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A memory as the vector store holds it: an identifier, an embedding, and a payload of JSON values."""

from __future__ import annotations

import base64
import math
import uuid
from typing import Any

from visual_byte_core.errors import InvalidMemory
from visual_byte_core.runtime.sighting import Match, Place, Seen

CHANGES_WITH_A_SIGHTING = ("label", "first_seen", "last_seen", "times", "frame_id", "pose", "places")
_AS_IS = ("label", "map_id", "frame_id", "first_seen", "last_seen", "times", "source")


def first_sighting(seen: Seen) -> Match:
    """The memory that a sighting begins."""
    at = float(seen.captured_at)
    return Match(
        id=str(uuid.uuid4()),
        score=0.0,
        label=seen.label,
        first_seen=at,
        last_seen=at,
        times=1,
        frame_id=seen.frame_id,
        pose=seen.pose,
        map_id=seen.map_id,
        region=seen.region,
        thumbnail=seen.thumbnail,
        source=seen.source,
        part_of=seen.part_of,
        places=() if seen.pose is None else (Place(seen.pose, at, at),),
    )


def payload_of(match: Match) -> dict[str, Any]:
    """All of a memory but its id and embedding, as JSON values."""
    return {
        **{key: getattr(match, key) for key in _AS_IS},
        "pose": None if match.pose is None else list(map(float, match.pose)),
        "places": [
            {"pose": list(map(float, p.pose)), "first_seen": p.first_seen, "last_seen": p.last_seen}
            for p in match.places
        ],
        "region": None if match.region is None else list(map(int, match.region)),
        "thumbnail": base64.b64encode(match.thumbnail).decode(),
        "part_of": match.part_of,
    }


def match_of(id: object, payload: dict[str, Any], score: float = 0.0) -> Match:
    """What `payload_of` gave, or what format 1 stored, which had no places."""
    pose, region = payload.get("pose"), payload.get("region")
    places = tuple(Place(tuple(one["pose"]), one["first_seen"], one["last_seen"]) for one in payload.get("places", ()))
    if pose and not places:
        places = (Place(tuple(pose), payload["first_seen"], payload["last_seen"]),)
    return Match(
        id=str(id),
        score=min(1.0, max(-1.0, score)),  # rounding of the stored values may reach past 1
        pose=tuple(pose) if pose else None,
        region=tuple(region) if region else None,
        thumbnail=base64.b64decode(payload["thumbnail"]),
        places=places,
        part_of=payload.get("part_of", ""),  # older memories have no parts
        **{key: payload[key] for key in _AS_IS},
    )


def checked_id(id: str) -> str:
    """Raises InvalidMemory if it is not the id of a memory."""
    try:
        return str(uuid.UUID(id))
    except (ValueError, AttributeError):
        raise InvalidMemory(f"memory id: expected one that `remember` or a match gave, got {str(id)[:80]!r}") from None


def check_payload(payload: dict[str, Any]) -> None:
    """Raises InvalidMemory if it is not what `payload_of` gives."""
    texts, numbers = ("label", "map_id", "frame_id", "source", "thumbnail"), ("first_seen", "last_seen")
    unknown = {*payload, "part_of"} ^ {*_AS_IS, "pose", "places", "region", "thumbnail", "part_of"}
    wrong = [key for key in texts if not isinstance(payload.get(key), str)]
    wrong += [key for key in numbers if not _is_number(payload.get(key))]
    wrong += [] if isinstance(payload.get("times"), int) and payload["times"] >= 1 else ["times"]
    wrong += [] if payload.get("pose") is None or _is_pose(payload["pose"]) else ["pose"]
    wrong += [] if _is_id_or_empty(payload.get("part_of", "")) else ["part_of"]
    places, region = payload.get("places"), payload.get("region")
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
