# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""How a process trains fast on a CPU."""

from __future__ import annotations

import ctypes
import sys

import torch

# mallopt's parameters, from glibc's malloc.h
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4


def prepare_processor(threads: int) -> None:
    """Set torch's threads (0: as many as it takes) and keep freed memory for the next step.

    By default glibc gives every large tensor fresh pages and hands them back when it is freed; the kernel then clears
    them again for each tensor of each step, which costs up to a third of the time. Numbers too small for a normalized
    float, as the gradients of early steps are, become 0: they would take a hundred times as long.
    """
    if threads:
        torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    if sys.platform == "linux":
        try:
            mallopt = ctypes.CDLL("libc.so.6").mallopt
        except (OSError, AttributeError):  # another C library: slower, and otherwise the same
            return
        for parameter, value in ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, 1 << 30), (_TOP_PAD, 1 << 28)):
            mallopt(parameter, value)
