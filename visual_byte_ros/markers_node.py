# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Shows on the map where remembered things were seen, for RViz and Foxglove."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import Pose, Vector3
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from visual_byte.msg import Match, Matches
from visual_byte.srv import Count, List
from visual_byte_core.messages.stamps import seconds_of
from visual_byte_core.views.map_places import MapPlace, MapPlaces
from visual_byte_ros.answer_messages import pose_message, pose_of, time_message
from visual_byte_ros.interfaces import Interfaces, Topic
from visual_byte_ros.lifecycle import ManagedNode, run
from visual_byte_ros.parameters import AUTOSTART, Parameter
from visual_byte_ros.qos import RELIABLE

PARAMETERS = (
    AUTOSTART,
    Parameter("map_frame", "map", "The frame of the places: pose_frame of embedding_node.", expected="frame"),
    Parameter("marker_size", 0.3, "Diameter of a place and height of its name.", 0.01, 10.0, unit="m", live=True),
)
MARKERS = Topic(
    "~/markers",
    MarkerArray,
    QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL),
    "A sphere and a name for each place, the last answer in another colour; made only while somebody subscribes.",
)
MATCHES = Topic("matches", Matches, RELIABLE, "The answers, of which the last one found is set off.")
INTERFACES = Interfaces(publishes=(MARKERS,), subscribes=(MATCHES,))
SECONDS_BETWEEN_READINGS = 1.0
ANSWER_S = 5.0
PAGE = 100
LENGTH_OF_AN_ID = 36
REMEMBERED = ColorRGBA(r=0.2, g=0.5, b=1.0, a=0.8)
FOUND = ColorRGBA(r=1.0, g=0.4, b=0.0, a=1.0)
LETTERS = ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0)


class Unanswered(Exception):
    """embedding_node does not answer, or refuses; says why."""


class MarkersNode(ManagedNode):
    """Topics `matches` in, `~/markers` out; asks the services `~/count` and `~/list` of embedding_node."""

    def __init__(self, **options: object) -> None:
        super().__init__("markers_node", PARAMETERS, **options)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._asks: dict[type, Any] = {}

    def open(self) -> None:
        self._places = MapPlaces()
        self._found = self._trouble = ""
        self._published: tuple | None = None
        self._markers = self.publish_on(MARKERS)
        self.subscribe_to(MATCHES, self._take)
        services = {Count: "embedding_node/count", List: "embedding_node/list"}
        self._asks = {kind: self.create_client(kind, name) for kind, name in services.items()}

    def start(self) -> None:
        self._stopping.clear()
        self._published = None
        self._thread = threading.Thread(target=self._watch, name="markers", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread:
            self._thread.join()
            self._thread = None

    def close(self) -> None:
        for client in self._asks.values():
            self.destroy_client(client)
        self._asks = {}

    def diagnose(self) -> tuple[bytes, str, dict[str, object]]:
        values = {"places": len(self._places.shown()), "last found": self._found}
        return (DiagnosticStatus.WARN if self._trouble else DiagnosticStatus.OK), self._trouble, values

    def _take(self, matches: Matches) -> None:
        if matches.status == Matches.FOUND and matches.matches:  # a publisher may set one without the other
            self._found = matches.matches[0].id[:LENGTH_OF_AN_ID]

    def _watch(self) -> None:
        while not self._stopping.is_set():
            if self._markers.get_subscription_count():
                try:
                    self._read()
                    self._trouble = ""
                except Unanswered as error:
                    self._trouble = str(error)
                    self._places.doubt()
                self._publish()
            self._stopping.wait(SECONDS_BETWEEN_READINGS)

    def _read(self) -> None:
        now = time.monotonic()
        if not self._places.is_old(now):
            self._places.update(self._list(self._places.newest))
            if not self._places.is_missing_some(self._ask(Count).count):
                return
        self._places.replace(self._list(0.0), now)

    def _list(self, since: float) -> Iterator[MapPlace]:
        page = ""
        while True:
            response = self._ask(List, seen_after=time_message(since), page=page, size=PAGE)
            yield from map(_place, response.memories)
            page = response.next_page
            if not page:
                return

    def _ask(self, kind: type, **fields: Any) -> Any:
        client = self._asks[kind]
        if not client.service_is_ready():
            raise Unanswered(f"{client.srv_name} is not there; start embedding_node in this namespace")
        answered = threading.Event()
        future = client.call_async(kind.Request(**fields))
        future.add_done_callback(lambda _: answered.set())
        end = time.monotonic() + ANSWER_S
        while not answered.wait(0.05):
            if self._stopping.is_set() or time.monotonic() > end:
                client.remove_pending_request(future)
                raise Unanswered(f"{client.srv_name} does not answer within {ANSWER_S:g} s")
        response = future.result()
        if not response.success:
            raise Unanswered(response.message)
        return response

    def _publish(self) -> None:
        """All markers in one message, if it differs from the last one: who comes later needs no other."""
        places, size = self._places.shown(), self.parameters["marker_size"]
        content = (places, size, self._found)
        if content == self._published:
            return
        self._published = content
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id=self.parameters["map_frame"])
        array = MarkerArray(markers=[Marker(header=header, action=Marker.DELETEALL)])
        for number, place in enumerate(places):
            array.markers += _markers(header, number, place, size, found=place.id == self._found)
        self._markers.publish(array)


def _place(memory: Match) -> MapPlace:
    placed = memory.pose_known and memory.in_current_map
    pose = pose_of(memory.pose.position, memory.pose.orientation) if placed else None
    return MapPlace(memory.id, memory.label, pose, seconds_of(memory.last_seen))


def _markers(header: Header, number: int, place: MapPlace, size: float, *, found: bool) -> list[Marker]:
    pose = pose_message(place.pose)
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


def main() -> None:
    sys.exit(run([MarkersNode]))


if __name__ == "__main__":
    main()
