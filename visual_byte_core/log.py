# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The part of a logger that the threads of this package use: Python's own and a ROS node's both have it."""

from __future__ import annotations

from typing import Any, Protocol

libraries_are_quiet = False
"""Whether what C libraries write to standard error is dropped: in a command, which has one thread and errors of its
own that name the file."""


class Log(Protocol):
    def info(self, message: str, /) -> Any: ...

    def warning(self, message: str, /) -> Any: ...

    def error(self, message: str, /) -> Any: ...
