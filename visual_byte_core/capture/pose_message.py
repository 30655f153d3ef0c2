# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A pose message as a reading, whether it comes from a topic or from a bag."""

from __future__ import annotations

from typing import Any

from visual_byte_core.runtime.places import PoseReading

POSE_MESSAGES = (
    "geometry_msgs/msg/PoseStamped",
    "geometry_msgs/msg/PoseWithCovarianceStamped",
    "nav_msgs/msg/Odometry",
)


def pose_reading(message: Any) -> PoseReading:
    """The reading that a message of one of POSE_MESSAGES is; the first kind has no covariance."""
    header, inner = message.header, message.pose
    covariance = tuple(map(float, inner.covariance)) if hasattr(inner, "covariance") else None
    pose = inner if covariance is None else inner.pose
    position, rotation = pose.position, pose.orientation
    return PoseReading(
        header.stamp.sec + header.stamp.nanosec * 1e-9,
        header.frame_id,
        (position.x, position.y, position.z, rotation.x, rotation.y, rotation.z, rotation.w),
        covariance,
    )
