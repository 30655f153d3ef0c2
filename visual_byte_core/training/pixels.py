# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The network input as a tensor; the same numbers as `rendering.normalize`, on any device."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from visual_byte_core.rendering.normalize import MEAN, STD


def prepare_pixels(images: Tensor, size: int = 0) -> Tensor:
    """uint8 (n, s, s, 3) -> normalized float32 (n, 3, s, s), scaled down to `size` if that is smaller and not 0."""
    mean, std = (torch.tensor(values, device=images.device) * 255 for values in (MEAN, STD))
    pixels = ((images - mean) / std).permute(0, 3, 1, 2)  # channels last, as the images came
    if not size or size >= pixels.shape[-1]:
        return pixels
    return F.interpolate(pixels, size=(size, size), mode="bilinear", antialias=True)
