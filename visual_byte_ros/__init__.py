# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""ROS 2 nodes over visual_byte_core: parameters, topics and services; every decision is made in the core."""

from __future__ import annotations

__version__ = "0.1.0"
