# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The launch file, where launch is installed (PyPI has no launch_ros)."""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from std_msgs.msg import String

from visual_byte.msg import Matches, Remembered
from visual_byte_testing.graph import Graph
from visual_byte_testing.paths import ROOT
from visual_byte_testing.sample_bundle import write_sample_bundle

FILE = ROOT / "launch" / "visual_byte.launch.py"
pytestmark = pytest.mark.unavailable_in_ci


@pytest.fixture(autouse=True)
def launch_ros() -> None:
    pytest.importorskip("launch_ros", reason="ROS 2's launch_ros comes from apt, not from PyPI")


def started(**given: str) -> dict[str, Any]:
    """The nodes that the launch file starts with these arguments, by their executables."""
    from launch import LaunchContext

    launch_file = runpy.run_path(str(FILE))
    context = LaunchContext()
    for argument in launch_file["ARGUMENTS"]:
        if argument.name in given:
            context.launch_configurations[argument.name] = given[argument.name]
        argument.execute(context)
    return {node.node_executable: node for node in launch_file["nodes"](context)}


def test_it_describes_its_arguments() -> None:
    from launch.actions import DeclareLaunchArgument

    description = runpy.run_path(str(FILE))["generate_launch_description"]()
    arguments = [entity for entity in description.entities if isinstance(entity, DeclareLaunchArgument)]
    assert all(argument.description and argument.default_value is not None for argument in arguments)


def test_the_arguments_say_which_nodes_start() -> None:
    assert set(started()) == {"camera_node", "embedding_node", "microphone_node", "text_node"}
    assert set(started(camera="false", microphone="false")) == {"embedding_node", "text_node"}
    assert "recorder_node" in started(record="/tmp/bag")


def test_a_wrong_choice_is_refused() -> None:
    with pytest.raises(RuntimeError, match="camera"):
        started(camera="maybe")


def test_a_launch_answers_and_ends_cleanly(graph: Graph, tmp_path: Path) -> None:
    """With arguments of every kind, in a namespace; Ctrl-C ends every node with exit code 0."""
    bundle = write_sample_bundle(tmp_path / "bundle")
    given = {
        "namespace": graph.namespace,
        "bundle": bundle.path,
        "memory_folder": tmp_path / "memory",
        "source": "folder",
        "path": ROOT / "examples" / "photos",
        "microphone": "false",
        "autostart": "true",
        "log_level": "info",
        "respawn": "true",
    }
    matches = graph.collect(Matches, "matches")
    remembered = graph.collect(Remembered, "embedding_node/remembered")
    arguments = [f"{name}:={value}" for name, value in given.items()]
    command = [sys.executable, str(ROOT / "visual_byte_testing" / "launch_child.py"), str(FILE), *arguments]
    log = tmp_path / "launch.log"
    environment = {**os.environ, "ROS_LOG_DIR": str(tmp_path / "logs")}
    with open(log, "wb") as output:
        launch = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    try:
        graph.wait(lambda: len(remembered) > 0 or launch.poll() is not None, "a memory")
        texts = graph.publisher(String, "text")
        graph.repeat(lambda: texts.publish(String(data="mug")), lambda: bool(matches), "an answer")
        launch.send_signal(signal.SIGINT)
        assert launch.wait(30) == 0, log.read_text()
    finally:
        if launch.poll() is None:
            launch.kill()
            launch.wait()
    said = log.read_text()
    assert said.count("process has finished cleanly") == 3 and "Traceback" not in said, said
