# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Which types of messages are taken for what, by a live node and by a tool that reads its recording alike."""

from __future__ import annotations

from visual_byte_core.messages.poses import POSE_MESSAGES

IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
QUERY, MATCHES = "visual_byte/msg/Query", "visual_byte/msg/Matches"
TOPIC_TYPES: dict[str, tuple[str, ...]] = {
    "image": (IMAGE, COMPRESSED),
    "query": (QUERY,),
    "pose": POSE_MESSAGES,
}
COMPRESSED_SUFFIX = "/compressed"  # of the topic, as image_transport names it
