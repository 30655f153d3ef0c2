# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Remembers what the camera sees and answers queries."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.callback_groups import CallbackGroup, MutuallyExclusiveCallbackGroup
from rclpy.event_handler import (
    QoSMessageLostInfo,
    QoSRequestedIncompatibleQoSInfo,
    SubscriptionEventCallbacks,
    UnsupportedEventTypeError,
)
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from visual_byte.msg import Query, Remembered
from visual_byte_core.engine.engine import Engine
from visual_byte_core.errors import InvalidImage, VisualByteError
from visual_byte_core.memory.observation import Observation
from visual_byte_core.messages.poses import Pose
from visual_byte_core.messages.queries import read_query
from visual_byte_core.messages.stamps import LiveStamps, seconds_of
from visual_byte_core.rendering.query import Example, RenderedQuery
from visual_byte_ros.answer_messages import answered, rejected
from visual_byte_ros.debug_image import DebugImages
from visual_byte_ros.embedding_interfaces import (
    COMPRESSED,
    COMPRESSED_IN_ORDER,
    DEBUG_IMAGE,
    IMAGE,
    IMAGE_IN_ORDER,
    INTERFACES,
    MATCHES,
    QUERY,
    QUERY_IN_ORDER,
    REMEMBERED,
)
from visual_byte_ros.embedding_parameters import PARAMETERS, engine_settings, pose_limits
from visual_byte_ros.embedding_services import EngineServices
from visual_byte_ros.image_messages import frame_to_rgb, to_rgb
from visual_byte_ros.interfaces import Topic
from visual_byte_ros.lifecycle import ManagedNode, run
from visual_byte_ros.paths import bundle_path, memory_path
from visual_byte_ros.pose_input import PoseInput

__all__ = ["INTERFACES", "PARAMETERS", "EmbeddingNode", "main"]
SILENT_S = 3.0  # without a frame


