# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""embedding_node and text_node in their own processes: what is seen is remembered, what is asked is always answered."""

from __future__ import annotations

import array
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from std_msgs.msg import Header, String

from visual_byte.msg import Matches, Query, Remembered
from visual_byte.srv import Find, Remember
from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.rendering.text import render_text
from visual_byte_ros.answer_messages import time_message
from visual_byte_ros.image_messages import to_message, to_rgb
from visual_byte_ros.qos import NEWEST_FRAME
from visual_byte_testing.graph import Graph, open_graph
from visual_byte_testing.sample_bundle import write_sample_bundle

_stamps = itertools.count(1_700_000_000, 3600)  # far apart: nothing is merged unless a test wants it


def picture(seed: int, height: int = 48, width: int = 64) -> np.ndarray:
    """Colour blocks that no other seed has."""
    blocks = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    return blocks.repeat(height // 4, axis=0).repeat(width // 4, axis=1)


class Robot:
    """embedding_node and text_node that share a bundle, and what they say."""

    def __init__(self, graph: Graph, bundle: Bundle) -> None:
        self.graph = graph
        self.bundle = bundle
        self.matches = graph.collect(Matches, "matches")
        self.remembered = graph.collect(Remembered, "embedding_node/remembered")
        memory = str(graph.folder / "memory")
        self.embedding = graph.start("embedding_node", bundle=str(bundle.path), memory_folder=memory)
        graph.start("text_node", bundle=str(bundle.path), language="en")
        self.images = graph.publisher(Image, "image", NEWEST_FRAME)
        self.texts = graph.publisher(String, "text")
        self.queries = graph.publisher(Query, "query")
        # The nodes find each other in their own time; until then text_node says that nobody listens.
        graph.repeat(
            lambda: self.texts.publish(String(data="ready?")),
            lambda: any(m.status != Matches.REJECTED for m in list(self.matches)),
            "the nodes find each other",
        )

    def show(self, message: Image) -> Remembered:
        """Publish a frame, with a stamp of its own if it has none, and return its acknowledgement."""
        if message.header == Header():
            message.header = Header(stamp=time_message(next(_stamps)), frame_id="eye")

        def acknowledged() -> list[Remembered]:
            return [r for r in list(self.remembered) if r.header == message.header]

        self.graph.repeat(lambda: self.images.publish(message), lambda: bool(acknowledged()), "the acknowledgement")
        return acknowledged()[0]

    def ask(self, query: Query) -> Matches:
        self.queries.publish(query)
        return self.graph.wait_for(self.matches, lambda m: m.id == query.id, f"an answer to {query.id}")

    def type(self, text: str) -> Matches:
        before = len(self.matches)
        self.texts.publish(String(data=text))
        self.graph.wait(lambda: self._answers(text, before) != [], f"an answer to {text[:20]!r}")
        return self._answers(text, before)[0]

    def _answers(self, text: str, before: int) -> list[Matches]:
        return [m for m in self.matches[before:] if m.text in (text, text[:80])]

    def query(self, **fields) -> Query:
        """A query that is right but for `fields`."""
        image = to_message(render_text("mug", self.bundle.size_of("text"), self.bundle.renderer.text))
        right = {"id": f"query {next(_stamps)}", "modality": Query.TEXT, "text": "mug", "image": image}
        return Query(**{**right, "renderer": self.bundle.renderer.digest(), **fields})


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Robot]:
    folder = tmp_path_factory.mktemp("robot")
    with open_graph(folder) as graph:
        yield Robot(graph, write_sample_bundle(folder / "bundle"))


def test_an_empty_memory_finds_nothing(robot: Robot) -> None:
    answer = robot.type("banana")
    assert (answer.status, answer.reason) == (Matches.NOT_FOUND, "memory is empty")
    assert (answer.text, answer.modality, answer.bundle) == ("banana", "text", robot.bundle.id)
    assert len(answer.nearest) == 0 and answer.seconds > 0 and answer.header.stamp.sec > 0


def test_remember_the_newest_frame_before_there_is_one(robot: Robot) -> None:
    response = robot.graph.call(Remember, "embedding_node/remember", newest_frame=True)
    assert (response.success, response.code) == (False, "NO_FRAME") and "camera" in response.message


def test_a_frame_is_remembered_and_found_by_its_picture(robot: Robot) -> None:
    acknowledgements = [robot.show(to_message(picture(seed))) for seed in (1, 2, 3)]
    assert [a.memories for a in acknowledgements] == [1, 2, 3]
    assert not any(a.merged for a in acknowledgements)
    response = robot.graph.call(Find, "embedding_node/find", image=to_message(picture(2)), k=2)
    assert response.success and response.matches.status == Matches.FOUND
    (match,) = response.matches.matches
    assert match.id == acknowledgements[1].id and match.score == pytest.approx(1, abs=1e-3)
    assert (match.frame_id, match.times) == ("eye", 1)
    assert match.first_seen == match.last_seen == acknowledgements[1].header.stamp
    assert bytes(match.thumbnail.data[:2]) == b"\xff\xd8"
    assert response.matches.nearest[0].id == match.id and len(response.matches.nearest) == 2


