# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Files that come with this package: in the source tree, or where colcon installed them."""

from __future__ import annotations

import os
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

from visual_byte_core.errors import ConfigurationError


def share_path(name: str) -> Path:
    """Path of `config/...` or `models/...`. Raises ConfigurationError if the package is not installed."""
    checkout = Path(__file__).resolve().parents[1]
    if (checkout / "package.xml").is_file():
        return checkout / name
    try:
        return Path(get_package_share_directory("visual_byte")) / name
    except PackageNotFoundError as error:
        raise ConfigurationError(
            f"{name}: the ROS package visual_byte is not installed; run colcon build and source install/setup.bash"
        ) from error


def bundle_path(parameter: str) -> Path:
    """The bundle that the parameter `bundle` means; empty is the starter bundle."""
    return Path(parameter).expanduser() if parameter else share_path("models/starter")


def memory_path(parameter: str, namespace: str) -> Path:
    """The folder that the parameter `memory_folder` means; empty is one in $ROS_HOME or ~/.ros for each namespace."""
    if parameter:
        return Path(parameter).expanduser()
    home = Path(os.environ.get("ROS_HOME") or "~/.ros").expanduser() / "visual_byte"
    robot = namespace.strip("/")
    return home / "robots" / robot / "memory" if robot else home / "memory"
