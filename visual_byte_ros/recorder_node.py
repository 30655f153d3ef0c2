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
from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.clock import Clock, ClockType
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.timer import Timer
from sensor_msgs.msg import CompressedImage, Image

from visual_byte.msg import Matches, Query
from visual_byte_core.errors import ConfigurationError, VisualByteError
from visual_byte_core.files import expanded
from visual_byte_ros.interfaces import Interfaces, Topic, type_name
from visual_byte_ros.lifecycle import ManagedNode, run
from visual_byte_ros.parameters import AUTOSTART, Parameter
from visual_byte_ros.pose_input import MESSAGES
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
    Parameter(
        "image_transport",
        "auto",
        "What to record of the camera: `image` (raw), `image/compressed` (compressed), or the one of them that is"
        " published, raw first (auto).",
        choices=("auto", "raw", "compressed"),
    ),
    Parameter("pose_topic", "pose", "Topic of the robot's poses to record.", expected="name of a topic"),
    Parameter("pose_type", "pose", "Which message tells where the robot is.", choices=tuple(MESSAGES)),
)
SENSOR = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
IMAGE = Topic(
    "image",
    Image,
    SENSOR,
    "What the robot sees; with image_transport auto, if it is published.",
    when="image_transport is raw",
)
COMPRESSED = Topic(
    "image/compressed",
    CompressedImage,
    SENSOR,
    "The same as JPEG or PNG; with image_transport auto, if only this is published.",
    when="image_transport is compressed",
)
ALWAYS = (
    Topic("query", Query, RELIABLE_BURSTS, "What it is asked."),
    Topic("matches", Matches, RELIABLE_BURSTS, "What it answers."),
)
POSES = {
    kind: Topic(
        "pose",
        message,
        SENSOR,
        "Where the robot is; the parameter pose_topic names this topic.",
        f"pose_type is {kind}",
    )
    for kind, message in MESSAGES.items()
}
INTERFACES = Interfaces(subscribes=(IMAGE, COMPRESSED, *ALWAYS, *POSES.values()))
SILENT_S = 3.0
LOOK_S = 0.5  # between looks for a publisher of frames


class RecorderNode(ManagedNode):
    """Topics `image`, `query`, `matches` and the pose in; a bag out, complete when the node is cleaned up or ends."""

    def __init__(self, **options: object) -> None:
        super().__init__("recorder_node", PARAMETERS, **options)
        self._writer: BagWriter | None = None
        self._lock = threading.Lock()
        self._recorded = 0
        self._trouble = ""
        self._frames = ""
        self._looking: Timer | None = None

    def open(self) -> None:
        if find_spec("rosbags") is None:
            raise ConfigurationError("rosbags is not installed; recording needs: pip install '.[bags]'")
        from visual_byte_core.bags.writing import BagWriter

        self._path = expanded(self.parameters["bag"] or time.strftime("visual_byte_%Y%m%d_%H%M%S"))
        self._writer = BagWriter(self._path)
        self._heard = self._seen = time.monotonic()
        self._frames = ""
        pose = replace(POSES[self.parameters["pose_type"]], name=self.parameters["pose_topic"])
        for topic in (*ALWAYS, pose):
            self._listen(topic)
        transport = self.parameters["image_transport"]
        if transport == "auto":
            steady = Clock(clock_type=ClockType.STEADY_TIME)
            self._looking = self.create_timer(LOOK_S, self._look_for_frames, clock=steady)
            self._look_for_frames()
        else:
            self._listen_to_frames(COMPRESSED if transport == "compressed" else IMAGE)
        self.get_logger().info(f"recording into {self._path}")

    def _look_for_frames(self) -> None:
        """Raw frames, if anybody publishes them; else compressed ones."""
        for topic in (IMAGE, COMPRESSED):
            if not self._frames and self.count_publishers(self.resolve_topic_name(topic.name)):
                self._listen_to_frames(topic)
                self.get_logger().info(f"records {self._frames}")

    def _listen_to_frames(self, topic: Topic) -> None:
        self._frames = self.resolve_topic_name(topic.name)
        self._listen(topic)
        self._stop_looking()

    def _listen(self, topic: Topic) -> None:
        record = partial(self._record, self.resolve_topic_name(topic.name), type_name(topic.kind))
        self.subscribe_to(topic, record, raw=True)

    def _stop_looking(self) -> None:
        if self._looking:
            self.destroy_timer(self._looking)
            self._looking = None

    def close(self) -> None:
        self._stop_looking()
        with self._lock:
            writer, self._writer = self._writer, None
        if writer:
            writer.close()
            self.get_logger().info(f"{self._recorded} messages recorded into {self._path}")

    def diagnose(self) -> tuple[bytes, str, dict[str, object]]:
        values = {"bag": str(self._path), "recorded messages": self._recorded}
        values["frames from"] = self._frames or "nobody yet"
        if self._trouble:
            return DiagnosticStatus.ERROR, self._trouble, values
        if self.active and (silent := self._silence()):
            return DiagnosticStatus.WARN, silent, values
        return DiagnosticStatus.OK, "", values

    def _silence(self) -> str:
        """What has not been heard for SILENT_S; empty if all is well."""
        now = time.monotonic()
        if now - self._seen <= SILENT_S:
            return ""
        what = f"nothing heard for {now - self._heard:.0f} s"
        if now - self._heard <= SILENT_S:
            what = f"no frame for {now - self._seen:.0f} s"
        published = [name for name in map(self.resolve_topic_name, ("image", "image/compressed"))
                     if self.count_publishers(name)]  # fmt: skip
        there = f"{' and '.join(published)} published" if published else "no publisher of image or image/compressed"
        return f"{what} ({there}); check the names of the topics, the namespace and ROS_DOMAIN_ID"

    def _record(self, topic: str, kind: str, data: bytes) -> None:
        with self._lock:
            if not self.active or not self._writer:
                return
            try:
                self._writer.write_raw(topic, kind, self.get_clock().now().nanoseconds, data)
                self._recorded += 1
                self._heard = time.monotonic()
                if topic == self._frames:
                    self._seen = self._heard
                self._trouble = ""
            except VisualByteError as error:
                self._trouble = str(error)
                self.get_logger().error(self._trouble, throttle_duration_sec=5.0)


def main() -> None:
    sys.exit(run([RecorderNode]))


if __name__ == "__main__":
    main()
