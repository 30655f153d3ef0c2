# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A service manager's stop is a keyboard's: what is half done is cleared away, and the exit code says it failed."""

from __future__ import annotations

import signal
from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM came.

    A class of its own: where a plain KeyboardInterrupt once passed through exec() of a text, as libraries that write
    code use it, CPython ends the process as if by SIGINT, also when the exception was caught in the end.
    """


def interrupt_on_sigterm() -> None:
    """From now on SIGTERM raises `Terminated`. Only in the main thread."""
    signal.signal(signal.SIGTERM, _raise)


def _raise(number: int, frame: FrameType | None) -> None:
    raise Terminated
