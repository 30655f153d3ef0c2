# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Find things by a spoken or typed name: rendering, network, memory and search, without ROS."""

from __future__ import annotations

__version__ = "0.1.0"
