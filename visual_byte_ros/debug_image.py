# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A query beside its best matches with their scores, as a picture to look at."""

from __future__ import annotations

import cv2
import numpy as np

from visual_byte_core.errors import InvalidImage
from visual_byte_core.rendering.photo import decode_photo
from visual_byte_core.runtime.finder import Answer

TILE = 160
CAPTION = 40
MOST = 3
GREEN, RED = (90, 200, 90), (210, 80, 80)


def debug_image(query: np.ndarray, answer: Answer) -> np.ndarray:
    """Draw an answer; matches over the threshold are captioned green, others red.

    Args:
        query: the rendered query, uint8 (size, size, 3) RGB.

    Returns:
        uint8 (200, 160 * n, 3), RGB, n from 1 to 4.
    """
    found = {match.id for match in answer.matches}
    tiles = [_tile(query, answer.status, GREEN if found else RED)]
    for match in answer.nearest[:MOST]:
        try:
            picture = decode_photo(match.thumbnail, f"thumbnail of {match.id}")
        except InvalidImage:
            picture = np.zeros((TILE, TILE, 3), np.uint8)
        tiles.append(_tile(picture, f"{match.score:.3f} {match.label}", GREEN if match.id in found else RED))
    return np.hstack(tiles)


def _tile(picture: np.ndarray, caption: str, colour: tuple[int, int, int]) -> np.ndarray:
    scale = TILE / max(picture.shape[:2])
    width, height = (max(1, round(side * scale)) for side in (picture.shape[1], picture.shape[0]))
    tile = np.zeros((TILE + CAPTION, TILE, 3), np.uint8)
    tile[:height, :width] = cv2.resize(np.ascontiguousarray(picture), (width, height), interpolation=cv2.INTER_AREA)
    # OpenCV's font draws ASCII only; labels in other scripts are in the message.
    text = caption.encode("ascii", "replace").decode()
    cv2.putText(tile, text, (4, TILE + 26), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)
    return tile
