# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The pictures that are made of a frame before it is embedded, each of them once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from visual_byte_core.rendering.photo import Region, eight_bit_colour, render_photo, resize
from visual_byte_core.rendering.settings import PhotoSettings
from visual_byte_core.rendering.thumbnail import SIDE, reduced

COLUMNS, ROWS = 32, 24  # of the reduced frame: in a cell a camera's noise averages out, a thing of that size does not


class FramePictures:
    """What a network, a memory and a comparison with the next frame see of a frame.

    image: any picture that `render_photo` takes, RGB; then the frame as uint8 (height, width, 3). size: side of the
    network's input in pixels. settings: how the bundle renders photos. thumbnail: uint8 (height, width, 3), at most 160
    pixels long. What an unchanged frame does not need is made when it is first asked for.
    Raises InvalidImage.
    """

    def __init__(self, image: NDArray[np.uint8], size: int, settings: PhotoSettings) -> None:
        self.image: NDArray[np.uint8] = eight_bit_colour(image, "image")
        self._size, self._settings = size, settings
        self._half = halved(self.image, size)
        self.thumbnail: NDArray[np.uint8] = reduced(self._half)

    @cached_property
    def cells(self) -> NDArray[np.uint8]:
        """What two frames are compared by, uint8 (24, 32), grey."""
        return cells(self.thumbnail)

    @cached_property
    def square(self) -> NDArray[np.uint8]:
        """The whole frame as the network takes it, uint8 (size, size, 3) RGB."""
        return render_photo(self._half, self._size, self._settings)

    def region(self, rectangle: Region) -> NDArray[np.uint8]:
        """What is there, uint8 (height, width, 3) RGB, a view of the frame."""
        x, y, width, height = rectangle
        return self.image[y : y + height, x : x + width]

    def squares(self, rectangles: Sequence[Region]) -> NDArray[np.uint8]:
        """Regions, one or more, as the network takes them, uint8 (n, size, size, 3) RGB."""
        return np.stack([render_photo(self.region(one), self._size, self._settings) for one in rectangles])


def cells(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What two frames are compared by: uint8 (24, 32), grey, of a thumbnail, uint8 (height, width, 3) RGB."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def halved(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
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
