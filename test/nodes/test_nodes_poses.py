# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""embedding_node takes places from every kind of pose message, and leaves out what is in another frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped, PoseWithCovarianceStamped
from nav_msgs.msg import Odometry
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from visual_byte.msg import Match, Remembered
from visual_byte.srv import Find
from visual_byte_ros.answer_messages import pose_message, time_message
from visual_byte_ros.image_messages import to_message
from visual_byte_ros.qos import NEWEST_FRAME
from visual_byte_testing.graph import Graph
from visual_byte_testing.sample_bundle import write_sample_bundle

PLACE = (1.5, -2.0, 0.25, 0.0, 0.0, 0.6, 0.8)
KINDS = {
    "pose": (PoseStamped, "map"),
    "pose_with_covariance": (PoseWithCovarianceStamped, "map"),
    "odometry": (Odometry, "odom"),
}


def stamped(kind: type, stamp: float, frame: str) -> Any:
    message = kind(header=Header(stamp=time_message(stamp), frame_id=frame))
    if kind is PoseStamped:
        message.pose = pose_message(PLACE)
    else:
        message.pose.pose = pose_message(PLACE)
        message.pose.covariance[0] = message.pose.covariance[7] = message.pose.covariance[35] = 0.01
    return message


@pytest.mark.parametrize("pose_type", KINDS)
def test_a_match_says_where_by_every_kind_of_pose(graph: Graph, tmp_path: Path, pose_type: str) -> None:
    kind, frame = KINDS[pose_type]
    remembered = graph.collect(Remembered, "embedding_node/remembered")
    graph.start(
        "embedding_node", bundle=str(write_sample_bundle(tmp_path / "bundle").path),
        memory_folder=str(tmp_path / "memory"), pose_type=pose_type, pose_topic="where", pose_frame=frame,
        map_id="home",
    )  # fmt: skip
    images, poses = graph.publisher(Image, "image", NEWEST_FRAME), graph.publisher(kind, "where")

    def seen(seed: int, stamp: float, frame: str, counted: str) -> Match:
        """Stand somewhere, see a picture there, and ask for it."""
        counts: list[str] = []

        def stand() -> None:
            poses.publish(stamped(kind, stamp, frame))
            counts.append(graph.diagnosis("embedding_node", lambda values: True).get(counted, "0"))

        graph.repeat(stand, lambda: any(count != "0" for count in counts), counted)
        picture = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
        frame_message = to_message(picture.repeat(12, axis=0).repeat(16, axis=1))
        frame_message.header = Header(stamp=time_message(stamp + 0.1), frame_id="eye")
        before = len(remembered)
        graph.repeat(lambda: images.publish(frame_message), lambda: len(remembered) > before, "the acknowledgement")
        return graph.call(Find, "embedding_node/find", image=frame_message, k=1).matches.matches[0]

    match = seen(1, 1.7e9, frame, "poses taken")
    position, rotation = match.pose.pose.position, match.pose.pose.orientation
    assert match.pose_known and (match.map_id, match.in_current_map, match.frame_id) == ("home", True, "eye")
    assert (position.x, position.y, position.z) == PLACE[:3]
    assert (rotation.x, rotation.y, rotation.z, rotation.w) == pytest.approx(PLACE[3:])
    assert (match.pose.header.frame_id, match.pose.header.stamp) == (frame, match.last_seen)
    elsewhere = seen(2, 1.7e9 + 60, "somewhere_else", "poses in another frame")
    assert not elsewhere.pose_known and elsewhere.map_id == "home"
    assert elsewhere.pose == PoseStamped()
