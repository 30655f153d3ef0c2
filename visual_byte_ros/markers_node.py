# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Shows on the map where remembered things were seen, for RViz and Foxglove."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.qos import DurabilityPolicy, QoSProfile
from visualization_msgs.msg import MarkerArray

from visual_byte.msg import Match, Matches
from visual_byte.srv import Count, List
from visual_byte_core.messages.stamps import seconds_of
from visual_byte_core.views.map_places import MapPlace, MapPlaces
from visual_byte_ros.answer_messages import pose_of, time_message
from visual_byte_ros.interfaces import Interfaces, Topic
from visual_byte_ros.lifecycle import ManagedNode, run
from visual_byte_ros.marker_messages import marker_array
from visual_byte_ros.parameters import AUTOSTART, Parameter
from visual_byte_ros.qos import RELIABLE
from visual_byte_ros.service_caller import ServiceCaller, Unanswered

PARAMETERS = (
    AUTOSTART,
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


class MarkersNode(ManagedNode):
    """Topics `matches` in, `~/markers` out; asks the services `~/count` and `~/list` of embedding_node."""

    def __init__(self, **options: object) -> None:
        super().__init__("markers_node", PARAMETERS, **options)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._count: ServiceCaller[Count.Response] | None = None
        self._list: ServiceCaller[List.Response] | None = None

    def open(self) -> None:
        self._places = MapPlaces()
        self._found = self._trouble = ""
        self._published: tuple | None = None
        self._markers = self.publish_on(MARKERS)
        self.subscribe_to(MATCHES, self._take)
        self._count = ServiceCaller(self, Count, "embedding_node/count", ANSWER_S, self._stopping)
        self._list = ServiceCaller(self, List, "embedding_node/list", ANSWER_S, self._stopping)

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
        for caller in filter(None, (self._count, self._list)):
            caller.close()
        self._count = self._list = None

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
            self._places.update(self._memories(self._places.newest))
            if not self._places.is_missing_some(self._count.call().count):
                return
        self._places.replace(self._memories(0.0), now)

    def _memories(self, since: float) -> Iterator[MapPlace]:
        page = ""
        while True:
            response = self._list.call(seen_after=time_message(since), page=page, size=PAGE)
            yield from map(_place, response.memories)
            page = response.next_page
            if not page:
                return

    def _publish(self) -> None:
        """All markers in one message, if it differs from the last one: who comes later needs no other."""
        places, size = self._places.shown(), self.parameters["marker_size"]
        content = (places, size, self._found)
        if content == self._published:
            return
        self._published = content
        self._markers.publish(marker_array(places, self.get_clock().now().to_msg(), size, self._found))


def _place(memory: Match) -> MapPlace:
    placed = memory.pose_known and memory.in_current_map
    pose = pose_of(memory.pose.pose.position, memory.pose.pose.orientation) if placed else None
    return MapPlace(memory.id, memory.label, pose, seconds_of(memory.last_seen), memory.pose.header.frame_id)


def main() -> None:
    sys.exit(run([MarkersNode]))


if __name__ == "__main__":
    main()
