# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The services of embedding_node: each hands its request to the engine and waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, TypeVar

import numpy as np
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from sensor_msgs.msg import Image

from visual_byte.msg import ErrorCode, Query
from visual_byte.srv import Count, Find, Forget, List, Remember, Teach
from visual_byte_core.engine.engine import Engine
from visual_byte_core.engine.worker import Refused
from visual_byte_core.errors import VisualByteError
from visual_byte_core.memory.observation import Observation
from visual_byte_core.messages.queries import read_query
from visual_byte_ros.answer_messages import answered, match_message, rejected
from visual_byte_ros.image_messages import to_rgb
from visual_byte_ros.interfaces import Service
from visual_byte_ros.lifecycle import ManagedNode
from visual_byte_ros.requests import filter_of, query_of
from visual_byte_ros.responses import NOT_ACTIVE, SERVICE_S, fail, fail_with

PAGE = 100
MAX_FINDS = 4  # requests of ~/find that may wait at a time; each holds a thread of the executor
FIND = Service("~/find", Find, "Ask by a text or an image, with a filter, and wait for the answer.")
REMEMBER = Service("~/remember", Remember, "Remember an image or the newest frame, under a label or none.")
LIST = Service("~/list", List, "The memories that pass a filter, by pages.")
COUNT = Service("~/count", Count, "How many memories pass a filter.")
FORGET = Service("~/forget", Forget, "Delete memories by id, filter, or all.")
TEACH = Service("~/teach", Teach, "Give the last frames a name, and the name the words that were asked or typed.")
SERVICES = (FIND, REMEMBER, LIST, COUNT, FORGET, TEACH)

T = TypeVar("T", bound=Any)
Read = Callable[[Image], "tuple[np.ndarray, Observation]"]
"""Reads an image message; raises InvalidImage."""


class EngineServices:
    """What the services of SERVICES do.

    A group of callbacks for `~/find`, for `~/remember` and for the rest, so that one that waits holds up no other.
    """

    def __init__(self, node: ManagedNode, engine: Engine, read: Read) -> None:
        self._node, self._engine, self._read = node, engine, read
        self._finds = threading.BoundedSemaphore(MAX_FINDS)
        # Requests that came together are late together, not one after the other.
        node.serve(FIND, self._find, ReentrantCallbackGroup())
        node.serve(REMEMBER, self._remember, MutuallyExclusiveCallbackGroup())
        group = MutuallyExclusiveCallbackGroup()
        for service, callback in (
            (LIST, self._list),
            (COUNT, self._count),
            (FORGET, self._forget),
            (TEACH, self._teach),
        ):
            node.serve(service, callback, group)

    @property
    def _map_id(self) -> str:
        return str(self._node.parameters["map_id"])

    def _find(self, request: Find.Request, response: Find.Response) -> Find.Response:
        received = time.monotonic()
        query = Query(text=request.text, modality=request.modality)
        bundle = self._engine.bundle.id
        if not self._node.active:
            response.matches = rejected(query, NOT_ACTIVE)
            return fail(response, ErrorCode.INACTIVE, NOT_ACTIVE)
        waits = self._finds.acquire(blocking=False)
        try:
            if not waits:
                raise Refused(f"{MAX_FINDS} requests of ~/find are being answered; ask less often, or on the topic")
            query = query_of(request, self._engine.bundle.renderer)
            asked = request.text or read_query(query, to_rgb)
            query.header.stamp = self._node.get_clock().now().to_msg()
            k = request.k or self._node.parameters["k"]
            answer = self._engine.ask(asked, k=k, where=filter_of(request), received=received).result()
        except VisualByteError as error:
            response.matches = rejected(query, str(error), time.monotonic() - received, bundle)
            return fail_with(response, error)
        finally:
            if waits:
                self._finds.release()
        response.success = True
        response.matches = answered(query, answer, time.monotonic() - received, bundle, self._map_id)
        response.message = response.matches.reason
        return response

    def _remember(self, request: Remember.Request, response: Remember.Response) -> Remember.Response:
        def begin() -> Future:
            if request.newest_frame:
                return self._engine.remember(label=request.label)
            return self._engine.remember(*self._read(request.image), label=request.label)

        def fill(remembered: Any) -> None:
            response.id = remembered.id

        return self._do(begin, fill, response)

    def _list(self, request: List.Request, response: List.Response) -> List.Response:
        def fill(page: Any) -> None:
            found, response.next_page = page
            response.memories = [match_message(match, 0.0, self._map_id) for match in found]

        return self._do(
            lambda: self._engine.page(filter_of(request), request.size or PAGE, request.page), fill, response
        )

    def _count(self, request: Count.Request, response: Count.Response) -> Count.Response:
        def fill(count: int) -> None:
            response.count = count

        return self._do(lambda: self._engine.count(filter_of(request)), fill, response)

    def _forget(self, request: Forget.Request, response: Forget.Response) -> Forget.Response:
        def fill(count: int) -> None:
            response.count = count

        return self._do(
            lambda: self._engine.forget(request.ids, filter_of(request), everything=request.all), fill, response
        )

    def _teach(self, request: Teach.Request, response: Teach.Response) -> Teach.Response:
        def fill(ids: list[str]) -> None:
            response.ids = ids

        return self._do(
            lambda: self._engine.teach(request.name, question_id=request.query_id, frames=request.frames),
            fill,
            response,
        )

    def _do(self, begin: Callable[[], Future], fill: Callable[[Any], None], response: T) -> T:
        """Let the engine do it, and fill the response with what comes of it."""
        if not self._node.active:
            return fail(response, ErrorCode.INACTIVE, NOT_ACTIVE)
        try:
            fill(begin().result(SERVICE_S))
        except (VisualByteError, FutureTimeoutError) as error:
            return fail_with(response, error)
        response.success = True
        return response