def test_the_same_picture_a_moment_later_is_the_same_memory(robot: Robot) -> None:
    first = robot.show(to_message(picture(4)))
    again = to_message(picture(4))
    again.header = Header(stamp=time_message(first.header.stamp.sec + 1), frame_id="eye")
    second = robot.show(again)
    assert second.merged and second.id == first.id and second.memories == first.memories


def test_every_typed_name_is_answered(robot: Robot) -> None:
    for text in ("banana", "사과", "تفاحة خضراء", "🍎 apple", "oat\x1b[2J\u202emilk", "a" * 200):
        answer = robot.type(text)
        assert answer.status == Matches.NOT_FOUND and answer.text == text
        assert "under the threshold" in answer.reason and len(answer.nearest) == 3 and not answer.matches


@pytest.mark.parametrize(
    ("text", "says"), [("", "empty"), (" \n\t", "empty"), ("\u202e\x07", "empty"), ("x" * 10_000, "10000 characters")]
)
def test_a_text_that_is_no_name_is_rejected_with_its_reason(robot: Robot, text: str, says: str) -> None:
    answer = robot.type(text)
    assert answer.status == Matches.REJECTED and says in answer.reason and len(answer.text) <= 80


def test_a_query_may_be_a_photo_of_any_size(robot: Robot) -> None:
    seen = robot.show(to_message(picture(5)))
    photo = to_message(picture(5, 480, 640)[:, :, ::-1].copy(), "bgr8")
    answer = robot.ask(robot.query(modality=Query.IMAGE, renderer="", text="", image=photo))
    assert answer.status == Matches.FOUND and answer.matches[0].id == seen.id


def test_bad_queries_are_rejected_with_their_reason(robot: Robot) -> None:
    small = to_message(np.zeros((8, 8, 3), np.uint8))
    torn = to_message(np.zeros((32, 32, 3), np.uint8))
    torn.data = torn.data[:100]
    for fields, says in (
        ({"renderer": "0123456789abcdef"}, "0123456789abcdef"),
        ({"renderer": ""}, "give all nodes the same `bundle`"),
        ({"modality": "smell"}, "smell"),
        ({"image": small}, "8x8"),
        ({"image": torn}, "100 bytes of data"),
        ({"image": Image()}, "encoding ''"),
    ):
        answer = robot.ask(robot.query(**fields))
        assert answer.status == Matches.REJECTED and says in answer.reason and not answer.matches
    assert robot.ask(robot.query()).status == Matches.NOT_FOUND


def test_malformed_frames_are_counted_and_ignored(robot: Robot) -> None:
    bad = [to_message(picture(6)) for _ in range(5)]
    bad[0].step = 10
    bad[1].data = array.array("B", b"123")
    bad[2].encoding = "32FC1"
    bad[3].height, bad[3].data = 0, array.array("B")
    bad[4].width = 2**31
    for number, message in enumerate(bad, start=1):
        robot.images.publish(message)
        robot.graph.diagnosis("embedding_node", lambda values, number=number: int(values["malformed frames"]) >= number)
    assert robot.show(to_message(picture(6))).memories > 0
    assert "frame ignored: image message: step is 10 bytes" in robot.embedding.output()


def test_find_by_name_and_by_label(robot: Robot) -> None:
    cup, bowl = to_message(picture(7)), to_message(picture(8))
    ids = [
        robot.graph.call(Remember, "embedding_node/remember", image=image, label=label).id
        for image, label in ((cup, "cup"), (bowl, "bowl"))
    ]
    labelled = robot.graph.call(Find, "embedding_node/find", text="anything", label="bowl", k=5)
    assert labelled.success and [m.id for m in labelled.matches.nearest] == [ids[1]]
    assert labelled.matches.nearest[0].label == "bowl" and labelled.message
    none = robot.graph.call(Find, "embedding_node/find", text="anything", label="spoon")
    assert none.success and none.matches.status == Matches.NOT_FOUND and "filter" in none.message
    future = robot.graph.call(Find, "embedding_node/find", text="anything", seen_after=time_message(2e9))
    assert future.success and not future.matches.nearest


def test_remember_the_newest_frame_under_a_name(robot: Robot) -> None:
    robot.show(to_message(picture(9)))
    response = robot.graph.call(Remember, "embedding_node/remember", newest_frame=True, label="vase")
    assert response.success and response.id and not response.code
    found = robot.graph.call(Find, "embedding_node/find", image=to_message(picture(9)), label="vase")
    assert [m.id for m in found.matches.matches] == [response.id]


