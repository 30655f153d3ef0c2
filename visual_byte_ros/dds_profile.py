# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The Fast DDS profile that lets whole frames through (config/fastdds_profile.xml says why)."""

from __future__ import annotations

import os
from pathlib import Path

from ament_index_python.packages import get_package_share_directory

VARIABLE = "FASTRTPS_DEFAULT_PROFILES_FILE"


def profile_path() -> Path:
    return Path(get_package_share_directory("visual_byte"), "config", "fastdds_profile.xml")


def use_profile() -> str:
    """Make Fast DDS read the profile in this process and its children, unless the user has set one.

    To be called before rclpy.init(); another DDS than Fast DDS ignores the variable.

    Returns:
        One sentence for the log: which profile is used.
    """
    ours = str(profile_path())
    chosen = os.environ.setdefault(VARIABLE, ours)
    if chosen == ours:
        return f"Fast DDS profile for whole frames: {ours}"
    return f"Fast DDS profile kept as {VARIABLE} says: {chosen}. Whole frames need a segment_size as in {ours}"
