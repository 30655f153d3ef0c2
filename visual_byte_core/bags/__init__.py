# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings of a robot (rosbag2, MCAP or sqlite3): reading, composing and replaying them without ROS."""
