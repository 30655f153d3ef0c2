# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Futures that are resolved in time, or fail: in a thread of its own, which no long job delays."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from typing import Any


def resolve(future: Future[Any], result: Any) -> bool:
    """Give a future its result; False if somebody was quicker."""
    try:
        future.set_result(result)
    except InvalidStateError:
        return False
    return True


def fail(future: Future[Any], error: BaseException) -> bool:
    """Give a future an exception; False if somebody was quicker."""
    try:
        future.set_exception(error)
    except InvalidStateError:
        return False
    return True


class Deadlines:
    """Calls `overdue` with each watched future that is not done at its time, from a thread of its own."""

    def __init__(self, overdue: Callable[[Future[Any]], None]) -> None:
        self._overdue = overdue
        self._condition = threading.Condition()
        self._watched: list[tuple[float, int, Future[Any]]] = []
        self._numbers = itertools.count()
        self._closing = False
        self._thread = threading.Thread(target=self._watch, name="deadlines", daemon=True)
        self._thread.start()

    def watch(self, future: Future[Any], at: float) -> None:
        """at: seconds of `time.monotonic`."""
        with self._condition:
            heapq.heappush(self._watched, (at, next(self._numbers), future))
            self._condition.notify()

    def close(self) -> None:
        """Watch no longer."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            with self._condition:
                while not self._closing and not self._due():
                    self._condition.wait(self._watched[0][0] - time.monotonic() if self._watched else None)
                if self._closing:
                    return
                future = heapq.heappop(self._watched)[2]
            if not future.done():
                self._overdue(future)

    def _due(self) -> bool:
        """Whether there is something to take: futures that are done go at once, so that they are not kept."""
        return bool(self._watched) and (self._watched[0][2].done() or self._watched[0][0] <= time.monotonic())
