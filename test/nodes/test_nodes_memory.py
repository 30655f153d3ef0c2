# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""embedding_node in its own process keeps places, is taught, lists, counts and forgets, and says what it refuses."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import PoseWithCovarianceStamped
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from visual_byte.msg import Match, Matches, Query, Remembered
from visual_byte.srv import Count, Find, Forget, List, Teach
from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.rendering.text import render_text
from visual_byte_ros.answer_messages import pose_message, time_message
from visual_byte_ros.image_messages import to_message
from visual_byte_ros.qos import NEWEST_FRAME
from visual_byte_testing.graph import Graph, open_graph
from visual_byte_testing.sample_bundle import write_sample_bundle

_stamps = itertools.count(1_700_000_000, 600)


def picture(seed: int) -> np.ndarray:
    """Colour blocks that no other seed has."""
    blocks = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    return blocks.repeat(12, axis=0).repeat(16, axis=1)


class Robot:
    """embedding_node with poses, and what it says."""

    def __init__(self, graph: Graph, bundle: Bundle, memory: Path, pose_frame: str = "map") -> None:
        self.graph, self.bundle, self.pose_frame = graph, bundle, pose_frame
        self._poses_heard = 0  # all that were published
        self.remembered = graph.collect(Remembered, "embedding_node/remembered")
        self.matches = graph.collect(Matches, "matches")
        self.process = graph.start(
            "embedding_node",
            bundle=str(bundle.path),
            memory_folder=str(memory),
            pose_type="pose_with_covariance",
            pose_frame=pose_frame,
            map_id="home",
        )
        self.images = graph.publisher(Image, "image", NEWEST_FRAME)
        self.poses = graph.publisher(PoseWithCovarianceStamped, "pose")
        self.queries = graph.publisher(Query, "query")
        graph.be_known_to("embedding_node")

    def show(self, seed: int, x: float | None = None, **pose: Any) -> Remembered:
        header = Header(stamp=time_message(next(_stamps)), frame_id="eye")
        if x is not None:
            self.stand(header, x, **pose)
        message = to_message(picture(seed))
        message.header = header

        def acknowledged() -> list[Remembered]:
            return [r for r in list(self.remembered) if r.header == header]

        self.graph.repeat(lambda: self.images.publish(message), lambda: bool(acknowledged()), "the acknowledgement")
        return acknowledged()[0]

    def stand(self, header: Header, x: float, frame: str = "", variance: float = 0.01) -> None:
        """Publish a pose, and return when the node has it."""
        message = PoseWithCovarianceStamped(header=Header(stamp=header.stamp, frame_id=frame or self.pose_frame))
        message.pose.pose = pose_message((x, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0))
        message.pose.covariance[0] = message.pose.covariance[35] = variance
        self.poses.publish(message)
        values = self.graph.diagnosis("embedding_node", lambda values: poses_in(values) > self._poses_heard)
        self._poses_heard = poses_in(values)

    def only(self, seed: int) -> Match:
        return self.call(Find, "find", image=to_message(picture(seed)), k=1).matches.matches[0]

    def call(self, kind: type, service: str, **fields: Any) -> Any:
        return self.graph.call(kind, f"embedding_node/{service}", **fields)

    def say(self, id: str, words: str) -> Matches:
        """Ask as microphone_node would: the node cannot know what the picture was made of."""
        image = to_message(render_text(words, self.bundle.size_of("text"), self.bundle.renderer.text))
        renderer = self.bundle.renderer.digest()
        self.queries.publish(Query(id=id, modality=Query.AUDIO, renderer=renderer, image=image))
        return self.graph.wait_for(self.matches, lambda m: m.id == id, f"an answer to {id}")


def poses_in(values: dict[str, str]) -> int:
    return sum(int(number) for key, number in values.items() if key.startswith("poses "))


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Robot]:
    folder = tmp_path_factory.mktemp("robot")
    with open_graph(folder) as graph:
        yield Robot(graph, write_sample_bundle(folder / "bundle"), folder / "memory")


def test_teaching_before_there_is_a_frame(robot: Robot) -> None:
    response = robot.call(Teach, "teach", name="mug")
    assert (response.success, response.code) == (False, "NO_FRAME") and "show the thing" in response.message


def test_a_thing_that_moved_has_its_new_place_and_its_history(robot: Robot) -> None:
    first, second = robot.show(1, x=0.0), robot.show(1, x=5.0)
    assert second.merged and second.id == first.id
    match = robot.only(1)
    assert match.pose_known and match.pose.pose.position.x == 5.0 and match.in_current_map and match.map_id == "home"
    (earlier,) = match.earlier_places
    assert earlier.pose.pose.position.x == 0.0 and earlier.last_seen == first.header.stamp
    assert match.pose.header == Header(stamp=match.last_seen, frame_id="map")
    assert earlier.pose.header == Header(stamp=first.header.stamp, frame_id="map")


def test_a_pose_that_is_no_good_is_not_kept(robot: Robot) -> None:
    robot.show(2, x=1.0, variance=4.0)
    robot.show(3, x=1.0, frame="odom")
    assert not robot.only(2).pose_known and not robot.only(3).pose_known
    values = robot.graph.diagnosis("embedding_node", lambda values: "poses in another frame" in values)
    assert values["poses too uncertain"] == values["poses in another frame"] == "1"
    assert values["tf2_ros"] in ("installed", "not installed") and values["pose source"] == "pose_with_covariance"
    assert "left out: pose: position is known to 2.00 m, at most 0.5" in robot.process.output()


