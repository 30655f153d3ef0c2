# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Where the robot was when a frame was captured: the pose nearest in time, while localisation is good enough."""

from __future__ import annotations

import math
import threading
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from visual_byte_core.messages.poses import Pose, PoseReading

POSES_KEPT = 1000  # ten seconds at 100 a second
NEARLY_UNIT = 0.1  # a quaternion whose length is off by more was computed wrong, not rounded


@dataclass(frozen=True)
class PoseLimits:
    """frame_id: the coordinate frame that poses must be in. max_age_s: seconds between a frame and its pose.

    max_position_deviation: metres, one standard deviation in the direction on the floor in which it is largest.
    max_angle_deviation: radians, one standard deviation of the heading.
    """

    frame_id: str = "map"
    max_age_s: float = 0.5
    max_position_deviation: float = 0.5
    max_angle_deviation: float = 0.35


class PoseTrack:
    """The poses of the last seconds, for several threads. Every reading that is left out is counted by its reason.

    Args:
        limits: may be replaced at any time.
    """

    def __init__(self, limits: PoseLimits = PoseLimits()) -> None:
        self.limits = limits
        self._lock = threading.Lock()
        self._times: deque[float] = deque(maxlen=POSES_KEPT)
        self._poses: deque[Pose] = deque(maxlen=POSES_KEPT)
        self._counts: Counter[str] = Counter()

    @property
    def counts(self) -> Mapping[str, int]:
        """How many readings were taken, left out for each reason, or came with something to know of."""
        with self._lock:
            return dict(self._counts)

    def add(self, reading: PoseReading) -> str:
        """Take a reading, or leave it out and return why in one line; empty if it was taken.

        A covariance of zeros says "unknown" in ROS, not "certain": such a reading is taken as one without covariance,
        and counted. A stamp that jumps back by more than `max_age_s` is a clock that was reset (a bag that starts
        again): what was known before it is dropped.
        """
        kind, reason, pose = self._judge(reading)
        with self._lock:
            if not kind:
                kind, reason = self._keep_order(reading.captured_at)
            if kind:
                self._counts[kind] += 1
                return reason
            if reading.covariance is not None and not any(reading.covariance):
                self._counts["covariance unknown"] += 1
            self._counts["taken"] += 1
            self._times.append(reading.captured_at)
            self._poses.append(pose)
        return ""

    def at(self, captured_at: float) -> Pose | None:
        """The pose nearest in time, at most `max_age_s` from it; None if there is none."""
        with self._lock:
            after = bisect_left(self._times, captured_at)
            gaps = [(abs(self._times[i] - captured_at), i) for i in (after - 1, after) if 0 <= i < len(self._times)]
            if not gaps or min(gaps)[0] > self.limits.max_age_s:
                return None
            return self._poses[min(gaps)[1]]

    def clear(self) -> None:
        """Drop all poses, as when the robot comes into another map."""
        with self._lock:
            self._times.clear()
            self._poses.clear()

    def _keep_order(self, captured_at: float) -> tuple[str, str]:
        back = self._times[-1] - captured_at if self._times else 0.0
        if back > self.limits.max_age_s:
            self._counts["stamps jumped back"] += 1
            self._times.clear()
            self._poses.clear()
        elif back > 0:
            return "late", f"pose: its stamp is {back:.3f} s before that of the pose that came before it"
        return "", ""

    def _judge(self, reading: PoseReading) -> tuple[str, str, Pose]:
        """Kind and sentence of what is wrong, both empty if nothing is, and the pose with a quaternion of length 1."""
        limits, pose = self.limits, reading.pose
        if not math.isfinite(reading.captured_at) or reading.captured_at <= 0:
            return "without stamp", "pose: has no stamp; let the localiser stamp its poses", pose
        if len(pose) != 7 or not all(map(math.isfinite, pose)):
            return "not finite", f"pose: expected 7 finite numbers x y z qx qy qz qw, got {pose}", pose
        if reading.frame_id != limits.frame_id:
            sentence = f"pose: is in frame {reading.frame_id[:80]!r}, expected {limits.frame_id!r}; see pose_frame"
            return "in another frame", sentence, pose
        length = math.hypot(*pose[3:])
        if abs(length - 1) > NEARLY_UNIT:
            return "no rotation", f"pose: its quaternion has length {length:.3f}, expected 1", pose
        wrong = _too_uncertain(reading.covariance, limits)
        if wrong:
            return (*wrong, pose)
        x, y, z, qx, qy, qz, qw = pose
        return "", "", (x, y, z, qx / length, qy / length, qz / length, qw / length)


def _too_uncertain(covariance: tuple[float, ...] | None, limits: PoseLimits) -> tuple[str, str] | None:
    if covariance is None or not any(covariance):
        return None
    matrix = np.array(covariance, np.float64)
    if matrix.size != 36 or not np.isfinite(matrix).all():
        return "covariance malformed", "pose: expected a covariance of 36 finite numbers"
    matrix = matrix.reshape(6, 6)
    largest, heading = float(np.linalg.eigvalsh(matrix[:2, :2])[-1]), float(matrix[5, 5])
    if min(matrix[0, 0], matrix[1, 1], heading) < 0:
        return "covariance malformed", "pose: its covariance has a negative variance"
    if math.sqrt(max(0.0, largest)) > limits.max_position_deviation:
        off = math.sqrt(largest)
        return "too uncertain", f"pose: position is known to {off:.2f} m, at most {limits.max_position_deviation:g}"
    if math.sqrt(heading) > limits.max_angle_deviation:
        off = math.sqrt(heading)
        return "too uncertain", f"pose: heading is known to {off:.2f} rad, at most {limits.max_angle_deviation:g}"
    return None
