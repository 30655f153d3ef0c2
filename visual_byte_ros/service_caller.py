# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Calling a service of another node from a thread that must end when it is told to."""

from __future__ import annotations

import threading
import time
from typing import Any, Generic, TypeVar

from rclpy.node import Node

Response = TypeVar("Response", bound=Any)


class Unanswered(Exception):
    """The service does not answer, or refuses; says why."""


class ServiceCaller(Generic[Response]):
    """kind: of the service, whose response has `success` and `message`. within_s: seconds to wait for a response.

    stopping: ends the waiting.
    """

    def __init__(self, node: Node, kind: type, name: str, within_s: float, stopping: threading.Event) -> None:
        self._node, self._kind = node, kind
        self._within_s, self._stopping = within_s, stopping
        self._client = node.create_client(kind, name)

    def call(self, **fields: Any) -> Response:
        """The response to a request of these fields. Raises Unanswered."""
        client = self._client
        if not client.service_is_ready():
            node = client.srv_name.split("/")[-2]
            raise Unanswered(f"{client.srv_name} is not there; start {node} in this namespace")
        answered = threading.Event()
        request = self._kind.Request(**fields)  # type: ignore[attr-defined]  # every service type has one
        future = client.call_async(request)
        future.add_done_callback(lambda _: answered.set())
        end = time.monotonic() + self._within_s
        while not answered.wait(0.05):
            if self._stopping.is_set() or time.monotonic() > end:
                client.remove_pending_request(future)
                raise Unanswered(f"{client.srv_name} does not answer within {self._within_s:g} s")
        response: Any = future.result()
        if not response.success:
            raise Unanswered(response.message)
        return response  # type: ignore[no-any-return]

    def close(self) -> None:
        """Let go of the client."""
        self._node.destroy_client(self._client)