def test_another_map_is_marked_and_not_mixed(robot: Robot) -> None:
    parameters = [Parameter("map_id", value="office").to_parameter_msg()]
    assert robot.call(SetParameters, "set_parameters", parameters=parameters).results[0].successful
    assert not robot.only(1).in_current_map
    assert not robot.show(1, x=5.0).merged
    found = robot.call(Find, "find", image=to_message(picture(1)), k=5).matches.matches
    assert sorted((m.map_id, m.in_current_map, len(m.earlier_places)) for m in found) == [
        ("home", False, 1),
        ("office", True, 0),
    ]


def test_list_and_count_in_pages(robot: Robot) -> None:
    count = robot.call(Count, "count").count
    assert count == 4 and robot.call(Count, "count", map_id="home").count == 3
    pages, page = [], ""
    while True:
        response = robot.call(List, "list", page=page, size=3)
        assert response.success
        pages.append([match.id for match in response.memories])
        page = response.next_page
        if not page:
            break
    assert [len(ids) for ids in pages] == [3, 1] and len({id for ids in pages for id in ids}) == 4


def test_a_taught_name_is_found_typed_and_said(robot: Robot) -> None:
    assert robot.call(Find, "find", text="Grandma's mug").matches.status == Matches.NOT_FOUND
    robot.say("first", "grandma's mug, spoken")
    shown = robot.show(7)
    taught = robot.call(Teach, "teach", name=" Grandma's mug ", query_id="first")
    assert taught.success and list(taught.ids) == [shown.id]
    typed = robot.call(Find, "find", text="Grandma's mug").matches
    said = robot.say("again", "grandma's mug, spoken")
    for answer in (typed, said):
        assert answer.status == Matches.FOUND and answer.matches[0].id == shown.id
        assert answer.matches[0].label == "Grandma's mug" and answer.matches[0].score == pytest.approx(1, abs=1e-3)
    assert robot.call(Find, "find", text="lamp").matches.status == Matches.NOT_FOUND


def test_the_same_name_twice_gets_more_examples(robot: Robot) -> None:
    robot.show(8)
    assert robot.call(Teach, "teach", name="Grandma's mug").success
    assert robot.call(Count, "count", label="Grandma's mug").count == 2


def test_a_query_alone_names_what_was_typed(robot: Robot) -> None:
    image = to_message(render_text("spoon", robot.bundle.size_of("text"), robot.bundle.renderer.text))
    query = Query(id="typed", modality=Query.TEXT, text="spoon", renderer=robot.bundle.renderer.digest(), image=image)
    robot.queries.publish(query)
    robot.graph.wait_for(robot.matches, lambda m: m.id == "typed", "an answer")
    robot.show(9)
    assert robot.call(Teach, "teach", query_id="typed").success
    assert robot.call(Find, "find", text="spoon").matches.matches[0].label == "spoon"


def test_services_say_what_they_will_not_do(robot: Robot) -> None:
    before = robot.call(Count, "count").count
    for kind, service, fields, code, says in (
        (Teach, "teach", {}, "INVALID_REQUEST", "neither a name nor a query"),
        (Teach, "teach", {"name": "  "}, "INVALID_REQUEST", "neither a name nor a query"),
        (Teach, "teach", {"name": "x" * 10_000}, "INVALID_TEXT", "10000 characters"),
        (Teach, "teach", {"name": "cup", "query_id": "never"}, "INVALID_REQUEST", "not among the last 20 queries"),
        (Teach, "teach", {"name": "cup", "frames": 11}, "INVALID_REQUEST", "frames is 11"),
        (Forget, "forget", {}, "INVALID_REQUEST", "nothing says what"),
        (Forget, "forget", {"all": True, "label": "cup"}, "INVALID_REQUEST", "contradict"),
        (Forget, "forget", {"ids": ["cup"]}, "INVALID_REQUEST", "memory id: expected one that"),
        (List, "list", {"size": 5000}, "INVALID_REQUEST", "size: expected 1 to 1000"),
        (List, "list", {"page": "../x"}, "INVALID_REQUEST", "memory id"),
    ):
        response = robot.call(kind, service, **fields)
        assert (response.success, response.code) == (False, code) and says in response.message
    assert robot.call(Count, "count").count == before


def test_forget_one_a_label_a_map_and_what_is_not_there(robot: Robot) -> None:
    count = robot.call(Count, "count").count
    one = robot.only(2).id
    for fields, forgotten in (
        ({"ids": [one]}, 1),
        ({"ids": [one]}, 0),
        ({"label": " SPOON "}, 1),
        ({"label": "nobody's"}, 0),
        ({"seen_before": time_message(1e9)}, 0),
    ):
        response = robot.call(Forget, "forget", **fields)
        assert response.count == forgotten and response.success == bool(forgotten)
        assert forgotten or response.code == "NOT_FOUND"
        count -= forgotten
    assert robot.call(Find, "find", text="spoon").matches.status == Matches.NOT_FOUND
    assert robot.call(Count, "count").count == count
    assert robot.call(Forget, "forget", map_id="home").count == 2
    assert {m.map_id for m in robot.call(List, "list").memories} == {"office"}


def test_what_was_taught_is_known_after_a_restart(robot: Robot, tmp_path: Path) -> None:
    assert robot.process.end() == 0 and "Traceback" not in robot.process.output()
    with open_graph(tmp_path) as graph:
        again = Robot(graph, robot.bundle, robot.graph.folder / "memory")
        assert again.call(Find, "find", text="Grandma's mug").matches.matches[0].label == "Grandma's mug"
        assert again.say("later", "grandma's mug, spoken").status == Matches.FOUND
        assert again.call(Forget, "forget", all=True).count > 0 and again.call(Count, "count").count == 0
        assert again.say("gone", "grandma's mug, spoken").reason == "memory is empty"
