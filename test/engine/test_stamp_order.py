# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Messages in the order of their stamps, and jobs one after the other."""

from __future__ import annotations

import threading
from concurrent.futures import Future

from visual_byte_core.engine.stamp_order import OneByOne, TimeOrder


def test_what_was_overtaken_comes_first() -> None:
    order: TimeOrder[str] = TimeOrder(hold_s=0.25)
    order.put(10.1, 0.00, "query")
    assert list(order.take_due(0.2)) == []
    order.put(10.0, 0.05, "frame")  # captured before, arrived after
    assert list(order.take_due(0.25)) == [] and order.due() == 0.3
    assert list(order.take_due(0.3)) == ["frame", "query"]
    assert len(order) == 0 and order.due() is None


def test_equal_stamps_keep_their_order() -> None:
    order: TimeOrder[int] = TimeOrder(hold_s=0.0)
    for number in range(5):
        order.put(1.0, 0.0, number)
    assert list(order.take_due(0.0)) == [0, 1, 2, 3, 4]


def test_what_is_noted_comes_before_what_has_the_same_stamp() -> None:
    order: TimeOrder[str] = TimeOrder(hold_s=0.0)
    order.put(1.0, 0.0, "frame")
    order.put(1.0, 0.0, "pose", first=True)
    assert list(order.take_due(0.0)) == ["pose", "frame"]


def test_what_comes_far_too_late_is_not_lost() -> None:
    order: TimeOrder[str] = TimeOrder(hold_s=0.25)
    order.put(100.0, 0.0, "new")
    assert list(order.take_due(1.0)) == ["new"]
    order.put(1.0, 1.0, "old")
    assert list(order.take_due(2.0)) == ["old"]


def test_notes_take_their_turn_and_hold_up_nobody() -> None:
    done: list[str] = []
    jobs = OneByOne(max_waiting=2, hold_s=10.0)

    def begin(name: str) -> Future:
        done.append(name)
        future: Future = Future()
        future.set_result(None)
        return future

    jobs.put(2.0, lambda: begin("frame at 2"))
    for number in range(50):  # many more than jobs may wait
        jobs.put_note(1.0 + number / 50, lambda number=number: done.append(f"pose {number}"))
    jobs.put_note(3.0, lambda: done.append("pose at 3"))
    assert jobs.waiting == 1 and done == []
    jobs.close()
    assert done == [*(f"pose {number}" for number in range(50)), "frame at 2", "pose at 3"]


def test_jobs_run_one_at_a_time_in_order_and_none_is_lost() -> None:
    done: list[int] = []
    running = threading.Semaphore(1)
    jobs = OneByOne(max_waiting=3, hold_s=0.0)

    def begin(number: int) -> Future:
        assert running.acquire(blocking=False), "two jobs at a time"
        future: Future = Future()

        def end() -> None:
            done.append(number)
            running.release()
            future.set_result(None)

        threading.Timer(0.002, end).start()
        return future

    for number in range(20):  # more than may wait: put holds up the sender
        jobs.put(float(number), lambda number=number: begin(number))
        assert jobs.waiting <= 4
    jobs.close()
    assert done == list(range(20)) and jobs.waiting == 0
