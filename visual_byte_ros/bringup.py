# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""All nodes in one process, with config/visual_byte.yaml; arguments of --ros-args count after it.

    bringup [--record [BAG]] [--ros-args ...]

--record also writes what is seen, asked and answered into a bag (rosbag2, MCAP), for `visual-byte eval-bag`.
"""

from __future__ import annotations

import argparse
import json
import sys

from rclpy.utilities import remove_ros_args

from visual_byte_core.capture.camera import end_process
from visual_byte_ros.camera_node import CameraNode
from visual_byte_ros.embedding_node import EmbeddingNode
from visual_byte_ros.lifecycle import run
from visual_byte_ros.markers_node import MarkersNode
from visual_byte_ros.microphone_node import MicrophoneNode
from visual_byte_ros.recorder_node import RecorderNode
from visual_byte_ros.text_node import TextNode


def main() -> None:
    """Run the nodes in this process until Ctrl-C, and exit with its code."""
    # embedding_node first: it listens before the others ask.
    nodes = [EmbeddingNode, CameraNode, TextNode, MicrophoneNode, MarkersNode]
    parser = argparse.ArgumentParser(prog="bringup", description="All nodes in one process.")
    parser.add_argument("--record", nargs="?", const="", metavar="BAG", help="also record a bag into this folder")
    chosen = parser.parse_args(remove_ros_args(sys.argv)[1:])
    if chosen.record is not None:
        nodes.insert(1, RecorderNode)
        if chosen.record:
            sys.argv += ["--ros-args", "-p", f"bag:={json.dumps(chosen.record)}", "--"]
    end_process(run(nodes, "config/visual_byte.yaml"))


if __name__ == "__main__":
    main()
