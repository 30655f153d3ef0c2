# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Where a network is trained, and in which precision."""

from __future__ import annotations

import torch

from visual_byte_core.errors import ConfigurationError


def choose_device(name: str) -> torch.device:
    """The device of `auto`, `cpu` or `cuda`.

    Raises:
        ConfigurationError: it is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigurationError("device: cuda is not available to this torch; use device=cpu or device=auto")
    return torch.device(name)


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """The type to compute in of `auto`, `float32`, `bfloat16` or `float16`. Raises ConfigurationError."""
    precisions = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if name == "auto":
        # bfloat16 without hardware for it is many times slower than float32, so a CPU needs to be asked for it.
        return torch.float16 if device.type == "cuda" else torch.float32
    if name not in precisions or (name == "float16" and device.type == "cpu"):
        raise ConfigurationError(
            f"optimizer.precision: expected auto, float32, bfloat16, or float16 on a GPU; got {name}"
        )
    return precisions[name]
