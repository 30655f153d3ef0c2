# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The demo's own ROS node: it asks, and keeps what the others publish."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from std_msgs.msg import String

from visual_byte.msg import Matches, Query, Remembered, Source
from visual_byte_core.errors import VisualByteError
from visual_byte_core.messages.stamps import seconds_of

DEEP = QoSProfile(depth=1000)
ANSWER_S, ATTEMPTS = 2.0, 15


@dataclass(frozen=True)
class DemoAnswer:
    """One query and its answer; image: as rendered, uint8 RGB; seconds: from asking to the answer's arrival."""

    matches: Matches
    image: np.ndarray
    seconds: float

    @property
    def found(self) -> bool:
        return self.matches.status == Matches.FOUND


class Graph:
    """Subscribes to everything while it is open (`with Graph() as graph`)."""

    def __enter__(self) -> Graph:
        rclpy.init()
        self.node = rclpy.create_node("demo")
        self.changed = threading.Condition()
        self.sources: dict[tuple[int, int], str] = {}  # stamp of a frame -> its file
        self.acknowledged: dict[str, str] = {}  # file -> id of its memory
        self.classes: dict[str, str] = {}  # id of a memory -> class of its first photo
        self.waiting: dict[tuple[int, int], Remembered] = {}  # acknowledged before its source was known
        self.queries: dict[str, tuple[Query, float]] = {}
        self.answers: dict[str, tuple[Matches, float]] = {}
        self.typed: dict[str, str] = {}  # words -> id of their query, once it is answered
        self.heard: dict[str, DemoAnswer] = {}  # sound file's stem -> answer
        self.memories, self.bundle = 0, ""
        self.trouble = ""  # what a node that cannot work says of itself
        self.frame_latency: dict[str, float] = {}
        self.text = self.node.create_publisher(String, "text", DEEP)
        for kind, topic, callback in (
            (Source, "camera_node/source", self._on_source),
            (Remembered, "embedding_node/remembered", self._on_remembered),
            (Query, "query", self._on_query),
            (Matches, "matches", self._on_matches),
            (DiagnosticArray, "/diagnostics", self._on_diagnostics),
        ):
            self.node.create_subscription(kind, topic, callback, DEEP)
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.thread = threading.Thread(target=self.executor.spin)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.executor.shutdown()
        self.thread.join()
        self.node.destroy_node()
        rclpy.shutdown()

    def class_of(self, memory: str) -> str:
        return self.classes[memory]

    def wait(self, seconds: float) -> None:
        """Until something arrived, or the time is over. Raises VisualByteError when a node reports an error."""
        if self.trouble:
            raise VisualByteError(self.trouble)
        with self.changed:
            self.changed.wait(seconds)

    def type_and_wait(self, words: str, check: Callable[[], None]) -> DemoAnswer:
        """Publish words on `text` until they are answered: the nodes may still be finding each other."""
        for _ in range(ATTEMPTS):
            started = time.time()
            self.text.publish(String(data=words))
            while time.time() < started + ANSWER_S:
                check()
                if words in self.typed:
                    key = self.typed[words]
                    return self._asked(key, self.answers[key][1] - started)
                self.wait(0.05)
        raise VisualByteError(f"{words!r} typed {ATTEMPTS} times and not answered; see the log folder")

    def _asked(self, key: str, seconds: float) -> DemoAnswer:
        image = self.queries[key][0].image
        pixels = np.frombuffer(image.data, np.uint8).reshape(image.height, image.width, 3)
        return DemoAnswer(self.answers[key][0], pixels, seconds)

    def _on_source(self, message: Source) -> None:
        stamp = _stamp(message)
        self.sources[stamp] = message.name
        if stamp in self.waiting:
            self._acknowledge(self.waiting.pop(stamp), message.name)

    def _on_remembered(self, message: Remembered) -> None:
        stamp = _stamp(message)
        if stamp in self.sources:
            self._acknowledge(message, self.sources[stamp])
        else:
            self.waiting[stamp] = message

    def _acknowledge(self, message: Remembered, name: str) -> None:
        self.memories, self.bundle = message.memories, message.bundle
        self.classes.setdefault(message.id, PurePosixPath(name).parts[0])
        self.acknowledged[name] = message.id
        self._notify()

    def _on_query(self, message: Query) -> None:
        self.queries[message.id] = (message, time.time())
        self._pair(message.id)

    def _on_matches(self, message: Matches) -> None:
        self.answers[message.id] = (message, time.time())
        self._pair(message.id)

    def _pair(self, key: str) -> None:
        if key not in self.queries or key not in self.answers:
            return
        answer, arrived = self.answers[key]
        if answer.status == Matches.REJECTED:
            return
        if answer.modality == Query.AUDIO:
            self.heard.setdefault(answer.text, self._asked(key, arrived - seconds_of(answer.header.stamp)))
        else:
            self.typed.setdefault(answer.text, key)
        self._notify()

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            # The last photo leaves camera_node without a frame for a moment; no other error passes by itself.
            if status.level == DiagnosticStatus.ERROR and "camera" not in status.name:
                self.trouble = f"{status.name}: {status.message}"
        values = {value.key: value.value for status in message.status for value in status.values}
        for p in ("p50", "p95"):
            if f"frame latency {p} ms" in values:
                self.frame_latency[p] = float(values[f"frame latency {p} ms"])

    def _notify(self) -> None:
        with self.changed:
            self.changed.notify_all()


def _stamp(message: Source | Remembered) -> tuple[int, int]:
    return message.header.stamp.sec, message.header.stamp.nanosec
