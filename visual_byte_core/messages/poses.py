# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A pose message as a reading, whether it comes from a topic or from a bag."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from visual_byte_core.messages.stamps import seconds_of

Pose = tuple[float, float, float, float, float, float, float]
"""x y z in metres and the quaternion qx qy qz qw."""

POSE_MESSAGES = (
    "geometry_msgs/msg/PoseStamped",
    "geometry_msgs/msg/PoseWithCovarianceStamped",
    "nav_msgs/msg/Odometry",
)


@dataclass(frozen=True)
class PoseReading:
    """One message of a localiser.

    Attributes:
        captured_at: seconds since 1970.
        pose: x y z in metres, quaternion qx qy qz qw.
        covariance: 36 values, row-major, of x y z and the rotations about X Y Z, in metres and radians; None if the
            message has none.
    """

    captured_at: float
    frame_id: str
    pose: Pose
    covariance: tuple[float, ...] | None = None


def pose_reading(message: Any, stamp: float | None = None) -> PoseReading:
    """The reading that a message of one of POSE_MESSAGES is; the first kind has no covariance.

    Args:
        stamp: seconds since 1970 that count in place of those in its header.
    """
    header, inner = message.header, message.pose
    covariance = tuple(map(float, inner.covariance)) if hasattr(inner, "covariance") else None
    pose = inner if covariance is None else inner.pose
    position, rotation = pose.position, pose.orientation
    return PoseReading(
        seconds_of(header.stamp) if stamp is None else stamp,
        header.frame_id,
        (position.x, position.y, position.z, rotation.x, rotation.y, rotation.z, rotation.w),
        covariance,
    )


def distance(one: Pose, other: Pose) -> float:
    """Metres between two poses of one map."""
    return math.dist(one[:3], other[:3])
