# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""markers_node beside embedding_node: a marker for each place, gone when it is forgotten, another colour when found."""

from __future__ import annotations

from pathlib import Path

import pytest
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from test_nodes_memory import Robot
from visualization_msgs.msg import Marker, MarkerArray

from visual_byte.msg import Matches
from visual_byte.srv import Forget, Teach
from visual_byte_ros.marker_messages import FOUND, REMEMBERED
from visual_byte_ros.markers_node import MARKERS
from visual_byte_testing.graph import open_graph
from visual_byte_testing.sample_bundle import write_sample_bundle


def test_markers_are_where_things_were_seen(tmp_path: Path) -> None:
    with open_graph(tmp_path) as graph:
        robot = Robot(graph, write_sample_bundle(tmp_path / "bundle"), tmp_path / "memory", pose_frame="floor")
        markers = graph.start("markers_node", marker_size=0.5)
        robot.show(1, x=2.0)
        robot.say("cup, spoken", "cup, spoken")
        assert robot.call(Teach, "teach", name="cup", query_id="cup, spoken").success
        robot.show(2, x=4.0)
        robot.show(3)  # without a pose
        received = graph.collect(MarkerArray, "markers_node/markers", MARKERS.qos)

        def newest(ns: str) -> list[Marker]:
            return [marker for marker in received[-1].markers if marker.ns == ns] if received else []

        graph.wait(lambda: len(newest("places")) == 2, "two places")
        assert received[-1].markers[0].action == Marker.DELETEALL
        assert {marker.header.frame_id for marker in received[-1].markers} == {"floor"}
        assert [marker.pose.position.x for marker in newest("places")] == [4.0, 2.0]
        assert newest("places")[0].scale.x == 0.5 and newest("places")[0].color.r == pytest.approx(REMEMBERED.r)
        assert newest("names")[1].text == "cup" and len(newest("names")[0].text) == 8
        assert newest("names")[1].pose.position.z > 0.5

        assert robot.say("again", "cup, spoken").status == Matches.FOUND
        graph.wait(
            lambda: [m.color.r for m in newest("places")] == pytest.approx([REMEMBERED.r, FOUND.r]), "it set off"
        )

        robot.show(4, x=6.0)
        graph.wait(lambda: len(newest("places")) == 3, "a new place")
        assert robot.call(Forget, "forget", label="cup").count == 1
        graph.wait(lambda: [m.pose.position.x for m in newest("places")] == [6.0, 4.0], "a place less")

        late = graph.collect(MarkerArray, "markers_node/markers", MARKERS.qos)
        graph.wait(lambda: bool(late), "the markers for one who comes late")
        assert len(late[-1].markers) == 5
        assert graph.diagnosis("markers_node", lambda values: "places" in values)["places"] == "2"

        assert robot.process.end() == 0
        says = "start embedding_node in this namespace"
        assert graph.diagnosis("markers_node", lambda values: says in values["message"])["places"] == "2"
        assert markers.end() == 0 and "Traceback" not in markers.output()


def test_another_map_has_other_places(tmp_path: Path) -> None:
    with open_graph(tmp_path) as graph:
        robot = Robot(graph, write_sample_bundle(tmp_path / "bundle"), tmp_path / "memory")
        robot.show(1, x=2.0)
        parameters = [Parameter("map_id", value="office").to_parameter_msg()]
        assert robot.call(SetParameters, "set_parameters", parameters=parameters).results[0].successful
        robot.show(2)  # poses from before the first frame in the new map do not count
        robot.show(3, x=3.0)
        graph.start("markers_node")
        received = graph.collect(MarkerArray, "markers_node/markers", MARKERS.qos)
        graph.wait(lambda: bool(received) and len(received[-1].markers) > 1, "markers")
        assert [marker.pose.position.x for marker in received[-1].markers if marker.ns == "places"] == [3.0]
