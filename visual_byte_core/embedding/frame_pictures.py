# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The pictures that are made of a frame before it is embedded."""

from __future__ import annotations

import cv2
import numpy as np

from visual_byte_core.rendering.photo import resize
from visual_byte_core.rendering.thumbnail import SIDE

COLUMNS, ROWS = 32, 24  # of the reduced frame: in a cell a camera's noise averages out, a thing of that size does not


def cells(picture: np.ndarray) -> np.ndarray:
    """What two frames are compared by: uint8 (24, 32), grey, of a thumbnail, uint8 (height, width, 3) RGB."""
    return cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)


def halved(image: np.ndarray, size: int) -> np.ndarray:
    """A frame, uint8 (height, width, 3), as far as both `render_photo`, to `size` pixels, and its thumbnail halve it.

    Where the crop would begin between two pixels of the half, the frame stays as it is: the embedding is the same.
    """
    height, width = image.shape[:2]
    while (
        min(height, width) >= 4 * size and max(height, width) >= 2 * SIDE and not (height % 2 or (height - width) % 4)
    ):
        height, width = height // 2, width // 2
        image = resize(image, width, height)
    return image
