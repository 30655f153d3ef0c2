# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Records what the robot sees, is asked and answers into a bag (rosbag2, MCAP), for `visual-byte eval-bag`."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import PoseStamped
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from visual_byte.msg import Matches, Query
from visual_byte_core.errors import ConfigurationError, VisualByteError
from visual_byte_ros.interfaces import Interfaces, Topic, type_name
from visual_byte_ros.lifecycle import ManagedNode, run
from visual_byte_ros.parameters import AUTOSTART, Parameter
from visual_byte_ros.qos import RELIABLE_BURSTS

if TYPE_CHECKING:
    from visual_byte_core.bags.writing import BagWriter

PARAMETERS = (
    AUTOSTART,
    Parameter(
        "bag",
        "",
        "Folder of the bag to write, which must not exist yet; empty is visual_byte_DATE_TIME in the current folder.",
        expected="path of a folder that does not exist",
    ),
    Parameter("pose_topic", "pose", "Topic of the robot's PoseStamped to record.", expected="name of a topic"),
)
SENSOR = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
POSE = Topic("pose", PoseStamped, SENSOR, "Where the robot is; the parameter pose_topic names this topic.")
INTERFACES = Interfaces(
    subscribes=(
        Topic("image", Image, SENSOR, "What the robot sees."),
        Topic("query", Query, RELIABLE_BURSTS, "What it is asked."),
        Topic("matches", Matches, RELIABLE_BURSTS, "What it answers."),
        POSE,
    )
)


class RecorderNode(ManagedNode):
    """Topics `image`, `query`, `matches` and the pose in; a bag out, complete when the node is cleaned up or ends."""

    def __init__(self, **options: object) -> None:
        super().__init__("recorder_node", PARAMETERS, **options)
        self._writer: BagWriter | None = None
        self._lock = threading.Lock()
        self._recorded = 0
        self._trouble = ""

    def open(self) -> None:
        if find_spec("rosbags") is None:
            raise ConfigurationError("rosbags is not installed; recording needs: pip install '.[bags]'")
        from visual_byte_core.bags.writing import BagWriter

        self._path = Path(self.parameters["bag"] or time.strftime("visual_byte_%Y%m%d_%H%M%S")).expanduser()
        self._writer = BagWriter(self._path)
        for row in INTERFACES.subscribes:
            topic = replace(row, name=self.parameters["pose_topic"]) if row is POSE else row
            record = partial(self._record, self.resolve_topic_name(topic.name), type_name(topic.kind))
            self.subscribe_to(topic, record, raw=True)
        self.get_logger().info(f"recording into {self._path}")

    def close(self) -> None:
        with self._lock:
            writer, self._writer = self._writer, None
        if writer:
            writer.close()
            self.get_logger().info(f"{self._recorded} messages recorded into {self._path}")

    def diagnose(self) -> tuple[bytes, str, dict[str, object]]:
        values = {"bag": str(self._path), "recorded messages": self._recorded}
        return (DiagnosticStatus.ERROR if self._trouble else DiagnosticStatus.OK), self._trouble, values

    def _record(self, topic: str, kind: str, data: bytes) -> None:
        with self._lock:
            if not self.active or not self._writer:
                return
            try:
                self._writer.write_raw(topic, kind, self.get_clock().now().nanoseconds, data)
                self._recorded += 1
                self._trouble = ""
            except VisualByteError as error:
                self._trouble = str(error)
                self.get_logger().error(self._trouble, throttle_duration_sec=5.0)


def main() -> None:
    sys.exit(run([RecorderNode]))


if __name__ == "__main__":
    main()