def test_services_say_what_is_wrong(robot: Robot) -> None:
    torn = to_message(picture(1))
    torn.step = 1
    for fields, code, says in (
        ({}, "INVALID_REQUEST", "neither text nor image"),
        ({"text": "  "}, "INVALID_TEXT", "empty"),
        ({"text": "x" * 10_000}, "INVALID_TEXT", "10000"),
        ({"text": "mug", "k": 10_000}, "INVALID_REQUEST", "k is 10000"),
        ({"image": torn}, "INVALID_IMAGE", "step is 1"),
        ({"image": to_message(picture(1)), "modality": "smell"}, "INVALID_REQUEST", "smell"),
        ({"image": to_message(picture(1)), "modality": "audio"}, "INVALID_IMAGE", "64x48"),
    ):
        response = robot.graph.call(Find, "embedding_node/find", **fields)
        assert (response.success, response.code) == (False, code) and says in response.message
    response = robot.graph.call(Remember, "embedding_node/remember", image=torn)
    assert (response.success, response.code) == (False, "INVALID_IMAGE") and "step is 1" in response.message


def test_the_debug_image_shows_query_and_matches(robot: Robot) -> None:
    pictures = robot.graph.collect(Image, "embedding_node/debug_image", 1)
    robot.graph.repeat(lambda: robot.type("banana"), lambda: bool(pictures), "a debug image")
    assert to_rgb(pictures[0]).shape == (600, 640, 3)


def test_diagnostics_name_the_bundle_and_the_latency(robot: Robot) -> None:
    values = robot.graph.diagnosis("embedding_node", lambda values: "query latency p95 ms" in values)
    assert values["bundle"] == robot.bundle.id and values["provider"] == "CPUExecutionProvider"
    assert values["network"] == f"{robot.bundle.backbone}, float32"
    assert float(values["memory on disk MB"]) > 0 and float(values["free on disk MB"]) > 0
    assert int(values["memories"]) > 0 and float(values["frame latency p95 ms"]) > 0
    assert float(values["query latency p50 ms"]) <= float(values["query latency p95 ms"])


def test_only_live_parameters_change_while_the_node_runs(robot: Robot) -> None:
    def set_parameter(name: str, value: object) -> SetParametersResult:
        parameters = [Parameter(name, value=value).to_parameter_msg()]
        return robot.graph.call(SetParameters, "embedding_node/set_parameters", parameters=parameters).results[0]

    assert set_parameter("k", 1).successful
    assert len(robot.type("banana").nearest) == 1
    refused = set_parameter("threads", 4)
    assert not refused.successful and "clean up" in refused.reason
    assert not set_parameter("k", 0).successful
    assert set_parameter("k", 3).successful


def test_many_questions_at_once_are_all_answered(robot: Robot) -> None:
    queries = [robot.query() for _ in range(100)]
    for query in queries:
        robot.queries.publish(query)
    ids = {query.id for query in queries}
    robot.graph.wait(lambda: ids <= {m.id for m in list(robot.matches)}, "100 answers")
    statuses = {m.id: m for m in robot.matches if m.id in ids}
    assert {m.status for m in statuses.values()} <= {Matches.NOT_FOUND, Matches.REJECTED}
    assert all("newer questions" in m.reason for m in statuses.values() if m.status == Matches.REJECTED)


def test_it_ends_cleanly(robot: Robot) -> None:
    assert [process.end() for process in robot.graph.processes] == [0, 0]
    assert "Traceback" not in robot.embedding.output()


def test_what_was_remembered_is_there_after_a_restart(robot: Robot, tmp_path: Path) -> None:
    with open_graph(tmp_path) as graph:
        graph.start("embedding_node", bundle=str(robot.bundle.path), memory_folder=str(robot.graph.folder / "memory"))
        for seed in (1, 5, 9):
            response = graph.call(Find, "embedding_node/find", image=to_message(picture(seed)))
            assert response.matches.status == Matches.FOUND


def test_a_camera_that_is_not_heard_shows_in_the_diagnostics(tmp_path: Path, robot: Robot) -> None:
    with open_graph(tmp_path) as graph:
        graph.start("embedding_node", bundle=str(robot.bundle.path), memory_folder=str(tmp_path / "memory"))
        graph.diagnosis("embedding_node", lambda values: "no frame for" in values["message"])
        images = graph.publisher(Image, "image", NEWEST_FRAME)
        picture = to_message(np.zeros((48, 64, 3), np.uint8))

        def content() -> bool:
            said = [array.status[0] for array in graph.diagnostics[-2:]]
            return all("embedding_node" in status.name and not status.message.startswith("no frame") for status in said)

        graph.repeat(lambda: images.publish(picture), content, "no complaint while frames come")
