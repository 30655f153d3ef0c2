# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What rclpy lacks, and all use of what it does not promise to keep.

Callbacks in threads without a busy loop, services that answer a malformed request too, and the state machine of a
lifecycle node.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import SetParametersResult
from rclpy._rclpy_pybind11 import RCLError as RCLError
from rclpy._rclpy_pybind11 import UnknownROSArgsError as UnknownROSArgsError
from rclpy.context import Context
from rclpy.executors import Executor, ShutdownException, TimeoutException
from rclpy.guard_condition import GuardCondition
from rclpy.lifecycle import LifecycleNode
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


def given_value(node: Node, parameter: str) -> Any:
    """What the command line or a file gave for a parameter, before it is declared; None if they did not."""
    given = node._parameter_overrides.get(parameter)
    return None if given is None else given.value


def state_of(node: LifecycleNode) -> str:
    """The label of the state that the node is in: unconfigured, inactive, active, finalized, or a transition."""
    return str(node._state_machine.current_state[1])


def answer_transitions(node: LifecycleNode, lock: threading.Lock) -> None:
    """Answer `change_state` as rclpy does, with the lock held.

    But a transition that is not possible is refused and logged: rclpy raises, and no response comes.
    """
    answer = node._service_change_state.callback

    def change_state(request: ChangeState.Request, response: ChangeState.Response) -> ChangeState.Response:
        with lock:
            try:
                return answer(request, response)
            except RCLError:
                wanted = request.transition.label or request.transition.id
                machine = node._state_machine
                possible = ", ".join(sorted({label for _, label, *_ in machine.available_transitions}))
                node.get_logger().error(
                    f"transition {wanted} is not possible while {state_of(node)}; possible: {possible}"
                )
                response.success = False
                return response

    node._service_change_state.callback = change_state


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
