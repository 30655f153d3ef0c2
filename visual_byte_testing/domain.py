# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A ROS domain of one's own."""

from __future__ import annotations

import os


def take_own_domain() -> None:
    """Let this process and its children talk to each other alone; before rclpy.init."""
    # Domains 1 to 101 are free of the ports that the system gives out by itself.
    os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 101)
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
