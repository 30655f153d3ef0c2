# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Services that rclpy gives every node answer a malformed request, too: rclpy raises, and no response ever comes."""

from __future__ import annotations

from functools import partial
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.service import Service


def answer_always(node: Node) -> None:
    """Guard the services that the node has so far."""
    for service in node.services:
        service.callback = partial(_answer, node, service, service.callback)


def _answer(node: Node, service: Service, callback: Any, request: Any, response: Any) -> Any:
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
