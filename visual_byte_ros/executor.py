# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Callbacks in threads, without the busy loop of rclpy's MultiThreadedExecutor."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue

from rclpy.executors import Executor, ShutdownException, TimeoutException
from rclpy.task import Task


class ThreadsExecutor(Executor):
    """Runs callbacks in a pool of threads, and waits until a thread has begun one before it looks for the next.

    MultiThreadedExecutor of ROS 2 Jazzy hands out a callback again and again until a thread has begun it, and holds
    Python's interpreter lock against that thread meanwhile: answers of 10 ms took up to a second.

    An exception of a callback is raised by a later `spin_once`.
    """

    def __init__(self, threads: int) -> None:
        super().__init__()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="callback")
        self._failures: SimpleQueue[BaseException] = SimpleQueue()

    def spin_once(self, timeout_sec: float | None = None) -> None:
        try:
            task, _, _ = self.wait_for_ready_callbacks(timeout_sec)
        except (ShutdownException, TimeoutException):
            return
        begun = threading.Event()
        self._threads.submit(self._run, task, begun)
        begun.wait()
        try:
            raise self._failures.get_nowait()
        except Empty:
            return

    def _run(self, task: Task, begun: threading.Event) -> None:
        begun.set()
        task()
        if failure := task.exception():
            self._failures.put(failure)
            self.wake()
