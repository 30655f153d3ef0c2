# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Remembers what the camera sees and answers queries."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import replace
from functools import partial

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.callback_groups import CallbackGroup, MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.event_handler import (
    QoSMessageLostInfo,
    QoSRequestedIncompatibleQoSInfo,
    SubscriptionEventCallbacks,
    UnsupportedEventTypeError,
)
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from visual_byte.msg import ErrorCode, Query, Remembered
from visual_byte.srv import Find, Remember
from visual_byte_core.bundle.bundle import Bundle, load_bundle
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.embedding.regions import RegionSettings
from visual_byte_core.engine.finder import Finder
from visual_byte_core.engine.observed_frame import ObservedFrame
from visual_byte_core.engine.questions import Question
from visual_byte_core.engine.report import _disk, _percentiles
from visual_byte_core.engine.stamp_order import OneByOne
from visual_byte_core.engine.teaching import MAX_FRAMES
from visual_byte_core.engine.worker import Refused, Worker
from visual_byte_core.errors import InvalidImage, VisualByteError
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.merging import MergeSettings
from visual_byte_core.memory.observation import Observation
from visual_byte_core.memory.pose_track import PoseLimits
from visual_byte_core.messages.stamps import LiveStamps, seconds_of
from visual_byte_ros.answer_messages import answered, rejected
from visual_byte_ros.debug_image import DebugImages
from visual_byte_ros.embedding_interfaces import (
    COMPRESSED,
    COMPRESSED_IN_ORDER,
    DEBUG_IMAGE,
    FIND,
    IMAGE,
    IMAGE_IN_ORDER,
    INTERFACES,
    MATCHES,
    QUERY,
    QUERY_IN_ORDER,
    REMEMBER,
    REMEMBERED,
)
from visual_byte_ros.embedding_parameters import PARAMETERS
from visual_byte_ros.embedding_services import MemoryServices
from visual_byte_ros.image_messages import frame_to_rgb
from visual_byte_ros.interfaces import Topic
from visual_byte_ros.lifecycle import ManagedNode, run
from visual_byte_ros.paths import bundle_path, memory_path
from visual_byte_ros.pose_input import PoseInput
from visual_byte_ros.requests import filter_of, query_of, question_of
from visual_byte_ros.responses import NOT_ACTIVE, SERVICE_S, fail, fail_with

__all__ = ["INTERFACES", "PARAMETERS", "EmbeddingNode", "main"]
MAX_FINDS = 4  # requests of ~/find that may wait at a time; each holds a thread of the executor
MAX_IN_ORDER = 30  # frames of a recording that wait in this process; more wait in DDS
SILENT_S = 3.0  # without a frame


