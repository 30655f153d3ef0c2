# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""All nodes in one process, with config/visual_byte.yaml; arguments of --ros-args count after it."""

from __future__ import annotations

import sys

from visual_byte_ros.camera_node import CameraNode
from visual_byte_ros.embedding_node import EmbeddingNode
from visual_byte_ros.lifecycle import run
from visual_byte_ros.microphone_node import MicrophoneNode
from visual_byte_ros.text_node import TextNode


def main() -> None:
    # embedding_node first: it listens before the others ask.
    sys.exit(run([EmbeddingNode, CameraNode, TextNode, MicrophoneNode], "config/visual_byte.yaml"))


if __name__ == "__main__":
    main()
