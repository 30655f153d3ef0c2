# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Two robots in one network keep to themselves, and a clock that stands still or jumps keeps nobody waiting."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from std_msgs.msg import Header, String

from visual_byte.msg import Matches, Remembered
from visual_byte.srv import Count, Find
from visual_byte_core.bundle.bundle import Bundle
from visual_byte_ros.answer_messages import time_message
from visual_byte_ros.image_messages import to_message
from visual_byte_ros.paths import memory_path
from visual_byte_ros.qos import NEWEST_FRAME
from visual_byte_testing.graph import ROOT, Graph, open_graph


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8).repeat(16, 0).repeat(16, 1)


def test_each_namespace_has_a_memory_folder_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROS_HOME", "/home/robot/.ros")
    folders = [str(memory_path("", namespace)) for namespace in ("/", "/one", "/fleet/two")]
    home = "/home/robot/.ros/visual_byte"
    assert folders == [f"{home}/memory", f"{home}/robots/one/memory", f"{home}/robots/fleet/two/memory"]
    assert str(memory_path("/data/memory", "/one")) == "/data/memory"


def test_a_robot_answers_its_own_queries_alone(bundle: Bundle, tmp_path: Path) -> None:
    """Each has seen one thing; both have the default memory folder, in the same home."""
    environment = {"ROS_HOME": str(tmp_path / "home")}
    with ExitStack() as stack:
        robots = []
        for number in (1, 2):
            (tmp_path / str(number)).mkdir()
            robots.append(stack.enter_context(open_graph(tmp_path / str(number))))
        answers = [robot.collect(Matches, "matches") for robot in robots]
        remembered = [robot.collect(Remembered, "embedding_node/remembered") for robot in robots]
        for robot in robots:
            robot.start("embedding_node", environment=environment, bundle=str(bundle.path))
            robot.start("text_node", bundle=str(bundle.path))
        for seed, robot in enumerate(robots):
            images = robot.publisher(Image, "image", NEWEST_FRAME)
            frame = to_message(picture(seed))
            frame.header = Header(stamp=time_message(1_700_000_000 + seed))
            robot.repeat(lambda p=images, f=frame: p.publish(f), lambda s=seed: bool(remembered[s]), "a memory")
        for seed, robot in enumerate(robots):
            assert robot.call(Count, "embedding_node/count").count == 1
            own, other = (
                robot.call(Find, "embedding_node/find", image=to_message(picture(s))).matches.status
                for s in (seed, 1 - seed)
            )
            assert (own, other) == (Matches.FOUND, Matches.NOT_FOUND)
            texts = robot.publisher(String, "text")
            robot.repeat(
                lambda p=texts, s=seed: p.publish(String(data=f"mug of robot {s}")),
                lambda s=seed: bool(answers[s]),
                f"an answer of robot {seed}",
            )
        assert [{answer.text for answer in list(one)} for one in answers] == [{"mug of robot 0"}, {"mug of robot 1"}]
    folders = sorted(path.parent for path in (tmp_path / "home").rglob("memory.json"))
    assert len(folders) == 2
    assert all(folder == tmp_path / "home/visual_byte/robots" / folder.parent.name / "memory" for folder in folders)


def test_a_simulated_clock_that_stands_still_or_jumps(graph: Graph, bundle: Bundle, tmp_path: Path) -> None:
    """Stamps are its time, and time limits go by the steady clock: every third search takes two seconds."""
    answers = graph.collect(Matches, "matches")
    images = graph.collect(Image, "image", NEWEST_FRAME)
    memory = str(tmp_path / "memory")
    graph.start("slow_memory_node", use_sim_time=True, bundle=str(bundle.path), memory_folder=memory)
    graph.start("text_node", use_sim_time=True, bundle=str(bundle.path))
    photos = str(ROOT / "examples" / "photos")
    graph.start("camera_node", use_sim_time=True, source="folder", path=photos, rate=20.0)
    texts = graph.publisher(String, "text")

    def ask(name: str, second: int, before: Callable[[], None] = lambda: None) -> Matches:
        """The answer; text_node rejects what is typed before it knows embedding_node, and some searches are late."""

        def given() -> list[Matches]:
            searched = [answer for answer in list(answers) if answer.status == Matches.NOT_FOUND]
            return [answer for answer in searched if answer.text == name and answer.header.stamp.sec == second]

        def publish() -> None:
            before()  # each node hears the clock in its own time
            texts.publish(String(data=name))

        graph.repeat(publish, lambda: bool(given()), f"an answer to {name} of second {second}")
        return given()[0]

    assert ask("before there is a clock", 0).header.stamp == Time()
    assert graph.diagnosis("embedding_node", lambda values: values["state"] == "active"), "it is told all the same"
    clock = graph.node.create_publisher(Clock, "/clock", 10)
    for second in (5_000, 5_000, 90_000, 3_000):  # it stands still, jumps ahead, and back

        def tell(second: int = second) -> None:
            clock.publish(Clock(clock=Time(sec=second)))

        graph.repeat(tell, lambda s=second: len(images) > 0 and images[-1].header.stamp.sec == s, f"frame of {second}")
        assert ask(f"at {second}, {len(answers)}", second, tell).seconds > 0
    codes = [graph.call(Find, "embedding_node/find", text=f"mug {number}").code for number in range(6)]
    assert "TIMEOUT" in codes and "" in codes
    assert not any("Traceback" in process.output() for process in graph.processes)
