# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What all nodes share: transitions that fail with a message, diagnostics, and a process that ends cleanly."""

from __future__ import annotations

import gc
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

import cv2
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.callback_groups import CallbackGroup, MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException
from rclpy.lifecycle import LifecycleNode, LifecyclePublisher, LifecycleState, TransitionCallbackReturn
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.signals import SignalHandlerOptions
from rclpy.subscription import Subscription

from visual_byte_core.allocator import share_arenas
from visual_byte_core.errors import ConfigurationError, VisualByteError
from visual_byte_ros.dds_profile import use_profile
from visual_byte_ros.interfaces import Service, Topic, copied
from visual_byte_ros.parameters import Parameter, Parameters
from visual_byte_ros.paths import provide_log_folder, share_path
from visual_byte_ros.rclpy_compat import (
    RCLError,
    ThreadsExecutor,
    UnknownROSArgsError,
    answer_always,
    answer_transitions,
    state_of,
)

# The services of embedding_node wait for its worker, one thread each; the rest is over in a millisecond.
EXECUTOR_THREADS = 12


class ManagedNode(LifecycleNode):
    """A lifecycle node that opens what it needs when configured, works while active, and tells /diagnostics how it is.

    A subclass implements `open`, `start`, `stop`, `close`, `adjust` and `diagnose`; each but the last may raise
    VisualByteError. Its topics and services come into being in `open`, by `publish_on`, `subscribe_to` and `serve`;
    they go by themselves: what brings work before `close`, publishers after it.
    """

    sends_whole_frames = False
    """Whether the process needs the DDS profile for them, which costs 17 MB of shared memory."""

    def __init__(self, name: str, table: Iterable[Parameter], **options: Any) -> None:
        super().__init__(name, **options)
        self.parameters = Parameters(self, table)
        self.parameters.changed = self._adjust
        self.failure = ""
        """Why the last transition failed."""
        self._transitions = threading.Lock()
        self._inputs: list[Callable[[], object]] = []
        self._outputs: list[LifecyclePublisher] = []
        answer_transitions(self, self._transitions)
        answer_always(self)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        # By the steady clock: a simulated one may stand still, and then most of all somebody wants to know.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        group = MutuallyExclusiveCallbackGroup()  # of its own: a long transition is no reason to fall silent
        self._diagnostics_timer = self.create_timer(1.0, self._publish_diagnostics, clock=steady, callback_group=group)

    def open(self) -> None:
        """Take hold of devices, models and files, and create topics and services."""

    def start(self) -> None:
        """Begin to work."""

    def stop(self) -> None:
        """Stop working."""

    def close(self) -> None:
        """Let go of everything that `open` took, as far as it came; topics and services go by themselves."""

    def adjust(self) -> None:
        """Take over the live parameters, which have changed, while configured."""

    def diagnose(self) -> tuple[bytes, str, dict[str, object]]:
        """Level, message and values while configured."""
        return DiagnosticStatus.OK, "", {}

    @property
    def active(self) -> bool:
        """Whether the node works, and not only could."""
        return state_of(self) == "active"

    def publish_on(self, topic: Topic) -> LifecyclePublisher:
        """A publisher that publishes only while the node is active. Raises ConfigurationError (QoS overrides)."""
        with _explained(topic):
            publisher: LifecyclePublisher = self.create_lifecycle_publisher(
                topic.kind, topic.name, copied(topic.qos), qos_overriding_options=_overridable(topic)
            )
        self._outputs.append(publisher)
        return publisher

    def subscribe_to(self, topic: Topic, callback: Callable[[Any], None], **options: Any) -> Subscription:
        """options: those of `create_subscription`. Raises ConfigurationError (QoS overrides)."""
        with _explained(topic):
            subscription = self.create_subscription(
                topic.kind,
                topic.name,
                callback,
                copied(topic.qos),
                qos_overriding_options=_overridable(topic),
                **options,
            )
        self._inputs.append(lambda: self.destroy_subscription(subscription))
        return subscription

    def serve(self, service: Service, callback: Callable[[Any, Any], Any], group: CallbackGroup | None = None) -> None:
        """Offer a service while configured; callbacks of one `group` come one after another."""
        server = self.create_service(service.kind, service.name, callback, callback_group=group)
        self._inputs.append(lambda: self.destroy_service(server))

    def autostart(self) -> None:
        """Configure and activate if the parameter `autostart` says so."""
        if not self.parameters["autostart"]:
            self.get_logger().info("autostart is false: waiting to be configured and activated")
            return
        with self._transitions:
            if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
                self.trigger_activate()
        if self.failure:
            name = self.get_fully_qualified_name()
            self.get_logger().error(f"waiting; when that is mended: ros2 lifecycle set {name} configure, then activate")

    def end(self) -> None:
        """Finish the current work and release everything; a transition in progress finishes first."""
        with self._transitions:
            if state_of(self) in ("unconfigured", "inactive", "active"):
                self.trigger_shutdown()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """As `open` says; rclpy calls it."""
        return self._transition("configure", self._open)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """As `start` says; rclpy calls it."""
        super().on_activate(state)  # publishers first: what `start` starts may publish at once
        done = self._transition("activate", self.start)
        if done != TransitionCallbackReturn.SUCCESS:
            super().on_deactivate(state)
        return done

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """As `stop` says; rclpy calls it."""
        done = self._transition("deactivate", self.stop, TransitionCallbackReturn.ERROR)
        super().on_deactivate(state)
        return done

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """As `close` says; rclpy calls it."""
        return self._transition("clean up", self._release, TransitionCallbackReturn.ERROR)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """As `stop` and `close` say; rclpy calls it."""
        return self._transition("shut down", self._stop_and_release, TransitionCallbackReturn.ERROR)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Release everything, whatever that raises; why the transition failed stays in `failure`."""
        why = self.failure
        self._transition("recover", self._stop_and_release)
        self.failure = why or self.failure
        return TransitionCallbackReturn.SUCCESS

    def _transition(
        self,
        name: str,
        act: Callable[[], None],
        failed: TransitionCallbackReturn = TransitionCallbackReturn.FAILURE,
    ) -> TransitionCallbackReturn:
        """rclpy swallows exceptions of transitions: say what went wrong before it does.

        failed: for a VisualByteError; FAILURE leads back to the state before, ERROR to unconfigured.
        """
        self.failure = ""
        try:
            act()
        except VisualByteError as error:
            self.failure = str(error)
            self.get_logger().error(f"cannot {name}: {error}")
            return failed
        except Exception as error:
            self.failure = f"unexpected error, please report it: {error!r}"
            self.get_logger().error(f"cannot {name}, please report it: {traceback.format_exc()}")
            return TransitionCallbackReturn.ERROR
        return TransitionCallbackReturn.SUCCESS

    def _open(self) -> None:
        try:
            self.open()
        except BaseException:
            self._release()
            raise
        self.parameters.fixed = True

    def _release(self) -> None:
        self.parameters.fixed = False
        while self._inputs:
            self._inputs.pop()()
        try:
            self.close()
        finally:
            while self._outputs:
                self.destroy_lifecycle_publisher(self._outputs.pop())
            gc.collect()  # what is held in cycles, such as a network with its threads, is free now and not some day

    def _stop_and_release(self) -> None:
        try:
            self.stop()
        finally:
            self._release()

    def _adjust(self) -> None:
        with self._transitions:
            if self.parameters.fixed:
                self.adjust()

    def _publish_diagnostics(self) -> None:
        values: dict[str, object] = {}
        level, message = DiagnosticStatus.OK, ""
        state = state_of(self)
        if self._transitions.acquire(blocking=False):  # else a transition is under way
            try:
                state = state_of(self)
                if state in ("active", "inactive"):
                    level, message, values = self.diagnose()
            finally:
                self._transitions.release()
        if self.failure:
            level, message = DiagnosticStatus.ERROR, self.failure
        status = DiagnosticStatus(
            level=level,
            name=f"{self.get_fully_qualified_name().lstrip('/')}: {state}",
            message=message or state,
            hardware_id="visual_byte",
            values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
        )
        array = DiagnosticArray(status=[status])
        array.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(array)


def _overridable(topic: Topic) -> QoSOverridingOptions:
    return QoSOverridingOptions.with_default_policies(entity_id=topic.variant or None)


@contextmanager
def _explained(topic: Topic) -> Iterator[None]:
    """What a QoS override that does not fit raises, in one line."""
    try:
        yield
    except (KeyError, RuntimeError, TypeError, ValueError, ParameterException) as error:
        raise ConfigurationError(f"topic {topic.name}: its QoS cannot be used; see qos_overrides: {error}") from error


class Ending:
    """Whether the process is to end.

    A signal handler may say so at any time: threading.Event would take a lock that the interrupted thread may hold.
    """

    def __init__(self) -> None:
        self.begun = False
        self._said: SimpleQueue[None] = SimpleQueue()  # its `put` is reentrant

    def begin(self, *_: object) -> None:
        """Let it end; takes what a signal handler is given."""
        self.begun = True
        self._said.put(None)

    def wait(self) -> None:
        """Return when somebody said `begin`."""
        self._said.get()


def run(node_types: Sequence[type[ManagedNode]], parameter_file: str = "") -> int:
    """Run nodes in this process until Ctrl-C, SIGTERM or a shutdown of ROS, and return the exit code.

    parameter_file: a file of this package to read before the arguments of the command line, which count more.

    Signals are handled here and not by rclpy, which would end communication at once: questions that wait are still
    answered, and what was remembered is still acknowledged.
    """
    share_arenas()
    cv2.setNumThreads(1)  # its threads spin after each picture, for longer than they save with one of a camera's size
    ending = Ending()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ending.begin)
    nodes: list[ManagedNode] = []
    try:
        profile = use_profile() if any(node_type.sends_whole_frames for node_type in node_types) else ""
        _initialise(parameter_file)
        executor = ThreadsExecutor(EXECUTOR_THREADS)
        for node_type in node_types:
            nodes.append(node_type())  # type: ignore[call-arg]  # a node itself knows its name and table
            executor.add_node(nodes[-1])
        if profile:
            nodes[0].get_logger().info(profile)
        for node in nodes:
            if not ending.begun:
                node.autostart()
        spinning = threading.Thread(target=_spin, args=(executor, nodes[0], ending), name="executor", daemon=True)
        spinning.start()
        ending.wait()
        for node in nodes:
            node.end()
        executor.shutdown(timeout_sec=1.0)
        spinning.join(timeout=1.0)
        for node in nodes:
            node.destroy_node()
    except VisualByteError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        rclpy.try_shutdown()
    return 0


def _initialise(parameter_file: str) -> None:
    """Raises ConfigurationError if ROS cannot read the arguments."""
    provide_log_folder()
    defaults = ["--ros-args", "--params-file", str(share_path(parameter_file)), "--"] if parameter_file else []
    try:
        rclpy.init(args=[*defaults, *sys.argv], signal_handler_options=SignalHandlerOptions.NO)
    except UnknownROSArgsError as error:
        raise ConfigurationError(f"--ros-args: unknown arguments {error}; see docs/nodes.md") from error
    except RCLError as error:
        raise ConfigurationError(f"--ros-args: {str(error).partition(', at /')[0]}") from error


def _spin(executor: ThreadsExecutor, node: ManagedNode, ending: Ending) -> None:
    """Execute callbacks until ROS shuts down; an exception in one of them must not end the others."""
    while executor.context.ok() and not ending.begun:
        try:
            executor.spin_once()
        except ExternalShutdownException:
            break
        except Exception:
            if ending.begun:  # a callback met a node that is being closed
                break
            node.get_logger().error(f"unexpected error in a callback, please report it: {traceback.format_exc()}")
    ending.begin()
