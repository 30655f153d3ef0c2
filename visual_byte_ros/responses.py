# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Responses of services that failed: a code for programs and a sentence for people.

Codes: BUNDLE, BUSY, FAILED, INACTIVE, INVALID_IMAGE, INVALID_REQUEST, INVALID_TEXT, MEMORY, NO_FRAME, NOT_FOUND,
TIMEOUT.
"""

from __future__ import annotations

from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, TypeVar

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
    BundleError: "BUNDLE",
    ConfigurationError: "INVALID_REQUEST",
    InvalidImage: "INVALID_IMAGE",
    InvalidMemory: "INVALID_REQUEST",
    InvalidText: "INVALID_TEXT",
    MemoryFolderError: "MEMORY",
    NotFound: "NOT_FOUND",
    Late: "TIMEOUT",
    Refused: "BUSY",
}

T = TypeVar("T", bound=Any)


def fail_with(response: T, error: Exception) -> T:
    if isinstance(error, FutureTimeoutError):
        return fail(response, "TIMEOUT", f"no answer within {SERVICE_S:g} s; the machine is overloaded")
    code = next((code for kind, code in CODES.items() if isinstance(error, kind)), "FAILED")
    return fail(response, code, str(error))


def fail(response: T, code: str, message: str) -> T:
    response.success, response.code, response.message = False, code, message
    return response
