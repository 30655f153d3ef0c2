# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Letting whole camera frames through Fast DDS."""

from __future__ import annotations

import os

from visual_byte_ros.share import share_path

PROFILE_VARIABLES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")


def let_whole_frames_through() -> None:
    """Point Fast DDS at this package's profile, unless the user has one; before rclpy.init.

    Its default shared-memory segment is smaller than a 640x480 frame, so that two frames of three are lost.
    """
    if not any(os.environ.get(variable) for variable in PROFILE_VARIABLES):
        os.environ[PROFILE_VARIABLES[0]] = str(share_path("config/fastdds_profile.xml"))
