# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A bag played into a running embedding_node gives the answers of eval-bag; recorder_node records one that can be."""

from __future__ import annotations

import dataclasses
import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from geometry_msgs.msg import PoseStamped
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from rosbags.rosbag2 import Reader
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, Image

from visual_byte.msg import Match, Matches, Query, Remembered
from visual_byte_core.bags.compose import BagPlan, Event
from visual_byte_core.bags.reading import Bag
from visual_byte_core.bags.replay import AT_LEISURE
from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.cli import main
from visual_byte_core.embedding.regions import RegionSettings
from visual_byte_core.messages.topic_types import TOPIC_TYPES
from visual_byte_core.rendering.photo import read_photo
from visual_byte_ros.answer_messages import time_message
from visual_byte_ros.embedding_interfaces import INTERFACES as EMBEDDING
from visual_byte_ros.image_messages import to_compressed_message
from visual_byte_ros.interfaces import type_name
from visual_byte_ros.pose_input import TOPICS as POSE_TOPICS
from visual_byte_ros.qos import NEWEST_FRAME
from visual_byte_ros.recorder_node import INTERFACES as RECORDER
from visual_byte_testing.bags import SETTINGS, evaluated, write_photos, write_sample_bag
from visual_byte_testing.graph import Graph, Process

STATUSES = {Matches.FOUND: "FOUND", Matches.NOT_FOUND: "NOT_FOUND", Matches.REJECTED: "REJECTED"}


def recorded(path: Path) -> list[tuple[str, int, Any]]:
    """Topic, nanoseconds and message of rclpy, in time order."""
    kinds = {"/image": Image, "/query": Query, "/pose": PoseStamped}
    with Reader(path) as reader:
        wanted = [connection for connection in reader.connections if connection.topic in kinds]
        return [(c.topic, at, deserialize_message(data, kinds[c.topic])) for c, at, data in reader.messages(wanted)]


def region_of(match: Match) -> list[int]:
    region = match.region_of_interest
    return [region.x_offset, region.y_offset, region.width, region.height]


def play(graph: Graph, path: Path, publishers: dict[str, Any], clock: Any, rate: float) -> None:
    """Publish a bag `rate` times faster than it was recorded; the long pauses are cut short."""
    before = None
    for topic, at, message in recorded(path):
        pause = 0.0 if before is None else (at - before) * 1e-9 / rate
        time.sleep(min(pause, 0.3))
        clock.publish(Clock(clock=time_message(at * 1e-9)))
        publishers[topic].publish(message)
        before = at


