# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The part of a logger that threads use, of Python and of a ROS node; and who may write where a command does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

libraries_are_quiet = False
"""Whether what C libraries write to standard error is dropped: in a command, which has one thread and errors of its
own that name the file."""


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Drop what C libraries write to standard error meanwhile, if they are to be quiet."""
    if not libraries_are_quiet:
        yield
        return
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


class Log(Protocol):
    """Whatever takes lines of three severities."""

    def info(self, message: str, /) -> Any:
        """Something went as it should."""

    def warning(self, message: str, /) -> Any:
        """Something is worse than it could be, and goes on."""

    def error(self, message: str, /) -> Any:
        """Something failed."""
