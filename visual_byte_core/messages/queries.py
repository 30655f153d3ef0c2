# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A query message, from a topic or a bag."""

from __future__ import annotations

from typing import Any, Protocol


class QueryMessage(Protocol):
    """What is read of a visual_byte/Query of rclpy or of a bag reader; image: a sensor_msgs/Image."""

    id: str
    text: str
    modality: str
    renderer: str
    image: Any
