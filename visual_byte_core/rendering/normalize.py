# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""From rendered images to the network's input."""

from __future__ import annotations

import numpy as np

# The ImageNet statistics, used for photos, texts and sounds alike: one network, one input range.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)

_SCALE = (1.0 / (255.0 * np.array(STD, np.float32))).astype(np.float32)[:, None, None]
_OFFSET = (np.array(MEAN, np.float32) / np.array(STD, np.float32)).astype(np.float32)[:, None, None]


def normalize(images: np.ndarray) -> np.ndarray:
    """Make the network input `(x / 255 - MEAN) / STD`.

    Args:
        images: uint8 (n, height, width, 3), RGB.

    Returns:
        float32 (n, 3, height, width), contiguous.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
        raise ValueError(f"expected uint8 (n, height, width, 3), got {images.dtype} {images.shape}")
    channels_first = images.transpose(0, 3, 1, 2)
    pixels = np.empty(channels_first.shape, np.float32)
    np.multiply(channels_first, _SCALE, out=pixels)  # once over the memory: a quarter of the time of a copy at the end
    pixels -= _OFFSET
    return pixels
