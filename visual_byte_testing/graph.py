# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Nodes in processes of their own, and one in this process that talks to them over DDS."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import GetState
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile

from visual_byte_testing.paths import ROOT

PATIENCE = 30.0  # seconds; what does not happen by then does not happen
RELIABLE = QoSProfile(depth=1000)
_numbers = itertools.count(1)

T = TypeVar("T")


class Process:
    """A node that runs as `python -m MODULE`."""

    def __init__(self, module: str, log: Path, ros_arguments: list[str], environment: dict[str, str]) -> None:
        self.log = log
        command = [sys.executable, "-m", module, "--ros-args", *ros_arguments]
        with open(log, "wb") as output:
            self.popen = subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT
            )

    def output(self) -> str:
        return self.log.read_text()

    def wait_for_output(self, text: str) -> str:
        """All output once `text` is in it."""
        wait_until(lambda: text in self.output() or self.popen.poll() is not None, f"{text!r} in the output", self)
        assert text in self.output(), f"ended with {self.popen.returncode}:\n{self.output()}"
        return self.output()

    def end(self, with_signal: int = signal.SIGINT) -> int:
        """Ask the process to end, and return its exit code."""
        if self.popen.poll() is None:
            self.popen.send_signal(with_signal)
        try:
            return self.popen.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            raise AssertionError(f"did not end:\n{self.output()}") from None


class Graph:
    """A namespace with the nodes of one test, and this process's own node in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.namespace = f"/test_{os.getpid()}_{next(_numbers)}"
        self.processes: list[Process] = []
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self.node = Node("tester", namespace=self.namespace, context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._clients: dict[str, Any] = {}
        self.diagnostics = self.collect(DiagnosticArray, "/diagnostics")
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def start(
        self, name: str, *, file: Path | None = None, environment: dict[str, str] | None = None, **parameters: Any
    ) -> Process:
        """Start the module visual_byte_ros.NAME with a file of parameters and single ones, which count more.

        A module of that name in visual_byte_testing, if there is one, is started instead.
        """
        arguments = ["-r", f"__ns:={self.namespace}"]
        if file:
            arguments += ["--params-file", str(file)]
        for parameter, value in parameters.items():
            text = str(value).lower() if isinstance(value, bool) else f"'{value}'" if isinstance(value, str) else value
            arguments += ["-p", f"{parameter}:={text}"]
        log = self.folder / f"{name}_{len(self.processes)}.log"
        package = (
            "visual_byte_testing" if (ROOT / "visual_byte_testing" / f"{name}.py").is_file() else "visual_byte_ros"
        )
        self.processes.append(Process(f"{package}.{name}", log, arguments, environment or {}))
        return self.processes[-1]

    def collect(self, kind: type[T], topic: str, qos: QoSProfile | int = RELIABLE) -> list[T]:
        """A list that grows with the messages of a topic."""
        received: list[T] = []
        self.node.create_subscription(kind, topic, received.append, qos)
        return received

    def publisher(self, kind: type, topic: str, qos: QoSProfile | int = RELIABLE) -> Any:
        """A publisher that a node listens to already."""
        publisher = self.node.create_publisher(kind, topic, qos)
        self.wait(lambda: publisher.get_subscription_count() > 0, f"somebody listens to {topic}")
        return publisher

    def call(self, kind: Any, service: str, **fields: Any) -> Any:
        """The response of a node's service, NODE/NAME, to one request."""
        future = self.client(kind, service).call_async(kind.Request(**fields))
        self.wait(future.done, f"the response of {service}")
        return future.result()

    def client(self, kind: type, service: str) -> Any:
        """A client that the node of the service knows."""
        if service not in self._clients:
            self._clients[service] = self.node.create_client(kind, service)
            self.wait(self._clients[service].service_is_ready, f"the service {service}")
            self.be_known_to(service.partition("/")[0])
        return self._clients[service]

    def be_known_to(self, node: str) -> None:
        """Return when the node knows all publishers and clients made so far.

        It does not hear publishers that are unknown to it, and loses responses to such clients. They become known in
        the order in which they were made, and asking for the state may be repeated.
        """
        client = self.node.create_client(GetState, f"{node}/get_state")
        self.wait(client.service_is_ready, f"the state of {node}")
        answers: list[object] = []
        self.repeat(
            lambda: client.call_async(GetState.Request()).add_done_callback(answers.append),
            lambda: bool(answers),
            f"the state of {node}",
        )

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        wait_until(condition, what, *self.processes)

    def repeat(self, act: Callable[[], None], condition: Callable[[], bool], what: str) -> None:
        """Act once, and once more each second until the condition holds: best-effort messages may be lost."""
        again = 0.0

        def acted() -> bool:
            nonlocal again
            if condition():
                return True
            if time.monotonic() >= again:
                again = time.monotonic() + 1.0
                act()
            return False

        self.wait(acted, what)

    def wait_for(self, messages: list[T], matches: Callable[[T], bool], what: str) -> T:
        """The first of the messages that `matches`, once it has come."""
        self.wait(lambda: any(map(matches, list(messages))), what)
        return next(filter(matches, list(messages)))

    def diagnosis(self, node: str, says: Callable[[dict[str, str]], bool]) -> dict[str, str]:
        """The next diagnosis of a node that `says` what is waited for: its values, and its `state` and `message`."""
        seen = len(self.diagnostics)
        name = f"{self.namespace.lstrip('/')}/{node}: "

        def next_one() -> dict[str, str] | None:
            for array in self.diagnostics[seen:]:
                status = array.status[0]
                values = {value.key: value.value for value in status.values}
                values |= {"state": status.name.removeprefix(name), "message": status.message}
                if status.name.startswith(name) and says(values):
                    return values
            return None

        self.wait(lambda: next_one() is not None, f"the diagnosis of {node}")
        return next_one() or {}

    def close(self) -> None:
        # First of all this process leaves the network: a killed one may leave behind shared memory half written, and
        # Fast DDS has crashed on saying goodbye to it.
        self._executor.shutdown()
        self._thread.join()
        self.node.destroy_node()
        self._context.try_shutdown()
        # Asked to end rather than killed: each killed process leaves 17 MB and more in /dev/shm forever.
        running = [process for process in self.processes if process.popen.poll() is None]
        for process in running:
            process.popen.send_signal(signal.SIGINT)
        for process in running:
            try:
                process.popen.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.popen.kill()
                process.popen.wait()

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return


@contextmanager
def open_graph(folder: Path) -> Iterator[Graph]:
    graph = Graph(folder)
    try:
        yield graph
    finally:
        graph.close()


def wait_until(condition: Callable[[], bool], what: str, *processes: Process) -> None:
    """Return when the condition holds; fail with what the processes printed if it never does."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("\n".join([f"never came: {what}", *(process.output() for process in processes)]))
        time.sleep(0.01)
