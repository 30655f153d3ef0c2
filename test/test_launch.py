# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The launch file, where launch is installed (PyPI has no launch_ros)."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.unavailable_in_ci
def test_it_describes_its_arguments_and_starts_every_node() -> None:
    pytest.importorskip("launch_ros", reason="ROS 2's launch_ros comes from apt, not from PyPI")
    from launch.actions import DeclareLaunchArgument
    from launch_ros.actions import Node

    description = runpy.run_path(str(ROOT / "launch" / "visual_byte.launch.py"))["generate_launch_description"]()
    arguments = [entity for entity in description.entities if isinstance(entity, DeclareLaunchArgument)]
    assert all(argument.description for argument in arguments)
    nodes = [entity for entity in description.entities if isinstance(entity, Node)]
    started = {node.node_executable for node in nodes}
    assert started == {path.name for path in (ROOT / "scripts").iterdir()} - {"bringup"}
