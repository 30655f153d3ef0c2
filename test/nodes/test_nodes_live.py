# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of a running embedding_node: what may change takes effect at once, what may not is refused in words."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from std_msgs.msg import Header

from visual_byte.msg import Matches, Query
from visual_byte.srv import Count, Find, List, Remember
from visual_byte_core.names import ClassName
from visual_byte_core.rendering.text import render_text
from visual_byte_ros.answer_messages import time_message
from visual_byte_ros.image_messages import to_message
from visual_byte_testing.graph import Graph, Process, open_graph
from visual_byte_testing.pixel_bundle import write_pixel_bundle
from visual_byte_testing.sample_bundle import CALIBRATION

THRESHOLDS = {"thresholds": [[0.999, 0.1], [0.999, 0.1]]}  # at a false accept rate of 0.01 and of 0.5
_stamps = itertools.count(1_700_000_000, 3600)


class Robot:
    def __init__(self, graph: Graph) -> None:
        calibration = {modality: {**row, **THRESHOLDS} for modality, row in CALIBRATION.items()}
        bundle = write_pixel_bundle(graph.folder / "bundle", [ClassName("apple", "apple", "사과")], calibration)
        self.graph, self.bundle = graph, bundle
        arguments = ["-r", f"__ns:={graph.namespace}", "-p", f"bundle:={bundle.path}", "-p", "pose_type:=pose"]
        arguments += ["-p", f"memory_folder:={graph.folder / 'memory'}"]
        # Every third search takes two seconds.
        self.process = Process("visual_byte_testing.slow_memory_node", graph.folder / "slow.log", arguments, {})
        graph.processes.append(self.process)

    def set(self, **values: Any) -> None:
        for name, value in values.items():
            result = self.try_to_set(name, value)
            assert result.successful, result.reason

    def try_to_set(self, name: str, value: Any) -> Any:
        parameters = [Parameter(name, value=value).to_parameter_msg()]
        return self.graph.call(SetParameters, "embedding_node/set_parameters", parameters=parameters).results[0]

    def remember(self, seed: int, at: float) -> str:
        image = to_message(
            np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8).repeat(16, 0).repeat(16, 1)
        )
        image.header = Header(stamp=time_message(at), frame_id="eye")
        response = self.graph.call(Remember, "embedding_node/remember", image=image)
        assert response.success, response.message
        return response.id

    def count(self) -> int:
        return self.graph.call(Count, "embedding_node/count").count


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Robot]:
    with open_graph(tmp_path_factory.mktemp("robot")) as graph:
        yield Robot(graph)


def test_merging(robot: Robot) -> None:
    begin = next(_stamps)
    first = robot.remember(1, begin)
    assert robot.remember(1, begin + 1) == first
    robot.set(merge=False)
    second = robot.remember(1, begin + 2)
    assert second != first
    robot.set(merge=True, merge_within_s=0.5)
    third = robot.remember(1, begin + 3)
    assert third not in (first, second)
    robot.set(merge_within_s=60.0)
    assert robot.remember(1, begin + 4) in (first, second, third)


def test_regions(robot: Robot) -> None:
    before = robot.count()
    robot.remember(2, next(_stamps))
    assert robot.count() == before + 1
    robot.set(regions=True, region_size=0.5)
    robot.remember(3, next(_stamps))
    assert robot.count() > before + 2
    robot.set(regions=False)


def test_poses(robot: Robot) -> None:
    poses = robot.graph.publisher(PoseStamped, "pose")

    def counted(kind: str) -> int:
        return int(robot.graph.diagnosis("embedding_node", bool).get(f"poses {kind}", 0))

    def pose_known(kind: str) -> bool:
        """Of a picture that is seen two seconds after a pose, which is `kind`."""
        at, before = next(_stamps), counted(kind)
        pose = PoseStamped(header=Header(stamp=time_message(at), frame_id="map"))
        pose.pose.orientation.w = 1.0
        robot.graph.repeat(lambda: poses.publish(pose), lambda: counted(kind) > before, f"a pose that is {kind}")
        id = robot.remember(at % 1000, at + 2)
        memories = robot.graph.call(List, "embedding_node/list", size=1000).memories
        return next(memory for memory in memories if memory.id == id).pose_known

    assert not pose_known("taken")
    robot.set(max_pose_age_s=5.0)
    assert pose_known("taken")
    robot.set(pose_frame="odom")
    assert not pose_known("in another frame")


def test_the_threshold(robot: Robot) -> None:
    robot.set(answer_timeout_s=10.0)  # the memory is slow
    robot.remember(4, next(_stamps))
    robot.set(false_accept_rate=0.01)
    assert "under the threshold 0.999" in robot.graph.call(Find, "embedding_node/find", text="mug").message
    robot.set(false_accept_rate=0.5)
    assert robot.graph.call(Find, "embedding_node/find", text="mug").matches.status == Matches.FOUND


def test_the_time_for_an_answer(robot: Robot) -> None:
    robot.set(answer_timeout_s=0.4)
    responses = [robot.graph.call(Find, "embedding_node/find", text=f"mug {n}") for n in range(3)]
    late = [response for response in responses if response.code == "TIMEOUT"]
    assert late and "no answer within 0.4 s" in late[0].message
    robot.set(answer_timeout_s=10.0)
    assert all(robot.graph.call(Find, "embedding_node/find", text=f"mug {n}").success for n in range(3))


def test_how_many_wait(robot: Robot) -> None:
    robot.set(max_waiting=1, answer_timeout_s=10.0)
    answers = robot.graph.collect(Matches, "matches")
    queries = robot.graph.publisher(Query, "query")
    image = to_message(render_text("mug", robot.bundle.size_of("text"), robot.bundle.renderer.text))
    for number in range(30):
        queries.publish(Query(id=str(number), modality="text", renderer=robot.bundle.renderer.digest(), image=image))
    robot.graph.wait(lambda: len(answers) == 30, "thirty answers")
    assert any("1 newer questions were waiting" in answer.reason for answer in answers)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("threads", 4, "threads is read when the node is configured: deactivate and clean up the node, set it"),
        ("autostart", False, "read-only"),
        ("k", 0, "out of range"),
        ("k", "many", "type"),
        ("pose_type", "gps", "pose_type must be one of none, pose"),
    ],
)
def test_what_is_refused(robot: Robot, name: str, value: Any, says: str) -> None:
    result = robot.try_to_set(name, value)
    assert not result.successful and says in result.reason
