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

from visual_byte_ros.camera_node import CameraNode
from visual_byte_ros.embedding_node import EmbeddingNode
from visual_byte_ros.lifecycle import run
from visual_byte_ros.microphone_node import MicrophoneNode
from visual_byte_ros.recorder_node import RecorderNode
from visual_byte_ros.text_node import TextNode


def main() -> None:
    # embedding_node first: it listens before the others ask.
    nodes = [EmbeddingNode, CameraNode, TextNode, MicrophoneNode]
    parser = argparse.ArgumentParser(prog="bringup", description="All nodes in one process.")
    parser.add_argument("--record", nargs="?", const="", metavar="BAG", help="also record a bag into this folder")
    own, others = _split(sys.argv[1:])
    chosen = parser.parse_args(own)
    sys.argv[1:] = others
    if chosen.record is not None:
        nodes.insert(1, RecorderNode)
        if chosen.record:
            sys.argv += ["--ros-args", "-p", f"recorder_node:bag:={json.dumps(chosen.record)}", "--"]
    sys.exit(run(nodes, "config/visual_byte.yaml"))


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Our arguments, and those of ROS from --ros-args on."""
    begin = arguments.index("--ros-args") if "--ros-args" in arguments else len(arguments)
    return arguments[:begin], arguments[begin:]


if __name__ == "__main__":
    main()
