# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The small picture that a memory keeps of what was seen."""

from __future__ import annotations

import cv2
import numpy as np

from visual_byte_core.rendering.photo import resize

SIDE = 160  # pixels of the longer side: enough to embed again, small enough to keep by the thousand
QUALITY = 80


def thumbnail(image: np.ndarray) -> bytes:
    """A JPEG of an RGB photo, uint8 (height, width, 3), at most 160 pixels long."""
    return to_jpeg(reduced(image))


def reduced(image: np.ndarray) -> np.ndarray:
    """An RGB photo, uint8 (height, width, 3), at most 160 pixels long."""
    height, width = image.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    return resize(image, max(1, round(width * scale)), max(1, round(height * scale)))


def to_jpeg(picture: np.ndarray) -> bytes:
    """picture: uint8 (height, width, 3) RGB."""
    _, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes()
