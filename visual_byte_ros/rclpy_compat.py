# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What rclpy lacks: callbacks in threads without a busy loop, and services that answer a malformed request too."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.context import Context
from rclpy.executors import Executor, ShutdownException, TimeoutException
from rclpy.guard_condition import GuardCondition
from rclpy.node import Node
from rclpy.task import Task

AT_ONCE = 0.005  # seconds


class Bell(GuardCondition):
    """What wakes the executor when a callback ends or nodes change; it is silent while `heard` is false."""

    def __init__(self, context: Context) -> None:
        super().__init__(callback=None, callback_group=None, context=context)
        self.heard = True

    def trigger(self) -> None:
        if self.heard:
            super().trigger()


class ThreadsExecutor(Executor):
    """Runs callbacks in a pool of threads, and looks for the next when one is over, or has begun and takes its time.

    MultiThreadedExecutor of ROS 2 Jazzy hands out a callback again and again until a thread has begun it, and holds
    Python's interpreter lock against that thread meanwhile: answers of 10 ms took up to a second.

    To look means to gather all that is waited for, half a millisecond for all nodes together. rclpy rings for it when a
    callback has taken its message and when it ends; that is heard here only of a callback that takes longer than
    AT_ONCE, so that a short one costs one look and not two or three.

    An exception of a callback is raised by a later `spin_once`.
    """

    def __init__(self, threads: int) -> None:
        super().__init__()
        self._guard.destroy()
        self._guard = self._bell = Bell(self.context)  # rclpy drops its own at shutdown
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="callback")
        self._failures: SimpleQueue[BaseException] = SimpleQueue()

    def spin_once(self, timeout_sec: float | None = None) -> None:
        self._bell.heard = True
        try:
            task, _, _ = self.wait_for_ready_callbacks(timeout_sec)
        except (ShutdownException, TimeoutException):
            return
        self._bell.heard = False  # what rings now is seen by the next look
        begun, done = threading.Event(), threading.Event()
        self._threads.submit(self._run, task, begun, done)
        if not done.wait(AT_ONCE):
            begun.wait()
        try:
            raise self._failures.get_nowait()
        except Empty:
            return

    def _run(self, task: Task, begun: threading.Event, done: threading.Event) -> None:
        begun.set()
        task()
        if failure := task.exception():
            self._failures.put(failure)
            self.wake()
        done.set()


def answer_always(node: Node) -> None:
    """Guard the services that the node has so far.

    To a malformed request of a service that rclpy gives every node, rclpy raises, and no response ever comes.
    """
    for service in node.services:
        service.callback = partial(_answer, node, service, service.callback)


def _answer(node: Node, service: Any, callback: Any, request: Any, response: Any) -> Any:
    try:
        return callback(request, response)
    except Exception as error:
        node.get_logger().warning(f"request to {service.srv_name} refused: {error}", throttle_duration_sec=1.0)
        return _refusal(request, service.srv_type.Response(), f"malformed request: {error}")


def _refusal(request: Any, response: Any, reason: str) -> Any:
    """An empty response; that of set_parameters and set_parameters_atomically says why."""
    result = SetParametersResult(successful=False, reason=reason)
    if hasattr(response, "results"):
        response.results = [result] * len(request.parameters)
    elif isinstance(getattr(response, "result", None), SetParametersResult):
        response.result = result
    return response
