# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The topics and services of embedding_node."""

from __future__ import annotations

from dataclasses import replace

from sensor_msgs.msg import CompressedImage, Image

from visual_byte.msg import Matches, Query, Remembered
from visual_byte_ros.embedding_services import SERVICES
from visual_byte_ros.interfaces import Interfaces, Topic
from visual_byte_ros.pose_input import TOPICS
from visual_byte_ros.qos import EVERYTHING, NEWEST_FRAME, PICTURE, RELIABLE_BURSTS

IMAGE = Topic(
    "image",
    Image,
    NEWEST_FRAME,
    "What the camera sees: rgb, bgr, rgba, bgra and mono of 8 or 16 bits, 8UC3 (BGR), bayer of 8 bits, yuv422 (uyvy,"
    " yuyv), nv12, nv21; depth (16UC1, 32FC1), bayer of 16 bits and any other encoding is refused by its name.",
    when="lossless is false and image_transport is raw",
)
COMPRESSED = replace(
    IMAGE,
    name="image/compressed",
    kind=CompressedImage,
    description="The same as JPEG or PNG, of 8K at most.",
    when="lossless is false and image_transport is compressed",
)
QUERY = Topic("query", Query, RELIABLE_BURSTS, "What is asked, rendered for the bundle.", when="lossless is false")
IN_ORDER = "lossless is true"
IMAGE_IN_ORDER, COMPRESSED_IN_ORDER = (
    replace(topic, qos=EVERYTHING, variant="lossless", when=topic.when.replace("false", "true"))
    for topic in (IMAGE, COMPRESSED)
)
QUERY_IN_ORDER = replace(QUERY, qos=EVERYTHING, variant="lossless", when=IN_ORDER)
MATCHES = Topic("matches", Matches, RELIABLE_BURSTS, "The answer to each query: FOUND, NOT_FOUND or REJECTED, and why.")
REMEMBERED = Topic("~/remembered", Remembered, RELIABLE_BURSTS, "One for each frame that is on disk.")
DEBUG_IMAGE = Topic(
    "~/debug_image", Image, PICTURE, "The query beside its best matches, made only while somebody subscribes."
)
INTERFACES = Interfaces(
    publishes=(MATCHES, REMEMBERED, DEBUG_IMAGE),
    subscribes=(IMAGE, COMPRESSED, QUERY, IMAGE_IN_ORDER, COMPRESSED_IN_ORDER, QUERY_IN_ORDER, *TOPICS.values()),
    serves=SERVICES,
)
