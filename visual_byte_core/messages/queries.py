# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A query message, from a topic or a bag, checked and read once: the picture that it holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from visual_byte_core.messages import images
from visual_byte_core.rendering.query import Example, RenderedQuery, check_query


class QueryMessage(Protocol):
    """What is read of a visual_byte/Query of rclpy or of a bag reader; image: a sensor_msgs/Image."""

    id: str
    text: str
    modality: str
    renderer: str
    image: Any


def read_query(query: QueryMessage, to_rgb: Callable[[Any], np.ndarray] = images.to_rgb) -> Example | RenderedQuery:
    """What a query asks with. One of modality image may hold a photo of any size, with `renderer` left empty.

    to_rgb: reads the image, uint8 (height, width, 3).

    Raises:
        ConfigurationError: unknown modality, id or text over 200 characters.
        InvalidImage: the image is malformed.
    """
    check_query(query.id, query.text, query.modality)
    image = to_rgb(query.image)
    if query.modality == "image" and not query.renderer:
        return Example(image)
    return RenderedQuery(image, query.modality, query.renderer, query.text)