class EmbeddingNode(ManagedNode):
    """Remembers frames and answers queries.

    Topics `image`, `query`, `pose` in, `matches`, `~/remembered`, `~/debug_image` out; services: EngineServices.
    Callbacks read messages and hand what they hold to the engine, which does the rest in a thread of its own.
    """

    def __init__(self, **options: object) -> None:
        super().__init__("embedding_node", PARAMETERS, **options)
        self._engine: Engine | None = None
        self._poses: PoseInput | None = None
        self._requests: EngineServices | None = None
        self._debug: DebugImages | None = None
        self._malformed = self._malformed_before = 0
        self._lost: int | None = 0
        self._trouble = ""
        self._heard = 0.0
        self._stamps = LiveStamps(self.get_logger().warning)

    def open(self) -> None:
        self._engine = Engine(
            bundle_path(self.parameters["bundle"]),
            memory_path(self.parameters["memory_folder"], self.get_namespace()),
            engine_settings(self.parameters),
            pose_at=self._pose_at,
            log=self.get_logger(),
        )
        self._matches, self._remembered = self.publish_on(MATCHES), self.publish_on(REMEMBERED)
        self._debug = DebugImages(self.publish_on(DEBUG_IMAGE), self._engine, self.get_logger())
        kind, topic = self.parameters["pose_type"], self.parameters["pose_topic"]
        limits, map_id = pose_limits(self.parameters), self.parameters["map_id"]
        self._poses = PoseInput(self, kind, topic, limits, map_id, self._in_turn)
        self._requests = EngineServices(self, self._engine, self._read)
        self._listen()
        self.get_logger().info(f"bundle {self._engine.bundle.id}, {self._engine.memories} memories")

    def adjust(self) -> None:
        self._engine.update(engine_settings(self.parameters))
        self._poses.limit(pose_limits(self.parameters))

    def start(self) -> None:
        self._heard = time.monotonic()

    def stop(self) -> None:
        if self._engine:
            self._engine.settle()

    def close(self) -> None:
        if self._poses:
            self._poses.close()
        if self._engine:
            self._engine.close()
        self._engine = self._poses = self._requests = self._debug = None

    def diagnose(self) -> tuple[bytes, str, dict[str, object]]:
        values = {
            **self._engine.report().values(),
            "frames lost on the way": "unknown" if self._lost is None else self._lost,
            "malformed frames": self._malformed,
            **self._poses.diagnose(),
        }
        malformed, self._malformed_before = self._malformed > self._malformed_before, self._malformed
        if self._trouble:
            trouble, self._trouble = self._trouble, ""
            return DiagnosticStatus.ERROR, trouble, values
        if malformed:
            return DiagnosticStatus.WARN, "malformed images arrive", values
        silent = time.monotonic() - self._heard
        if self.active and self.parameters["remember_frames"] and silent > SILENT_S:
            message = f"no frame for {silent:.0f} s; check the camera and the name of its topic"
            return DiagnosticStatus.WARN, message, values
        return DiagnosticStatus.OK, "", values

    def _listen(self) -> None:
        """A group for each, so that a callback that waits holds up nothing else."""
        group = MutuallyExclusiveCallbackGroup
        raw = self.parameters["image_transport"] == "raw"
        if self.parameters["lossless"]:
            images, queries = IMAGE_IN_ORDER if raw else COMPRESSED_IN_ORDER, QUERY_IN_ORDER
        else:
            images, queries = IMAGE if raw else COMPRESSED, QUERY
        self._subscribe_to_frames(images, group())
        self.subscribe_to(queries, self._ask, callback_group=group())

    def _subscribe_to_frames(self, topic: Topic, group: CallbackGroup) -> None:
        """With a count of what DDS says it lost; None where it does not say."""
        events = SubscriptionEventCallbacks(message_lost=self._count_lost, incompatible_qos=self._explain_silence)
        try:
            self.subscribe_to(topic, self._see, callback_group=group, event_callbacks=events)
        except UnsupportedEventTypeError:
            self._lost = None
            self.subscribe_to(topic, self._see, callback_group=group)

    def _count_lost(self, lost: QoSMessageLostInfo) -> None:
        self._lost = lost.total_count

    def _explain_silence(self, _: QoSRequestedIncompatibleQoSInfo) -> None:
        self._trouble = (
            "a publisher of `image` is not reliable, so nothing of it is heard with lossless: true; play with"
            " --qos-profile-overrides-path, or record with reliable publishers"
        )
        self.get_logger().error(self._trouble)

    def _now(self) -> float:
        """Seconds since 1970, or as /clock says with use_sim_time."""
        return self.get_clock().now().nanoseconds * 1e-9

    def _in_turn(self, stamp: float, do: Callable[[], None]) -> None:
        engine = self._engine
        if engine:
            engine.in_turn(stamp or self._now(), do)

    def _pose_at(self, observation: Observation) -> Pose | None:
        return self._poses.at(observation.captured_at, observation.frame_id, observation.map_id)

    def _read(self, message: Image | CompressedImage, topic: str = "") -> tuple[np.ndarray, Observation]:
        """A frame and what is known of it.

        Without a stamp, of a request or of a topic that has none, it was captured now.

        Raises:
            InvalidImage: the message holds no image that can be read.
        """
        header, stamp = message.header, seconds_of(message.header.stamp)
        captured_at = self._stamps.seconds(topic, stamp, self._now()) if topic else stamp or self._now()
        map_id, pose_frame = self.parameters["map_id"], self.parameters["pose_frame"]
        observation = Observation(captured_at, header.frame_id, map_id=map_id, pose_frame=pose_frame)
        return frame_to_rgb(message), observation

    def _see(self, message: Image | CompressedImage) -> None:
        engine = self._engine
        if not engine or not self.active:
            return
        self._heard = time.monotonic()
        try:
            image, observation = self._read(message, "image")
        except InvalidImage as error:
            self._malformed += 1
            self.get_logger().warning(f"frame ignored: {error}", throttle_duration_sec=5.0)
            return
        engine.see(image, observation).add_done_callback(partial(self._acknowledge, engine, message.header))

    def _acknowledge(self, engine: Engine, header: Header, remembered: Future) -> None:
        """In the engine's thread, when a frame is on disk, or will never be."""
        if remembered.cancelled():
            return
        if error := remembered.exception():
            self._trouble = str(error)
            self.get_logger().error(f"frame not remembered: {error}", throttle_duration_sec=5.0)
            return
        found = remembered.result()
        self._remembered.publish(
            Remembered(
                header=header, id=found.id, merged=found.merged, memories=engine.memories, bundle=engine.bundle.id
            )
        )

    def _ask(self, query: Query) -> None:
        received = time.monotonic()
        engine = self._engine
        if not engine or not self.active:
            return
        asked: Example | RenderedQuery | None = None
        try:
            asked = read_query(query, to_rgb)
            rendered = engine.render(asked)
            stamp = self._stamps.seconds("query", seconds_of(query.header.stamp), self._now())
            answer = engine.ask(rendered, k=self.parameters["k"], id=query.id, stamp=stamp, received=received)
        except VisualByteError as error:
            self._reject(query, asked, received, error)
            return
        answer.add_done_callback(partial(self._answer, query, rendered, received))

    def _answer(self, query: Query, asked: RenderedQuery, received: float, answer: Future) -> None:
        """In the engine's thread."""
        if error := answer.exception():
            self._reject(query, asked, received, error)
            return
        found, seconds, map_id = answer.result(), time.monotonic() - received, self.parameters["map_id"]
        self._matches.publish(answered(query, found, seconds, self._engine.bundle.id, map_id))
        self._debug.explain(query, asked, found, self._now(), map_id)

    def _reject(
        self, query: Query, asked: Example | RenderedQuery | None, received: float, error: BaseException
    ) -> None:
        self.get_logger().warning(f"query {query.text[:80]!r} rejected: {error}")
        seconds = time.monotonic() - received
        self._matches.publish(rejected(query, str(error), seconds, self._engine.bundle.id))
        self._debug.explain_rejection(query, asked and asked.image, str(error), self._now())


def main() -> None:
    sys.exit(run([EmbeddingNode]))


if __name__ == "__main__":
    main()
