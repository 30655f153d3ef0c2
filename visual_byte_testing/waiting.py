# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Waiting for what another thread does."""

from __future__ import annotations

import threading
from collections.abc import Callable

PATIENCE = 20.0  # seconds; what does not happen by then does not happen


def wait_until(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(round(PATIENCE / 0.01)):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("never came true")
