# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Photos: any picture that OpenCV reads becomes a square RGB image."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np

from visual_byte_core.errors import InvalidImage
from visual_byte_core.rendering.picture_file import decode_picture
from visual_byte_core.rendering.settings import PhotoSettings

Region = tuple[int, int, int, int]
"""x, y, width and height in pixels of a picture."""
# A file's header can claim any size; decoding a picture beyond this would take the robot's memory with it.
MAX_PIXELS = 100_000_000
MAX_FILE_BYTES = 1 << 30  # bytes


def read_photo(path: str | Path) -> np.ndarray:
    """Read an image file, turned as its EXIF orientation says, on white where it is transparent.

    Returns:
        uint8 (height, width, 3), RGB.

    Raises:
        InvalidImage: the file is missing, empty, truncated, too large, or no picture.
    """
    try:
        if (size := os.stat(path).st_size) > MAX_FILE_BYTES:
            raise InvalidImage(f"{path}: {size} bytes, over {MAX_FILE_BYTES}; expected a photo")
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise InvalidImage(f"{path}: cannot be read ({getattr(error, 'strerror', error)}); check the path") from error
    return decode_photo(data, str(path))


def decode_photo(data: bytes, name: str, *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Decode JPEG, PNG, WebP and whatever else OpenCV or Pillow reads; `name` is for the message only.

    Returns:
        uint8 (height, width, 3), RGB, turned as its EXIF orientation says; 16-bit pictures are scaled to 8 bits,
        transparent ones laid on white.

    Raises:
        InvalidImage: no bytes, truncated, no picture, or one whose header says that it has over `max_pixels`.
    """
    return _to_rgb(decode_picture(data, name, max_pixels), "bgr", name)


def render_photo(
    image: np.ndarray, size: int, settings: PhotoSettings = PhotoSettings(), *, channel_order: str = "rgb"
) -> np.ndarray:
    """Make a picture square.

    Args:
        image: (height, width) or (height, width, 1 | 3 | 4); uint8, uint16 or float in 0..1; any size from 1x1.
        size: side of the result in pixels.
        settings: centre crop or letterbox, as the bundle says.
        channel_order: `rgb` or `bgr`, the order of the colour channels in `image`.

    Returns:
        uint8 (size, size, 3), RGB.

    Raises:
        InvalidImage: another shape or type, a side of 0, not finite.
    """
    rgb = _to_rgb(image, channel_order, "image")
    height, width = rgb.shape[:2]
    if settings.fit == "crop":
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        return resize(rgb[top : top + side, left : left + side], size, size)
    scale = size / max(height, width)
    fitted = resize(rgb, max(1, round(width * scale)), max(1, round(height * scale)))
    square = np.zeros((size, size, 3), np.uint8)
    top, left = (size - fitted.shape[0]) // 2, (size - fitted.shape[1]) // 2
    square[top : top + fitted.shape[0], left : left + fitted.shape[1]] = fitted
    return square


def with_middles(images: np.ndarray, share: float) -> np.ndarray:
    """Rendered photos, and behind them the middle of each, enlarged to their size and mirrored.

    Args:
        images: uint8 (n, size, size, 3).
        share: of the side that counts as the middle, above 0, at most 1.

    Returns:
        uint8 (2 n, size, size, 3).
    """
    count, size = images.shape[:2]
    side = max(1, round(share * size))
    start = (size - side) // 2
    both = np.concatenate([images, images])
    for image, mirrored in zip(images, both[count:], strict=True):
        middle = image[start : start + side, start : start + side]
        cv2.flip(cv2.resize(middle, (size, size), interpolation=cv2.INTER_LINEAR), 1, dst=mirrored)
    return both


def resize(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """uint8 (rows, columns, 3) -> (height, width, 3)."""
    # INTER_AREA averages when it shrinks; enlarging, it would leave square blocks, hence linear there.
    image = np.ascontiguousarray(image)
    rows, columns = image.shape[:2]
    if rows < height or columns < width:
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    # By two, INTER_AREA is many times quicker than by any other ratio, so the rest is left to INTER_LINEAR, which
    # leaves no pixel out when it shrinks by less than two: a grey level off, in a third of the time.
    while rows >= 4 * height and columns >= 4 * width and rows % 2 == columns % 2 == 0:
        rows, columns = rows // 2, columns // 2
        image = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
    if 2 * height <= rows < 4 * height and 2 * width <= columns < 4 * width:
        image = cv2.resize(image, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR)
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def eight_bit_colour(image: np.ndarray, name: str) -> np.ndarray:
    """Any picture as uint8 (height, width, 3), channels in the order they came: grey is repeated, alpha dropped.

    Args:
        image: (height, width) or (height, width, 1 | 3 | 4); uint8, uint16 or float in 0..1.
        name: for the message only.

    Raises:
        InvalidImage: another shape or type, a side of 0, too large, not finite.
    """
    if not isinstance(image, np.ndarray) or image.ndim not in (2, 3) or 0 in image.shape[:2]:
        shape = getattr(image, "shape", type(image).__name__)
        raise InvalidImage(f"{name}: expected (height, width[, channels]) with sides of at least 1, got {shape}")
    if image.shape[0] * image.shape[1] > MAX_PIXELS:
        raise _too_large(image.shape[1], image.shape[0], name, MAX_PIXELS)
    channels = 1 if image.ndim == 2 else image.shape[2]
    if channels not in (1, 3, 4):
        raise InvalidImage(f"{name}: expected 1, 3 or 4 channels, got {channels}")
    eight_bit = _to_eight_bit(image, name)
    if channels == 1:
        return cv2.cvtColor(eight_bit.reshape(image.shape[:2]), cv2.COLOR_GRAY2RGB)
    return eight_bit[:, :, :3]


def _to_rgb(image: np.ndarray, channel_order: str, name: str) -> np.ndarray:
    if channel_order not in ("rgb", "bgr"):
        raise ValueError(f"channel_order must be rgb or bgr, got {channel_order!r}")
    colour = eight_bit_colour(image, name)
    return cv2.cvtColor(np.ascontiguousarray(colour), cv2.COLOR_BGR2RGB) if channel_order == "bgr" else colour


def _too_large(width: int, height: int, name: str, max_pixels: int) -> InvalidImage:
    return InvalidImage(f"{name}: {width}x{height} is over {max_pixels} pixels; scale it down")


def _to_eight_bit(image: np.ndarray, name: str) -> np.ndarray:
    if image.dtype == np.uint8:
        return image
    if image.dtype == np.uint16:
        return ((image.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if image.dtype.kind == "f":
        if not np.isfinite(image).all():
            raise InvalidImage(f"{name}: holds NaN or infinite values; expected numbers from 0 to 1")
        pixels: np.ndarray = (np.clip(image, 0, 1) * 255).round().astype(np.uint8)
        return pixels
    raise InvalidImage(f"{name}: expected uint8, uint16 or float pixels, got {image.dtype}")
