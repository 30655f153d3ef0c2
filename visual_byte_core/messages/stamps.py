# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Stamps of messages as seconds."""

from __future__ import annotations

from typing import Protocol


class Stamp(Protocol):
    """A builtin_interfaces/Time of rclpy or of a bag reader."""

    sec: int
    nanosec: int


def seconds_of(stamp: Stamp) -> float:
    """Seconds since 1970."""
    return stamp.sec + stamp.nanosec * 1e-9
