# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""How a process trains fast on a CPU."""

from __future__ import annotations

import torch

from visual_byte_core.allocator import keep_freed_memory


def prepare_processor(threads: int) -> None:
    """Set torch's threads (0: as many as it takes) and keep freed memory for the next step.

    Numbers too small for a normalized float, as the gradients of early steps are, become 0: they would take a hundred
    times as long.
    """
    if threads:
        torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    keep_freed_memory()
