# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Files that come with this package: in the source tree, or where colcon installed them."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

from visual_byte_core.bundle.starter import bundle_folder, starter_bundle
from visual_byte_core.errors import ConfigurationError
from visual_byte_core.files import expanded, home_folder


def share_path(name: str) -> Path:
    """Path of `config/...`, files that only ROS needs.

    Raises:
        ConfigurationError: the package is not installed.
    """
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
    """The bundle that the parameter `bundle` means: a folder or the name of a shipped one; empty is the starter."""
    return bundle_folder(parameter) if parameter else starter_bundle()


def memory_path(parameter: str, namespace: str) -> Path:
    """The folder that the parameter `memory_folder` means; empty is one in $ROS_HOME or ~/.ros for each namespace."""
    if parameter:
        return expanded(parameter)
    try:
        home = expanded(os.environ.get("ROS_HOME") or "~/.ros") / "visual_byte"
    except ConfigurationError as error:
        raise ConfigurationError(f"{error} or ROS_HOME, or the parameter memory_folder") from error
    robot = namespace.strip("/")
    return home / "robots" / robot / "memory" if robot else home / "memory"


def provide_log_folder() -> None:
    """Give ROS a folder for its logs where it would find none and end: it knows HOME only, which a container may lack.

    Raises:
        ConfigurationError: HOME is empty.
    """
    if os.environ.get("ROS_LOG_DIR") or os.environ.get("ROS_HOME") or os.environ.get("HOME"):
        return
    try:
        folder = home_folder() / ".ros" / "log"
    except ConfigurationError as error:
        if "HOME" in os.environ:
            raise
        folder = Path(tempfile.mkdtemp(prefix="ros_log_"))
        print(f"{error}; until then logs of ROS go to {folder}", file=sys.stderr)
    os.environ["ROS_LOG_DIR"] = str(folder)
