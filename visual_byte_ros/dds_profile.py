# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The Fast DDS profile that lets whole frames through (config/fastdds_profile.xml says why)."""

from __future__ import annotations

import os
from pathlib import Path

from visual_byte_ros.paths import share_path

VARIABLE = "FASTRTPS_DEFAULT_PROFILES_FILE"


def profile_path() -> Path:
    """Raises ConfigurationError if the package is neither installed nor a checkout."""
    return share_path("config/fastdds_profile.xml")


def use_profile() -> str:
    """Make Fast DDS read the profile in this process and its children, unless the user has set one.

    To be called before rclpy.init(), where whole frames are sent and nowhere else: each process with it takes 17 MB of
    shared memory, of which a container has 64 MB as a rule. Another DDS than Fast DDS ignores the variable.

    Returns:
        One sentence for the log: which profile is used.
    """
    ours = str(profile_path())
    chosen = os.environ.setdefault(VARIABLE, ours)
    if chosen == ours:
        return f"Fast DDS profile for whole frames: {ours}"
    return f"Fast DDS profile kept as {VARIABLE} says: {chosen}. Whole frames need a segment_size as in {ours}"
