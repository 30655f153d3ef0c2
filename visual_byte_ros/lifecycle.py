# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What all nodes share: transitions that fail with a message, diagnostics, and a process that ends cleanly."""

from __future__ import annotations

import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Sequence

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.executors import ExternalShutdownException, MultiThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.signals import SignalHandlerOptions

from visual_byte_core.errors import VisualByteError
from visual_byte_ros.dds_profile import use_profile
from visual_byte_ros.parameters import Parameter, Parameters
from visual_byte_ros.share import share_path

# The services of embedding_node wait for its worker, one thread each; the rest is over in a millisecond.
EXECUTOR_THREADS = 12


class ManagedNode(LifecycleNode):
    """A lifecycle node that opens what it needs when configured, works while active, and tells /diagnostics how it is.

    A subclass implements `open`, `start`, `stop`, `close` and `diagnose`; each but the last may raise VisualByteError.
    """

    sends_whole_frames = False
    """Whether the process needs the DDS profile for them, which costs 17 MB of shared memory."""

    def __init__(self, name: str, table: Iterable[Parameter], **options: object) -> None:
        super().__init__(name, **options)
        self.parameters = Parameters(self, table)
        self.failure = ""
        """Why the last transition failed."""
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        # By the steady clock: a simulated one may stand still, and then most of all somebody wants to know.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._diagnostics_timer = self.create_timer(1.0, self._publish_diagnostics, clock=steady)

    def open(self) -> None:
        """Take hold of devices, models and files."""

    def start(self) -> None:
        """Begin to work."""

    def stop(self) -> None:
        """Stop working."""

    def close(self) -> None:
        """Let go of everything that `open` took, as far as it came."""

    def diagnose(self) -> tuple[bytes, str, dict[str, object]]:
        """Level, message and values while configured."""
        return DiagnosticStatus.OK, "", {}

    @property
    def active(self) -> bool:
        return self._state_machine.current_state[1] == "active"

    def autostart(self) -> None:
        """Configure and activate if the parameter `autostart` says so."""
        if not self.parameters["autostart"]:
            self.get_logger().info("autostart is false: waiting to be configured and activated")
        elif self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()
        if self.failure:
            name = self.get_fully_qualified_name()
            self.get_logger().error(f"waiting; when that is mended: ros2 lifecycle set {name} configure, then activate")

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._transition("configure", self._open, super().on_configure, state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        super().on_activate(state)  # publishers first: what `start` starts may publish at once
        done = self._transition("activate", self.start, lambda _: TransitionCallbackReturn.SUCCESS, state)
        if done != TransitionCallbackReturn.SUCCESS:
            super().on_deactivate(state)
        return done

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._transition("deactivate", self.stop, super().on_deactivate, state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._transition("clean up", self._close, super().on_cleanup, state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._transition("shut down", self._stop_and_close, super().on_shutdown, state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._transition("recover", self._stop_and_close, super().on_error, state)

    def _transition(
        self, name: str, act: Callable[[], None], then: Callable, state: LifecycleState
    ) -> TransitionCallbackReturn:
        """rclpy swallows exceptions of transitions: say what went wrong before it does."""
        self.failure = ""
        try:
            act()
        except VisualByteError as error:
            self.failure = str(error)
            self.get_logger().error(f"cannot {name}: {error}")
            return TransitionCallbackReturn.FAILURE
        except Exception as error:
            self.failure = repr(error)
            self.get_logger().error(f"cannot {name}, please report it: {traceback.format_exc()}")
            return TransitionCallbackReturn.ERROR
        return then(state)

    def _open(self) -> None:
        try:
            self.open()
        except BaseException:
            self.close()
            raise
        self.parameters.fixed = True

    def _close(self) -> None:
        self.close()
        self.parameters.fixed = False

    def _stop_and_close(self) -> None:
        self.stop()
        self._close()

    def _publish_diagnostics(self) -> None:
        state = self._state_machine.current_state[1]
        if state in ("active", "inactive"):
            level, message, values = self.diagnose()
        else:
            level, message, values = DiagnosticStatus.OK, "", {}
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


def run(node_types: Sequence[type[ManagedNode]], parameter_file: str = "") -> int:
    """Run nodes in this process until Ctrl-C, SIGTERM or a shutdown of ROS, and return the exit code.

    parameter_file: a file of this package to read before the arguments of the command line, which count more.

    Signals are handled here and not by rclpy, which would end communication at once: questions that wait are still
    answered, and what was remembered is still acknowledged.
    """
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    nodes: list[ManagedNode] = []
    try:
        profile = use_profile() if any(node_type.sends_whole_frames for node_type in node_types) else ""
        defaults = ["--ros-args", "--params-file", str(share_path(parameter_file)), "--"] if parameter_file else []
        rclpy.init(args=[*defaults, *sys.argv], signal_handler_options=SignalHandlerOptions.NO)
        executor = MultiThreadedExecutor(EXECUTOR_THREADS)
        for node_type in node_types:
            nodes.append(node_type())
            executor.add_node(nodes[-1])
        if profile:
            nodes[0].get_logger().info(profile)
        for node in nodes:
            node.autostart()
        spinning = threading.Thread(target=_spin, args=(executor, nodes[0], ended), name="executor", daemon=True)
        spinning.start()
        ended.wait()
        for node in nodes:
            node.stop()
            node.close()
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


def _spin(executor: MultiThreadedExecutor, node: ManagedNode, ended: threading.Event) -> None:
    """Execute callbacks until ROS shuts down; an exception in one of them must not end the others."""
    while executor.context.ok() and not ended.is_set():
        try:
            executor.spin_once()
        except ExternalShutdownException:
            break
        except Exception:
            if ended.is_set():  # a callback met a node that is being closed
                break
            node.get_logger().error(f"unexpected error in a callback, please report it: {traceback.format_exc()}")
    ended.set()