class EmbeddingNode(ManagedNode):
    """Topics `image`, `query`, `pose` in, `matches`, `~/remembered`, `~/debug_image` out; services `~/find`,
    `~/remember`, and those of MemoryServices.

    Callbacks check and enqueue; a worker owns the network and the memory.
    Codes of the services: see responses.py.
    """

    def __init__(self, **options: object) -> None:
        super().__init__("embedding_node", PARAMETERS, **options)
        self._bundle: Bundle | None = None
        self._memory: Memory | None = None
        self._finder: Finder | None = None
        self._worker: Worker | None = None
        self._newest: deque[ObservedFrame] = deque(maxlen=MAX_FRAMES)
        self._poses: PoseInput | None = None
        self._memory_services: MemoryServices | None = None
        self._debug: DebugImages | None = None
        self._in_order: OneByOne | None = None
        self._malformed = self._malformed_before = 0
        self._lost: int | None = 0
        self._trouble = ""
        self._heard = 0.0
        self._embedder: Embedder | None = None
        self._stamps = LiveStamps(self.get_logger().warning)
        self._finds = threading.BoundedSemaphore(MAX_FINDS)

    def open(self) -> None:
        self._bundle = load_bundle(bundle_path(self.parameters["bundle"]))
        self._embedder = Embedder(
            self._bundle,
            threads=self.parameters["threads"],
            provider=self.parameters["provider"],
            log=self.get_logger(),
        )
        self._memory = Memory(
            memory_path(self.parameters["memory_folder"], self.get_namespace()),
            self._bundle.id,
            dimension=self._bundle.dimension,
            merge=self._merge_settings(),
        )
        self._finder = Finder(
            self._memory, self._bundle.calibration, false_accept_rate=self.parameters["false_accept_rate"]
        )
        self._worker = Worker(
            self._embedder,
            self._memory,
            self._finder,
            self.get_logger(),
            max_waiting=self.parameters["max_waiting"],
            answer_within_s=self._answer_within_s(),
            acknowledge_within_s=self.parameters["acknowledge_within_s"],
            regions=self._region_settings(),
            skip_unchanged=self.parameters["skip_unchanged"],
        )
        self._matches, self._remembered = self.publish_on(MATCHES), self.publish_on(REMEMBERED)
        self._debug = DebugImages(
            self.publish_on(DEBUG_IMAGE), self._embedder, self._memory, self._worker, self.get_logger()
        )
        kind, topic = self.parameters["pose_type"], self.parameters["pose_topic"]
        self._poses = PoseInput(self, kind, topic, self._pose_limits(), self.parameters["map_id"], self._in_turn)
        self._memory_services = MemoryServices(
            self, self._embedder, self._memory, self._worker, self._newest, lambda: self.parameters["map_id"]
        )
        self._listen()
        self.get_logger().info(f"bundle {self._bundle.id}, {self._worker.memories} memories")

    def adjust(self) -> None:
        self._memory.merge = self._merge_settings()
        self._finder.false_accept_rate = self.parameters["false_accept_rate"]
        self._worker.max_waiting = self.parameters["max_waiting"]
        self._worker.answer_within_s = self._answer_within_s()
        self._worker.acknowledge_within_s = self.parameters["acknowledge_within_s"]
        self._worker.frames.regions = self._region_settings()
        self._worker.frames.skip_unchanged = self.parameters["skip_unchanged"]
        self._poses.limit(self._pose_limits())

    def _answer_within_s(self) -> float | None:
        return None if self.parameters["lossless"] else self.parameters["answer_timeout_s"]

    def _merge_settings(self) -> MergeSettings:
        return MergeSettings(
            within_s=self.parameters["merge_within_s"],
            embedding_cosine=self.parameters["merge_embedding_cosine"],
            thumbnail_difference=self.parameters["merge_thumbnail_difference"],
            enabled=self.parameters["merge"],
            same_place_metres=self.parameters["same_place_metres"],
            moved_within_s=self.parameters["moved_within_s"],
        )

    def _region_settings(self) -> RegionSettings | None:
        if not self.parameters["regions"]:
            return None
        return RegionSettings(max_count=self.parameters["max_regions"], size=self.parameters["region_size"])

    def _pose_limits(self) -> PoseLimits:
        return PoseLimits(
            frame_id=self.parameters["pose_frame"],
            max_age_s=self.parameters["max_pose_age_s"],
            max_position_deviation=self.parameters["max_position_deviation"],
            max_angle_deviation=self.parameters["max_angle_deviation"],
        )

    def _in_turn(self, stamp: float, do: Callable[[], None]) -> None:
        in_order = self._in_order
        if in_order:
            in_order.put_note(stamp or self._now(), do)
        else:
            do()

    def _listen(self) -> None:
        """A group for each, so that a service that waits for the worker holds up nothing else."""
        group = MutuallyExclusiveCallbackGroup
        raw = self.parameters["image_transport"] == "raw"
        if self.parameters["lossless"]:
            images, queries = IMAGE_IN_ORDER if raw else COMPRESSED_IN_ORDER, QUERY_IN_ORDER
        else:
            images, queries = IMAGE if raw else COMPRESSED, QUERY
        self._subscribe_to_frames(images, group())
        self.subscribe_to(queries, self._ask, callback_group=group())
        # Requests that came together are late together, not one after the other.
        self.serve(FIND, self._find, ReentrantCallbackGroup())
        self.serve(REMEMBER, self._remember, group())

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

    def start(self) -> None:
        self._heard = time.monotonic()
        if self.parameters["lossless"]:
            self._in_order = OneByOne(max_waiting=MAX_IN_ORDER)

    def stop(self) -> None:
        if self._in_order:
            self._in_order.close()
            self._in_order = None
        if self._worker:
            self._worker.settle()

    def close(self) -> None:
        if self._poses:
            self._poses.close()
        if self._worker:
            self._worker.close()
        elif self._memory:
            self._memory.close()
        self._newest.clear()
        self._worker = self._finder = self._memory = self._memory_services = self._poses = self._debug = None
        self._embedder = None

    def diagnose(self) -> tuple[bytes, str, dict[str, object]]:
        report = self._worker.report()
        values = {
            "bundle": self._bundle.id,
            "network": f"{self._bundle.backbone}, {'INT8' if self._bundle.quantization else 'float32'}",
            "provider": self._embedder.provider,
            "memories": report.memories,
            **_disk(self._memory),
            "waiting queries": report.waiting,
            "answered queries": report.answered,
            "refused queries": report.refused,
            "late queries": report.late,
            "remembered frames": report.remembered,
            "dropped frames": report.dropped,
            "unchanged frames": report.unchanged,
            "frames lost on the way": "unknown" if self._lost is None else self._lost,
            "frames and queries in order": self._in_order.waiting if self._in_order else 0,
            "malformed frames": self._malformed,
            "failed jobs": report.failed,
            **self._poses.diagnose(),
            **_percentiles("query", report.question_s),
            **_percentiles("frame", report.frame_s),
        }
        malformed, self._malformed_before = self._malformed > self._malformed_before, self._malformed
        if self._trouble:
            trouble, self._trouble = self._trouble, ""
            return DiagnosticStatus.ERROR, trouble, values
        if malformed:
            return DiagnosticStatus.WARN, "malformed images arrive", values
        silent = time.monotonic() - self._heard
        if self.active and self.parameters["remember_frames"] and silent > SILENT_S:
            return (
                DiagnosticStatus.WARN,
                f"no frame for {silent:.0f} s; check the camera and the name of its topic",
                values,
            )
        return DiagnosticStatus.OK, "", values

    def _observed(self, message: Image | CompressedImage, topic: str = "") -> ObservedFrame:
        """A frame as observed; without a stamp, of a request or of a topic that has none, it was captured now. Raises
        InvalidImage."""
        stamp = seconds_of(message.header.stamp)
        captured_at = self._stamps.seconds(topic, stamp, self._now()) if topic else stamp or self._now()
        image, frame_id, map_id = frame_to_rgb(message), message.header.frame_id, self.parameters["map_id"]
        pose, pose_frame = self._poses.at(captured_at, frame_id, map_id), self.parameters["pose_frame"]
        observation = Observation(captured_at, frame_id, pose, map_id, pose_frame=pose_frame)
        return ObservedFrame(image, observation)

    def _placed(self, observed: ObservedFrame) -> ObservedFrame:
        """With the pose that is known now, which was not when it arrived."""
        observation = observed.observation
        return replace(
            observed,
            observation=replace(
                observation,
                pose=self._poses.at(observation.captured_at, observation.frame_id, observation.map_id),
                pose_frame=self.parameters["pose_frame"],
            ),
        )

    def _now(self) -> float:
        """Seconds since 1970, or as /clock says with use_sim_time."""
        return self.get_clock().now().nanoseconds * 1e-9

    def _see(self, message: Image | CompressedImage) -> None:
        worker = self._worker
        if not worker or not self.active:
            return
        self._heard = time.monotonic()
        try:
            observed = self._observed(message, "image")
        except InvalidImage as error:
            self._malformed += 1
            self.get_logger().warning(f"frame ignored: {error}", throttle_duration_sec=5.0)
            return
        self._newest.append(observed)
        if not self.parameters["remember_frames"]:
            return
        in_order = self._in_order
        if in_order:
            in_order.put(
                observed.observation.captured_at,
                lambda: self._told(worker.remember(self._placed(observed)), self._acknowledge, message.header),
            )
        else:
            self._told(worker.see(observed), self._acknowledge, message.header)

    def _told(self, future: Future, tell: Callable[..., None], *what: object) -> Future:
        future.add_done_callback(partial(tell, *what))
        return future

    def _acknowledge(self, header: Header, remembered: Future) -> None:
        """In the worker's thread, when a frame is on disk, or will never be."""
        if remembered.cancelled():
            return
        if error := remembered.exception():
            self._trouble = str(error)
            self.get_logger().error(f"frame not remembered: {error}", throttle_duration_sec=5.0)
            return
        self._remembered.publish(
            Remembered(
                header=header,
                id=remembered.result().id,
                merged=remembered.result().merged,
                memories=self._worker.memories,
                bundle=self._bundle.id,
            )
        )

    def _ask(self, query: Query) -> None:
        received = time.monotonic()
        worker = self._worker
        if not worker or not self.active:
            return
        try:
            question = question_of(query, self._bundle, self.parameters["k"])
        except VisualByteError as error:
            self._reject(query, received, error)
            return
        in_order = self._in_order
        if in_order:
            in_order.put(
                self._stamps.seconds("query", seconds_of(query.header.stamp), self._now()),
                lambda: self._told(worker.ask(question), self._answer, query, question, received),
            )
        else:
            self._told(worker.ask(question, received), self._answer, query, question, received)

    def _answer(self, query: Query, question: Question, received: float, answer: Future) -> None:
        """In the worker's thread."""
        if error := answer.exception():
            self._reject(query, received, error)
            return
        seconds = time.monotonic() - received
        self._matches.publish(answered(query, answer.result(), seconds, self._bundle.id, self.parameters["map_id"]))
        self._debug.explain(query, question, answer.result(), self._now(), self.parameters["map_id"])

    def _reject(self, query: Query, received: float, error: BaseException) -> None:
        self.get_logger().warning(f"query {query.text[:80]!r} rejected: {error}")
        self._matches.publish(rejected(query, str(error), time.monotonic() - received, self._bundle.id))
        self._debug.explain_rejection(query, str(error), self._now())

    def _find(self, request: Find.Request, response: Find.Response) -> Find.Response:
        received = time.monotonic()
        worker = self._worker
        query = Query(text=request.text, modality=request.modality)
        if not worker or not self.active:
            response.matches = rejected(query, NOT_ACTIVE)
            return fail(response, ErrorCode.INACTIVE, NOT_ACTIVE)
        waits = self._finds.acquire(blocking=False)
        try:
            if not waits:
                raise Refused(f"{MAX_FINDS} requests of ~/find are being answered; ask less often, or on the topic")
            query = query_of(request, self._bundle)
            query.header.stamp = self.get_clock().now().to_msg()
            question = question_of(query, self._bundle, request.k or self.parameters["k"], filter_of(request))
            answer = worker.ask(question, received).result()
        except VisualByteError as error:
            response.matches = rejected(query, str(error), time.monotonic() - received, self._bundle.id)
            return fail_with(response, error)
        finally:
            if waits:
                self._finds.release()
        response.success = True
        response.matches = answered(
            query, answer, time.monotonic() - received, self._bundle.id, self.parameters["map_id"]
        )
        response.message = response.matches.reason
        return response

    def _remember(self, request: Remember.Request, response: Remember.Response) -> Remember.Response:
        worker = self._worker
        if not worker or not self.active:
            return fail(response, ErrorCode.INACTIVE, NOT_ACTIVE)
        if request.newest_frame and not self._newest:
            return fail(
                response, ErrorCode.NO_FRAME, "no frame has arrived on the topic image; check the camera and its name"
            )
        try:
            observed = self._newest[-1] if request.newest_frame else self._observed(request.image)
            response.id = worker.remember(observed.labelled(request.label)).result(SERVICE_S).id
        except (VisualByteError, FutureTimeoutError) as error:
            return fail_with(response, error)
        response.success = True
        return response


def main() -> None:
    sys.exit(run([EmbeddingNode]))


if __name__ == "__main__":
    main()
