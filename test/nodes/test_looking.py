# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The files for RViz and Foxglove are well formed, and what they show is published under that name, type and QoS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import yaml
from rclpy.qos import ReliabilityPolicy

from visual_byte_ros.interfaces import Topic, type_name
from visual_byte_testing.paths import ROOT

NODES = sorted(path.stem for path in (ROOT / "visual_byte_ros").glob("*_node.py"))
OF_OTHERS = {"map"}  # what the robot's navigation publishes
SHOWS = {
    "rviz_default_plugins/Image": "sensor_msgs/msg/Image",
    "rviz_default_plugins/MarkerArray": "visualization_msgs/msg/MarkerArray",
}
NEEDS_NO_TOPIC = {"rviz_default_plugins/Grid", "rviz_default_plugins/TF"}


def topics(direction: str) -> dict[str, Topic]:
    """All topics of all nodes without a namespace, by name."""
    found = {}
    for node in NODES:
        for topic in getattr(import_module(f"visual_byte_ros.{node}").INTERFACES, direction):
            found[f"{node}/{topic.name[2:]}" if topic.name.startswith("~/") else topic.name] = topic
    return found


def test_rviz_shows_what_is_published() -> None:
    configuration = yaml.safe_load((ROOT / "rviz" / "visual_byte.rviz").read_text())
    manager = configuration["Visualization Manager"]
    assert manager["Global Options"]["Fixed Frame"] == "map"
    published, shown = topics("publishes"), []
    for display in manager["Displays"]:
        assert display["Enabled"] is display["Value"] is True
        if display["Class"] in NEEDS_NO_TOPIC:
            continue
        name = display["Topic"]["Value"]
        shown.append(name)
        if name in OF_OTHERS:
            continue
        topic = published[name]
        assert type_name(topic.kind) == SHOWS[display["Class"]]
        best_effort = topic.qos.reliability == ReliabilityPolicy.BEST_EFFORT
        assert display["Topic"]["Reliability Policy"] == ("Best Effort" if best_effort else "Reliable")
        transient = topic.qos.durability.name == "TRANSIENT_LOCAL"
        assert display["Topic"]["Durability Policy"] == ("Transient Local" if transient else "Volatile")
    assert set(shown) == {"map", "image", "embedding_node/debug_image", "markers_node/markers"}


def panels(layout: Any) -> Iterator[str]:
    if isinstance(layout, str):
        yield layout
    else:
        assert layout["direction"] in ("row", "column") and 0 < layout["splitPercentage"] < 100
        yield from panels(layout["first"])
        yield from panels(layout["second"])


def test_foxglove_shows_what_is_published() -> None:
    layout = json.loads((ROOT / "foxglove" / "visual_byte.json").read_text())
    configured = layout["configById"]
    assert sorted(panels(layout["layout"])) == sorted(configured)
    published = {f"/{name}": type_name(topic.kind) for name, topic in topics("publishes").items()}
    for panel in ("Image!camera", "Image!debug"):
        assert published[configured[panel]["imageMode"]["imageTopic"]] in (
            "sensor_msgs/msg/Image",
            "sensor_msgs/msg/CompressedImage",
        )
    assert published[configured["Image!camera"]["imageMode"]["calibrationTopic"]] == "sensor_msgs/msg/CameraInfo"
    assert published[configured["RawMessages!matches"]["topicPath"]] == "visual_byte/msg/Matches"
    in_space = set(configured["3D!places"]["topics"]) - {f"/{name}" for name in OF_OTHERS}
    assert {published[name] for name in in_space} == {"visualization_msgs/msg/MarkerArray"}
    asks = configured["Publish!text"]
    assert type_name(topics("subscribes")[asks["topicName"].lstrip("/")].kind) == asks["datatype"]
    assert list(json.loads(asks["value"])) == ["data"]
    assert configured["DiagnosticSummary!health"]["topicToRender"] == "/diagnostics"
