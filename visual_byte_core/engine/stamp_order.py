# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Messages of several topics in the order of their stamps, so that a bag gives the same answers wherever it is read.

Topics overtake one another on their way: a large frame arrives after the query that was asked a moment later. Each
message is held back for a moment and goes on when no earlier one can be expected any more.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from typing import Any, Generic, TypeVar

HOLD_S = 0.25
"""Seconds that a message is held back; what comes later than that after a newer one keeps its place."""

T = TypeVar("T")


class TimeOrder(Generic[T]):
    """A queue that gives the earliest stamp first. All times are seconds; stamps and arrivals may be of two clocks."""

    def __init__(self, hold_s: float = HOLD_S) -> None:
        self._hold_s = hold_s
        self._waiting: list[tuple[float, bool, int, float, T]] = []
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, stamp: float, arrived: float, item: T, *, first: bool = False) -> None:
        """Of equal stamps those with `first` come first, then those that were put first."""
        heapq.heappush(self._waiting, (stamp, not first, next(self._numbers), arrived + self._hold_s, item))

    def due(self) -> float | None:
        """The arrival time from which the next item may go; None if none waits."""
        return self._waiting[0][3] if self._waiting else None

    def take(self) -> T:
        """The earliest item, due or not."""
        return heapq.heappop(self._waiting)[4]

    def take_due(self, now: float) -> Iterator[T]:
        """All items that are due at `now`, earliest first."""
        while self._waiting and self._waiting[0][3] <= now:
            yield self.take()


class OneByOne:
    """Starts jobs in the order of their stamps, each when the one before has ended; none is lost.

    max_waiting: jobs that may wait; `put` blocks until there is room, which blocks the sender.
    """

    def __init__(self, *, max_waiting: int, hold_s: float = HOLD_S) -> None:
        self._order: TimeOrder[tuple[Callable[[], Future[Any] | None], bool]] = TimeOrder(hold_s)
        self._most_waiting = max_waiting
        self._jobs = 0
        self._condition = threading.Condition()
        self._running = self._busy = self._closing = self._settling = False
        self._thread = threading.Thread(target=self._work, name="one by one", daemon=True)
        self._thread.start()

    def put(self, stamp: float, begin: Callable[[], Future[Any]]) -> None:
        """stamp: seconds since 1970. begin: starts the job, whose end the future tells; it must not raise."""
        with self._condition:
            self._condition.wait_for(lambda: self._closing or self._jobs < self._most_waiting)
            if not self._closing:
                self._order.put(stamp, time.monotonic(), (begin, True))
                self._jobs += 1
                self._condition.notify_all()
                return
        begin()  # too late for an order: whoever does the job says what becomes of it

    def put_note(self, stamp: float, take: Callable[[], None]) -> None:
        """Do something small in its turn, before jobs of the same stamp: it blocks nobody and is not counted.

        stamp: seconds since 1970. take: must not raise.
        """
        with self._condition:
            self._order.put(stamp, time.monotonic(), (take, False), first=True)
            self._condition.notify_all()

    @property
    def waiting(self) -> int:
        """Jobs that wait or run."""
        return self._jobs + self._running

    def settle(self) -> None:
        """Do all that waits, at once, and return when it is done."""
        with self._condition:
            self._settling = True
            self._condition.notify_all()
            self._condition.wait_for(lambda: not len(self._order) and not self._busy)
            self._settling = False

    def close(self) -> None:
        """Do all that waits, at once, and end."""
        with self._condition:
            self._closing = True
            self._condition.notify_all()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._condition:
                while not self._closing and not self._next_is_due():
                    due = self._order.due()
                    self._condition.wait(None if due is None else max(0.0, due - time.monotonic()))
                if not len(self._order):
                    return
                begin, is_job = self._order.take()
                self._jobs -= is_job
                self._running, self._busy = is_job, True
                self._condition.notify_all()
            future = begin()
            if future is not None:
                wait([future])
            with self._condition:
                self._running = self._busy = False
                self._condition.notify_all()

    def _next_is_due(self) -> bool:
        due = self._order.due()
        # A full queue cannot wait for what comes: nothing can.
        return due is not None and (self._settling or due <= time.monotonic() or self._jobs >= self._most_waiting)