def test_a_bag_played_without_loss_gives_the_answers_of_eval_bag(graph: Graph, bundle: Bundle, tmp_path: Path) -> None:
    bag = write_sample_bag(tmp_path / "bag", bundle)
    engine = dataclasses.replace(AT_LEISURE, regions=RegionSettings(max_count=2, size=0.8))
    settings = dataclasses.replace(SETTINGS, pose="/pose", engine=engine, map_id="home")
    evaluated(bag, bundle, tmp_path / "out", settings=settings)
    lines = (tmp_path / "out" / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    expected = [json.loads(line) for line in lines]
    answers, remembered = graph.collect(Matches, "matches"), graph.collect(Remembered, "embedding_node/remembered")
    graph.start(
        "embedding_node", bundle=str(bundle.path), memory_folder=str(tmp_path / "memory"), lossless=True,
        use_sim_time=True, pose_type="pose", map_id="home", regions=True, max_regions=2, region_size=0.8,
    )  # fmt: skip
    reliable = QoSProfile(depth=100)
    publishers = {
        f"/{name}": graph.publisher(kind, name, reliable)
        for name, kind in (("image", Image), ("query", Query), ("pose", PoseStamped))
    }
    clock = graph.node.create_publisher(Clock, "/clock", 10)
    graph.be_known_to("embedding_node")  # what it does not know yet, it would not hear
    play(graph, bag, publishers, clock, rate=10.0)  # much faster than frames are remembered
    graph.wait(lambda: len(answers) == len(expected), "an answer to each query")
    frames = [at for topic, at, _ in recorded(bag) if topic == "/image"]
    graph.wait(lambda: len(remembered) == len(frames), "every frame")
    assert [r.header.stamp.sec * 10**9 + r.header.stamp.nanosec for r in remembered] == frames
    values = graph.diagnosis("embedding_node", lambda values: values["remembered frames"] == str(len(frames)))
    assert values["dropped frames"] == values["frames lost on the way"] == "0"
    start = 1_700_000_000.0  # the sample plan's
    for answer, record in zip(answers, expected, strict=True):
        assert (answer.id, STATUSES[answer.status], answer.reason) == (record["id"], record["status"], record["reason"])
        found = [
            (
                round(m.score, 6),
                round(m.first_seen.sec - start + m.first_seen.nanosec * 1e-9, 6),
                m.times,
                [m.pose.pose.position.x, m.pose.pose.position.y, m.pose.pose.position.z] if m.pose_known else None,
                region_of(m),
            )
            for m in answer.nearest
        ]
        wanted = [
            (
                pytest.approx(m["score"], abs=1e-6),
                m["first_seen"],
                m["times"],
                m["pose"] and m["pose"][:3],
                m["region"] or [0, 0, 0, 0],
            )
            for m in record["nearest"][:3]
        ]
        assert found == wanted
    assert any(m.pose_known for answer in answers for m in answer.nearest)
    places = {m.pose.pose.position.x for answer in answers for m in answer.nearest if m.pose_known}
    assert len(places) > 1


def test_a_best_effort_publisher_is_named_where_nothing_may_be_lost(graph: Graph, bundle: Bundle) -> None:
    graph.start("embedding_node", bundle=str(bundle.path), memory_folder=str(graph.folder / "memory"), lossless=True)
    graph.node.create_publisher(Image, "image", QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
    values = graph.diagnosis("embedding_node", lambda values: "not reliable" in values["message"])
    assert "--qos-profile-overrides-path" in values["message"]


def test_what_is_recorded_can_be_evaluated(graph: Graph, bundle: Bundle, tmp_path: Path) -> None:
    plan = BagPlan((Event(at=0.0, show="mug/1.png"), Event(at=1.5, text="mug")), rate=4.0)
    source = write_sample_bag(tmp_path / "bag", bundle, plan=plan)
    process = graph.start("recorder_node", bag=str(tmp_path / "recorded"))
    publishers = {
        "/image": graph.publisher(Image, "image", NEWEST_FRAME),
        "/query": graph.publisher(Query, "query"),
    }
    graph.diagnosis("recorder_node", lambda values: values["state"] == "active")
    for topic, _, message in recorded(source):
        publishers[topic].publish(message)
        time.sleep(0.05)
    graph.diagnosis("recorder_node", lambda values: values["recorded messages"] == "5")
    assert process.end(signal.SIGTERM) == 0
    with Bag(tmp_path / "recorded") as bag:
        assert bag.cut == "" and f"{graph.namespace}/image" in [topic.name for topic in bag.topics]
    command = ["eval-bag", str(tmp_path / "recorded"), "--bundle", str(bundle.path), "--out", str(tmp_path / "out")]
    assert main(command) == 0
    assert json.loads((tmp_path / "out" / "report.json").read_text())["counts"]["images"] == 4


def test_a_bag_that_is_there_is_not_overwritten(graph: Graph, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    process = graph.start("recorder_node", bag=str(tmp_path / "there"))
    assert "exists already" in process.wait_for_output("cannot configure")


def test_bringup_records(graph: Graph, bundle: Bundle, tmp_path: Path) -> None:
    arguments = [
        "-r",
        f"__ns:={graph.namespace}",
        "-p",
        f"bundle:={bundle.path}",
        "-p",
        f"memory_folder:={tmp_path / 'm'}",
    ]
    arguments += ["-p", "source:=folder", "-p", f"path:={tmp_path / 'bag' / 'photos'}"]
    write_photos(tmp_path / "bag" / "photos")
    log = tmp_path / "bringup.log"
    process = Process("visual_byte_ros.bringup", log, [*arguments, "--", "--record", str(tmp_path / "walk")], {})
    graph.processes.append(process)
    values = graph.diagnosis("recorder_node", lambda values: int(values.get("recorded messages", "0")) > 3)
    assert values["bag"] == str(tmp_path / "walk")
    assert process.end(signal.SIGTERM) == 0
    with Bag(tmp_path / "walk") as bag:
        assert bag.cut == "" and bag.count([f"{graph.namespace}/image"]) > 3


def test_a_robot_that_has_compressed_frames_only_is_recorded(graph: Graph, bundle: Bundle, tmp_path: Path) -> None:
    write_photos(tmp_path)
    jpeg = to_compressed_message(read_photo(tmp_path / "mug" / "1.png"))
    process = graph.start("recorder_node", bag=str(tmp_path / "recorded"))
    told = graph.diagnosis("recorder_node", lambda values: "nothing heard" in values["message"])
    assert "no publisher of image or image/compressed" in told["message"] and told["recorded messages"] == "0"
    publisher = graph.publisher(CompressedImage, "image/compressed", NEWEST_FRAME)
    graph.repeat(
        lambda: publisher.publish(jpeg),
        lambda: int(graph.diagnosis("recorder_node", lambda _: True)["recorded messages"]) > 3, "recorded frames",
    )  # fmt: skip
    assert process.end() == 0
    with Bag(tmp_path / "recorded") as bag:
        (topic,) = bag.topics
        assert topic.name.endswith("/image/compressed") and len(list(bag.messages([topic.name]))) > 3


def test_what_a_live_node_takes_the_offline_tools_take(bundle: Bundle) -> None:
    """One table: each type that embedding_node subscribes to, and that recorder_node records."""
    live: dict[str, set[str]] = {}
    for row in EMBEDDING.subscribes:
        name = "pose" if row in POSE_TOPICS.values() else row.name.partition("/")[0]
        live.setdefault(name, set()).add(type_name(row.kind))
    assert live == {name: set(kinds) for name, kinds in TOPIC_TYPES.items()}
    recorded = {type_name(row.kind) for row in RECORDER.subscribes}
    assert recorded >= {kind for kinds in live.values() for kind in kinds}
