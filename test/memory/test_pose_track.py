# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The pose of a frame is the one nearest in time, and none at all where the robot did not know well enough."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from visual_byte_core.memory.pose_track import PoseTrack
from visual_byte_core.messages.poses import PoseReading

GOOD = PoseReading(captured_at=1000.0, frame_id="map", pose=(1.0, 2.0, 0.0, 0.0, 0.0, 0.6, 0.8))


def covariance(x: float = 0.0, y: float = 0.0, heading: float = 0.0, xy: float = 0.0) -> tuple[float, ...]:
    values = [0.0] * 36
    values[0], values[7], values[35], values[1], values[6] = x, y, heading, xy, xy
    return tuple(values)


def test_the_pose_nearest_in_time_is_taken() -> None:
    track = PoseTrack()
    assert track.at(1000.0) is None
    for step in range(10):
        assert track.add(replace(GOOD, captured_at=1000.0 + step, pose=(float(step), *GOOD.pose[1:]))) == ""
    for at, x in ((1000.0, 0), (1003.4, 3), (1003.6, 4), (1009.4, 9), (999.6, 0)):
        pose = track.at(at)
        assert pose is not None and pose[0] == x
    assert track.at(999.4) is None and track.at(1009.6) is None
    track.clear()
    assert track.at(1003.0) is None and track.counts == {"taken": 10}


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        ({"captured_at": 0.0}, "without stamp", "has no stamp"),
        ({"captured_at": math.nan}, "without stamp", "has no stamp"),
        ({"pose": (math.nan, *GOOD.pose[1:])}, "not finite", "expected 7 finite numbers"),
        ({"pose": (*GOOD.pose[:6], math.inf)}, "not finite", "expected 7 finite numbers"),
        ({"frame_id": "odom"}, "in another frame", "is in frame 'odom', expected 'map'"),
        ({"pose": (1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0)}, "no rotation", "length 0.000"),
        ({"pose": (1.0, 2.0, 0.0, 0.0, 0.0, 3.0, 4.0)}, "no rotation", "length 5.000"),
        ({"covariance": covariance(x=0.26)}, "too uncertain", "position is known to 0.51 m, at most 0.5"),
        ({"covariance": covariance(x=0.2, y=0.2, xy=0.15)}, "too uncertain", "position is known to 0.59 m"),
        ({"covariance": covariance(heading=0.2)}, "too uncertain", "heading is known to 0.45 rad"),
        ({"covariance": covariance(x=-1.0)}, "covariance malformed", "negative variance"),
        ({"covariance": covariance(x=math.nan)}, "covariance malformed", "36 finite numbers"),
        ({"covariance": (1.0, 2.0)}, "covariance malformed", "36 finite numbers"),
    ],
)
def test_a_reading_that_is_no_good_is_left_out_and_counted(change: dict, kind: str, says: str) -> None:
    track = PoseTrack()
    assert says in track.add(replace(GOOD, **change))
    assert track.counts == {kind: 1} and track.at(1000.0) is None


def test_a_good_covariance_is_taken_and_one_of_zeros_is_unknown() -> None:
    track = PoseTrack()
    assert track.add(replace(GOOD, covariance=covariance(x=0.01, y=0.02, heading=0.01))) == ""
    assert track.counts == {"taken": 1}
    assert track.add(replace(GOOD, captured_at=1000.1, covariance=covariance())) == ""
    assert track.counts == {"taken": 2, "covariance unknown": 1}


def test_a_quaternion_of_nearly_unit_length_is_normalised() -> None:
    track = PoseTrack()
    assert track.add(replace(GOOD, pose=(1.0, 2.0, 0.0, 0.0, 0.0, 0.63, 0.84))) == ""
    assert track.at(1000.0) == pytest.approx(GOOD.pose)


def test_a_late_reading_is_left_out_and_a_clock_set_back_starts_anew() -> None:
    track = PoseTrack()
    assert track.add(GOOD) == ""
    assert "0.200 s before" in track.add(replace(GOOD, captured_at=999.8))
    assert track.at(1000.0) is not None
    assert track.add(replace(GOOD, captured_at=10.0)) == ""
    assert track.at(1000.0) is None and track.at(10.0) == pytest.approx(GOOD.pose)
    assert track.counts == {"taken": 2, "late": 1, "stamps jumped back": 1}
