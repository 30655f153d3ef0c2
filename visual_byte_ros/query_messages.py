# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""New queries of those who render them."""

from __future__ import annotations

import uuid

from rclpy.node import Node
from std_msgs.msg import Header

from visual_byte.msg import Query
from visual_byte_core.bundle.bundle import Bundle


def new_query(node: Node, bundle: Bundle, modality: str, text: str, language: str) -> Query:
    """A query of now, still without its image, with an id of its own and the digest of the bundle's renderers."""
    return Query(
        header=Header(stamp=node.get_clock().now().to_msg()),
        id=str(uuid.uuid4()),
        modality=modality,
        language=language,
        text=text,
        renderer=bundle.renderer.digest(),
    )
