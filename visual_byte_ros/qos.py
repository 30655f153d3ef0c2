# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Quality of service of the topics."""

from __future__ import annotations

from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy

NEWEST_FRAME = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
RELIABLE = QoSProfile(depth=10)
# At the ends of embedding_node: a burst of queries must reach its queue, which refuses what is too much with a reason.
RELIABLE_BURSTS = QoSProfile(depth=100)
PICTURE = QoSProfile(depth=1)
# For playing recordings; it hears reliable publishers only.
EVERYTHING = QoSProfile(history=HistoryPolicy.KEEP_ALL, reliability=ReliabilityPolicy.RELIABLE)
