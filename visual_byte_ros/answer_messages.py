# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What the core says, as messages."""

from __future__ import annotations

import array

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Pose, PoseStamped, Quaternion, Vector3
from sensor_msgs.msg import CompressedImage, RegionOfInterest
from std_msgs.msg import Header

from visual_byte.msg import Match as MatchMessage
from visual_byte.msg import Matches, Query
from visual_byte.msg import Place as PlaceMessage
from visual_byte_core.engine.answer import Answer
from visual_byte_core.memory.match import Match, Place
from visual_byte_core.messages.poses import Pose as PoseOfCore
from visual_byte_core.names import MAX_TEXT_CHARACTERS

NOBODY_LISTENS = "nobody listens to the topic query; start embedding_node, in the same namespace, and ask again"

MAX_MICROSECONDS = (1 << 31) * 1_000_000 - 1
STATUS = {"FOUND": Matches.FOUND, "NOT_FOUND": Matches.NOT_FOUND}


def answered(query: Query, answer: Answer, seconds: float, bundle: str, map_id: str = "") -> Matches:
    """The answer to a query. map_id: the map that the robot is in."""
    message = _reply(query, seconds, bundle)
    message.status = STATUS[answer.status]
    message.reason = answer.reason
    message.nearest = [match_message(m, p, map_id) for m, p in zip(answer.nearest, answer.probability, strict=True)]
    probability = {m.id: p for m, p in zip(answer.nearest, answer.probability, strict=True)}
    message.matches = [match_message(match, probability[match.id], map_id) for match in answer.matches]
    return message


def rejected(query: Query, reason: str, seconds: float = 0.0, bundle: str = "") -> Matches:
    """The answer to a query that cannot be answered."""
    message = _reply(query, seconds, bundle)
    message.status = Matches.REJECTED
    message.reason = reason
    return message


def match_message(match: Match, probability: float, map_id: str = "") -> MatchMessage:
    """A match as a message, with the probability, 0..1, that it is what was asked for, in the map `map_id`."""
    message = MatchMessage(
        id=match.id,
        label=match.label,
        score=match.score,
        probability=probability,
        first_seen=time_message(match.first_seen),
        last_seen=time_message(match.last_seen),
        times=match.times,
        frame_id=match.frame_id,
        pose_known=match.pose is not None,
        map_id=match.map_id,
        in_current_map=match.map_id == map_id,
        parent_id=match.parent_id,
        earlier_places=[_place_message(place, match.pose_frame) for place in match.places[:-1]],
    )
    if match.pose is not None:
        # The last observation may have had no pose; the last place says when this one was known.
        stamp = time_message(match.places[-1].last_seen)
        message.pose = PoseStamped(header=Header(stamp=stamp, frame_id=match.pose_frame), pose=pose_message(match.pose))
    if match.region is not None:
        left, top, width, height = match.region
        message.region_of_interest = RegionOfInterest(x_offset=left, y_offset=top, width=width, height=height)
    message.thumbnail = CompressedImage(format="jpeg", data=array.array("B", match.thumbnail))
    message.thumbnail.header = Header(stamp=message.last_seen, frame_id=match.frame_id)
    return message


def pose_message(pose: PoseOfCore) -> Pose:
    """A pose, x y z in metres and a quaternion x y z w, as a message."""
    x, y, z, qx, qy, qz, qw = pose
    return Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(x=qx, y=qy, z=qz, w=qw))


def pose_of(position: Point | Vector3, orientation: Quaternion) -> PoseOfCore:
    """The same of a message, or of the parts of a transform."""
    return (position.x, position.y, position.z, orientation.x, orientation.y, orientation.z, orientation.w)


def _place_message(place: Place, frame_id: str) -> PlaceMessage:
    last_seen = time_message(place.last_seen)
    return PlaceMessage(
        pose=PoseStamped(header=Header(stamp=last_seen, frame_id=frame_id), pose=pose_message(place.pose)),
        first_seen=time_message(place.first_seen),
        last_seen=last_seen,
    )


def time_message(seconds: float) -> Time:
    """Seconds since 1970 as a stamp, to the microsecond that a float carries; the nearest that a stamp can hold."""
    microseconds = min(max(0, round(seconds * 1e6)), MAX_MICROSECONDS)
    return Time(sec=microseconds // 1_000_000, nanosec=microseconds % 1_000_000 * 1000)


def _reply(query: Query, seconds: float, bundle: str) -> Matches:
    return Matches(
        header=query.header,
        id=query.id[:MAX_TEXT_CHARACTERS],
        modality=query.modality[:MAX_TEXT_CHARACTERS],
        text=query.text[:MAX_TEXT_CHARACTERS],
        seconds=seconds,
        bundle=bundle,
    )
