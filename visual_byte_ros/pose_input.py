# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Where the robot is, from a topic or from tf; visual_byte_core.memory.pose_track decides which pose is good enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from geometry_msgs.msg import PoseStamped, PoseWithCovarianceStamped
from nav_msgs.msg import Odometry
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.time import Time

from visual_byte_core.errors import ConfigurationError
from visual_byte_core.memory.pose_track import PoseLimits, PoseTrack
from visual_byte_core.messages.poses import Pose, PoseReading, pose_reading
from visual_byte_core.messages.stamps import seconds_of
from visual_byte_ros.answer_messages import pose_of
from visual_byte_ros.interfaces import Topic
from visual_byte_ros.lifecycle import ManagedNode

try:
    import tf2_ros
except ImportError:  # it is not on PyPI; a machine with ROS from apt has it
    tf2_ros = None

LIMITS = PoseLimits()
MESSAGES = {"pose": PoseStamped, "pose_with_covariance": PoseWithCovarianceStamped, "odometry": Odometry}
POSE_TYPES = ("none", *MESSAGES, "tf")
POSES = QoSProfile(depth=1000, reliability=ReliabilityPolicy.BEST_EFFORT)  # hears reliable publishers as well
TOPICS = {
    kind: Topic(
        "pose", message, POSES, "Where the robot is; the parameter pose_topic names this topic.", f"pose_type is {kind}"
    )
    for kind, message in MESSAGES.items()
}

InTurn = Callable[[float, Callable[[], None]], None]  # stamp in seconds since 1970, what to do


class PoseInput:
    """kind: one of POSE_TYPES. in_turn: does something at once, or when the messages of earlier stamps are dealt with.

    Raises ConfigurationError if tf is asked for where tf2_ros is not installed.
    """

    def __init__(
        self, node: ManagedNode, kind: str, topic: str, limits: PoseLimits, map_id: str, in_turn: InTurn
    ) -> None:
        self._node, self._kind = node, kind
        self._track = PoseTrack(limits)
        self._map_id = map_id
        self._in_turn = in_turn
        self._buffer = self._listener = None
        if kind == "tf":
            if tf2_ros is None:
                raise ConfigurationError(
                    "pose_type tf: tf2_ros is not installed; install ros-jazzy-tf2-ros, or use a topic: "
                    f"{', '.join(MESSAGES)}"
                )
            self._buffer = tf2_ros.Buffer()
            self._listener = tf2_ros.TransformListener(self._buffer, node)
        elif kind in MESSAGES:
            group = MutuallyExclusiveCallbackGroup()
            node.subscribe_to(replace(TOPICS[kind], name=topic), self._take, callback_group=group)

    def at(self, captured_at: float, frame_id: str, map_id: str) -> Pose | None:
        """Where the robot (by tf: the camera `frame_id`) was then in this map; None if that is not known well enough.

        Poses that came before the robot was in this map are of no use.
        """
        if map_id != self._map_id:
            self._map_id = map_id
            self._track.clear()
        if self._buffer is not None:
            self._look_up(captured_at, frame_id)
        return self._track.at(captured_at)

    def limit(self, limits: PoseLimits) -> None:
        """Judge poses by other limits from now on; those in another frame are of no use any more."""
        if limits.frame_id != self._track.limits.frame_id:
            self._track.clear()
        self._track.limits = limits

    def diagnose(self) -> dict[str, object]:
        """What /diagnostics tells of the poses."""
        counts = {f"poses {kind}": number for kind, number in self._track.counts.items()}
        return {"pose source": self._kind, "tf2_ros": "installed" if tf2_ros else "not installed", **counts}

    def close(self) -> None:
        """Let go of tf2; a subscription goes with its node."""
        if self._listener is not None:
            self._listener.unregister()

    def _take(self, message: Any) -> None:
        reading = pose_reading(message)
        self._in_turn(reading.captured_at, partial(self._add, reading))

    def _look_up(self, captured_at: float, frame_id: str) -> None:
        """At the time of the frame or, as transforms are often later than frames, the newest there is."""
        at = Time(nanoseconds=round(captured_at * 1e9))
        for moment in (at, Time()):
            try:
                found = self._buffer.lookup_transform(self._track.limits.frame_id, frame_id, moment)
            except tf2_ros.TransformException:
                continue
            pose = pose_of(found.transform.translation, found.transform.rotation)
            self._add(PoseReading(seconds_of(found.header.stamp), found.header.frame_id, pose))
            return

    def _add(self, reading: PoseReading) -> None:
        reason = self._track.add(reading)
        if reason:
            self._node.get_logger().warning(f"left out: {reason}", throttle_duration_sec=10.0)
