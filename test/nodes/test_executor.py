# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Callbacks in threads: several at once, an error of one, and little processor time for many."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
import rclpy
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from std_msgs.msg import String

from visual_byte_ros.rclpy_compat import AT_ONCE, ThreadsExecutor

THREADS = 12


class Room:
    """A node whose timers an executor calls; what callbacks raise is kept."""

    def __init__(self) -> None:
        rclpy.init()
        self.node = Node("tester")
        self.executor = ThreadsExecutor(THREADS)
        self.executor.add_node(self.node)
        self.raised: list[Exception] = []
        self._thread = threading.Thread(target=self._spin)
        self._thread.start()

    def once(self, callback: Callable[[], object]) -> None:
        """Have it called once, at once."""

        def called() -> None:
            timer.cancel()
            callback()

        timer = self.node.create_timer(0.001, called, callback_group=ReentrantCallbackGroup())

    def close(self) -> None:
        rclpy.shutdown()
        self._thread.join()
        self.executor.shutdown()
        self.node.destroy_node()

    def _spin(self) -> None:
        while rclpy.ok():
            try:
                self.executor.spin_once()
            except ExternalShutdownException:
                return
            except Exception as error:
                self.raised.append(error)


@pytest.fixture
def room() -> Iterator[Room]:
    room = Room()
    yield room
    room.close()


def test_a_callback_that_waits_does_not_hold_up_another(room: Room) -> None:
    end, done = threading.Event(), threading.Event()
    room.once(end.wait)
    room.once(done.set)
    assert done.wait(10)
    end.set()


def test_what_a_callback_raises_is_raised_by_spin_once_and_others_are_called(room: Room) -> None:
    done = threading.Event()
    room.once(lambda: 1 / 0)
    room.once(done.set)
    assert done.wait(10)
    deadline = time.monotonic() + 10
    while not room.raised and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [type(error) for error in room.raised] == [ZeroDivisionError]


def test_messages_one_after_the_other_take_little_processor_time(room: Room) -> None:
    """rclpy's MultiThreadedExecutor takes hundreds of times as much."""
    heard = threading.Event()
    room.node.create_subscription(String, "words", lambda _: heard.set(), 10)
    publisher = room.node.create_publisher(String, "words", 10)
    before = time.process_time()
    for number in range(100):
        heard.clear()
        publisher.publish(String(data=str(number)))
        assert heard.wait(10)
    assert time.process_time() - before < 1.0


def test_a_short_callback_costs_one_look_at_all_that_is_waited_for(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """rclpy rings for another one when the message is taken, and when the callback ends."""
    looks = 0
    get_nodes = room.executor.get_nodes

    def look() -> list[Node]:
        nonlocal looks
        looks += 1
        return get_nodes()

    monkeypatch.setattr(room.executor, "get_nodes", look)
    heard = threading.Event()
    room.node.create_subscription(String, "words", lambda _: heard.set(), 10)
    publisher = room.node.create_publisher(String, "words", 10)
    for number in range(100):
        heard.clear()
        publisher.publish(String(data=str(number)))
        assert heard.wait(10)
        time.sleep(0.002)  # it is waiting again when the next one comes
    assert looks < 150


def test_a_group_is_free_again_after_a_callback_that_took_its_time(room: Room) -> None:
    heard: list[str] = []

    def hear(message: String) -> None:
        time.sleep(3 * AT_ONCE)
        heard.append(message.data)

    room.node.create_subscription(String, "words", hear, 10)
    publisher = room.node.create_publisher(String, "words", 10)
    for number in range(5):
        publisher.publish(String(data=str(number)))
    deadline = time.monotonic() + 10
    while len(heard) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert heard == ["0", "1", "2", "3", "4"]
