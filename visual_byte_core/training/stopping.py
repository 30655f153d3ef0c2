# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A signal to stop waits for the end of the step in hand, so that what is saved is never half of one."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """While entered, SIGINT and SIGTERM only set `asked`; a second SIGINT is a KeyboardInterrupt at once.

    A signal that the process was started to ignore, as a shell's background jobs ignore SIGINT, stays ignored. Outside
    of the main thread, where Python lets nobody handle signals, nothing is ever asked.
    """

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> StopRequest:
        main = threading.current_thread() is threading.main_thread()
        heard = [number for number in SIGNALS if main and signal.getsignal(number) != signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._ask) for number in heard}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, _: FrameType | None) -> None:
        if self.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.asked = True


def leave_stopping_to_parent() -> None:
    """In a process that loads data: the one that trains decides, and ends it when the step is done.

    In a group of its own, it hears neither the keyboard nor what is sent to the group of the one that trains, which can
    still end it by SIGTERM: were that ignored, a training that fails would wait for it forever.
    """
    os.setpgid(0, 0)
