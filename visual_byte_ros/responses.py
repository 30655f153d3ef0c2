# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Responses of services that failed: a code for programs (visual_byte/ErrorCode) and a sentence for people."""

from __future__ import annotations

from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, TypeVar

from visual_byte.msg import ErrorCode
from visual_byte_core.engine.teaching import NoFrame
from visual_byte_core.engine.worker import Late, Refused
from visual_byte_core.errors import (
    BundleError,
    ConfigurationError,
    InvalidImage,
    InvalidMemory,
    InvalidText,
    MemoryFolderError,
    NotFound,
)

SERVICE_S = 10.0
NOT_ACTIVE = "embedding_node is not active; activate it and ask again"
CODES = {
    NoFrame: ErrorCode.NO_FRAME,
    BundleError: ErrorCode.BUNDLE,
    ConfigurationError: ErrorCode.INVALID_REQUEST,
    InvalidImage: ErrorCode.INVALID_IMAGE,
    InvalidMemory: ErrorCode.INVALID_REQUEST,
    InvalidText: ErrorCode.INVALID_TEXT,
    MemoryFolderError: ErrorCode.MEMORY,
    NotFound: ErrorCode.NOT_FOUND,
    Late: ErrorCode.TIMEOUT,
    Refused: ErrorCode.BUSY,
}

T = TypeVar("T", bound=Any)


def fail_with(response: T, error: Exception) -> T:
    """Fill a response with the code and the message of an error; returns the response."""
    if isinstance(error, FutureTimeoutError):
        return fail(response, ErrorCode.TIMEOUT, f"no answer within {SERVICE_S:g} s; the machine is overloaded")
    code = next((code for kind, code in CODES.items() if isinstance(error, kind)), ErrorCode.FAILED)
    return fail(response, code, str(error))


def fail(response: T, code: str, message: str) -> T:
    """Fill a response with a code and a message that says what to do; returns the response."""
    response.success, response.code, response.message = False, code, message
    return response
