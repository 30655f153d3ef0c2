# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Remembered places as markers, for RViz and Foxglove."""

from __future__ import annotations

from collections.abc import Sequence

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Pose, Vector3
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from visual_byte_core.views.map_places import MapPlace
from visual_byte_ros.answer_messages import pose_message

REMEMBERED = ColorRGBA(r=0.2, g=0.5, b=1.0, a=0.8)
FOUND = ColorRGBA(r=1.0, g=0.4, b=0.0, a=1.0)
LETTERS = ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0)


def marker_array(places: Sequence[MapPlace], stamp: Time, size: float, found: str) -> MarkerArray:
    """A sphere and a name for each place, in its own frame, instead of all markers there were.

    size: diameter of a sphere in metres. found: id of the place that is set off.
    """
    frame_id = places[0].frame_id if places else ""
    array = MarkerArray(markers=[Marker(header=Header(stamp=stamp, frame_id=frame_id), action=Marker.DELETEALL)])
    for number, place in enumerate(places):
        header = Header(stamp=stamp, frame_id=place.frame_id)
        array.markers += _markers(header, number, place, size, found=place.id == found)
    return array


def _markers(header: Header, number: int, place: MapPlace, size: float, *, found: bool) -> list[Marker]:
    pose = pose_message(place.pose)  # type: ignore[arg-type]  # only places with a pose are shown
    above = Pose()
    above.position.x, above.position.y = pose.position.x, pose.position.y
    above.position.z = pose.position.z + 1.2 * size
    scale = 1.5 * size if found else size
    return [
        Marker(
            header=header,
            ns="places",
            id=number,
            type=Marker.SPHERE,
            pose=pose,
            scale=Vector3(x=scale, y=scale, z=scale),
            color=FOUND if found else REMEMBERED,
        ),
        Marker(
            header=header,
            ns="names",
            id=number,
            type=Marker.TEXT_VIEW_FACING,
            pose=above,
            scale=Vector3(z=size),
            color=FOUND if found else LETTERS,
            text=place.name,
        ),
    ]
