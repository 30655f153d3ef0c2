# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The services of embedding_node that look into the memory and change it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, TypeVar

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup

from visual_byte.msg import ErrorCode
from visual_byte.srv import Count, Forget, List, Teach
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.engine.forgetting import forget
from visual_byte_core.engine.observed_frame import ObservedFrame
from visual_byte_core.engine.teaching import MAX_FRAMES, NO_FRAME, teach
from visual_byte_core.engine.worker import Worker
from visual_byte_core.errors import ConfigurationError, VisualByteError
from visual_byte_core.memory.memory import Memory
from visual_byte_ros.answer_messages import match_message
from visual_byte_ros.interfaces import Service
from visual_byte_ros.lifecycle import ManagedNode
from visual_byte_ros.requests import filter_of
from visual_byte_ros.responses import NOT_ACTIVE, SERVICE_S, fail, fail_with

PAGE = 100
LIST = Service("~/list", List, "The memories that pass a filter, by pages.")
COUNT = Service("~/count", Count, "How many memories pass a filter.")
FORGET = Service("~/forget", Forget, "Delete memories by id, filter, or all.")
TEACH = Service("~/teach", Teach, "Give the last frames a name, and the name the words that were asked or typed.")
SERVICES = (LIST, COUNT, FORGET, TEACH)

T = TypeVar("T", bound=Any)


class MemoryServices:
    """`~/list`, `~/count`, `~/forget`, `~/teach`. What they ask for is done in the worker's thread.

    newest: the last frames, newest last. map_id: gives the map that the robot is in.
    """

    def __init__(
        self,
        node: ManagedNode,
        embedder: Embedder,
        memory: Memory,
        worker: Worker,
        newest: deque[ObservedFrame],
        map_id: Callable[[], str],
    ) -> None:
        self._node, self._embedder, self._memory = node, embedder, memory
        self._worker, self._newest, self._map_id = worker, newest, map_id
        group = MutuallyExclusiveCallbackGroup()
        for service, callback in (
            (LIST, self._list),
            (COUNT, self._count),
            (FORGET, self._forget),
            (TEACH, self._teach),
        ):
            node.serve(service, callback, group)

    def _list(self, request: List.Request, response: List.Response) -> List.Response:
        def fill() -> None:
            found, response.next_page = self._memory.page(filter_of(request), request.size or PAGE, request.page)
            response.memories = [match_message(match, 0.0, self._map_id()) for match in found]

        return self._do(fill, response)

    def _count(self, request: Count.Request, response: Count.Response) -> Count.Response:
        def fill() -> None:
            response.count = self._memory.count(filter_of(request))

        return self._do(fill, response)

    def _forget(self, request: Forget.Request, response: Forget.Response) -> Forget.Response:
        def fill() -> None:
            response.count = forget(self._memory, request.ids, filter_of(request), everything=request.all)

        return self._do(fill, response)

    def _teach(self, request: Teach.Request, response: Teach.Response) -> Teach.Response:
        frames = list(self._newest)[-(request.frames or 1) :]
        if not frames:
            return fail(response, ErrorCode.NO_FRAME, NO_FRAME)

        def fill() -> None:
            if request.frames > MAX_FRAMES:
                raise ConfigurationError(f"teach: frames is {request.frames}; expected 1 to {MAX_FRAMES}")
            asked = self._worker.asked[request.query_id] if request.query_id else None
            response.ids = teach(self._embedder, self._memory, request.name.strip(), asked, frames)

        return self._do(fill, response)

    def _do(self, fill: Callable[[], None], response: T) -> T:
        """Fill the response in the worker's thread."""
        if not self._node.active:
            return fail(response, ErrorCode.INACTIVE, NOT_ACTIVE)
        try:
            self._worker.do(fill).result(SERVICE_S)
        except (VisualByteError, FutureTimeoutError) as error:
            return fail_with(response, error)
        response.success = True
        return response
