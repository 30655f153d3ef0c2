# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Fields of a sensor_msgs/Image or CompressedImage, from a topic or a bag, to numpy, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np

from visual_byte_core.errors import InvalidImage
from visual_byte_core.rendering.photo import MAX_PIXELS, decode_photo

# 8K; a compressed picture that claims more is small on its way and takes the robot's memory when it is decoded.
MAX_COMPRESSED_PIXELS = 7680 * 4320


@dataclass(frozen=True)
class Encoding:
    """How the pixels of an encoding lie in a message.

    Attributes:
        channels: values a pixel.
        depth: bytes a value.
        to_rgb: OpenCV's conversion code, None if it is RGB already.
        planes: rows of data for two rows of the picture; over 2 where colour follows the brightness.
    """

    channels: int
    depth: int
    to_rgb: int | None
    planes: int = 2


# What drivers publish and what holds colour or brightness; OpenCV names Bayer patterns by the second row's pixels.
ENCODINGS = {
    "rgb8": Encoding(3, 1, None),
    "bgr8": Encoding(3, 1, cv2.COLOR_BGR2RGB),
    "rgba8": Encoding(4, 1, cv2.COLOR_RGBA2RGB),
    "bgra8": Encoding(4, 1, cv2.COLOR_BGRA2RGB),
    "mono8": Encoding(1, 1, cv2.COLOR_GRAY2RGB),
    "rgb16": Encoding(3, 2, None),
    "bgr16": Encoding(3, 2, cv2.COLOR_BGR2RGB),
    "rgba16": Encoding(4, 2, cv2.COLOR_RGBA2RGB),
    "bgra16": Encoding(4, 2, cv2.COLOR_BGRA2RGB),
    "mono16": Encoding(1, 2, cv2.COLOR_GRAY2RGB),
    "bayer_rggb8": Encoding(1, 1, cv2.COLOR_BayerBG2RGB),
    "bayer_bggr8": Encoding(1, 1, cv2.COLOR_BayerRG2RGB),
    "bayer_gbrg8": Encoding(1, 1, cv2.COLOR_BayerGR2RGB),
    "bayer_grbg8": Encoding(1, 1, cv2.COLOR_BayerGB2RGB),
    "yuv422": Encoding(2, 1, cv2.COLOR_YUV2RGB_UYVY),
    "uyvy": Encoding(2, 1, cv2.COLOR_YUV2RGB_UYVY),
    "yuv422_yuy2": Encoding(2, 1, cv2.COLOR_YUV2RGB_YUY2),
    "yuyv": Encoding(2, 1, cv2.COLOR_YUV2RGB_YUY2),
    "nv12": Encoding(1, 1, cv2.COLOR_YUV2RGB_NV12, planes=3),
    "nv21": Encoding(1, 1, cv2.COLOR_YUV2RGB_NV21, planes=3),
    "8UC3": Encoding(3, 1, cv2.COLOR_BGR2RGB),  # OpenCV's own, whose order is BGR
}


class ImageMessage(Protocol):
    """A sensor_msgs/Image of rclpy or of a bag reader; data: anything with a buffer of bytes."""

    height: int
    width: int
    encoding: str
    is_bigendian: Any
    step: int
    data: Any


class CompressedImageMessage(Protocol):
    """A sensor_msgs/CompressedImage of rclpy or of a bag reader; data: anything with a buffer of bytes."""

    format: str
    data: Any


def to_rgb(message: ImageMessage) -> np.ndarray:
    """Read an image message -> uint8 (height, width, 3), RGB; 16-bit values are scaled to 8 bits, alpha is dropped.

    Raises:
        InvalidImage: unknown encoding, a side of 0, or step or length of the data that do not fit.
    """
    check(message)
    return convert(message)


def check(message: ImageMessage) -> None:
    """Raise InvalidImage if the message contradicts itself or holds no picture."""
    encoding = ENCODINGS.get(message.encoding)
    if encoding is None:
        raise InvalidImage(
            f"image message: encoding {message.encoding[:40]!r} is not known; publish one of {', '.join(ENCODINGS)}"
        )
    if message.height == 0 or message.width == 0 or message.height * message.width > MAX_PIXELS:
        raise InvalidImage(
            f"image message: {message.width}x{message.height} pixels; expected sides of at least 1 and at most"
            f" {MAX_PIXELS} pixels together; check the camera driver"
        )
    if encoding.channels == 2 and message.width % 2:  # two pixels share their colour; not every OpenCV looks
        raise InvalidImage(
            f"image message: {message.width} pixels wide, but {message.encoding} comes in pairs; check the driver"
        )
    if encoding.planes == 3 and (message.width % 2 or message.height % 2):
        raise InvalidImage(
            f"image message: {message.width}x{message.height} pixels, but {message.encoding} shares colour among 2x2;"
            " check the driver"
        )
    row = message.width * encoding.channels * encoding.depth
    if message.step < row:
        raise InvalidImage(
            f"image message: step is {message.step} bytes, but a row of {message.width} pixels {message.encoding} takes"
            f" {row}; check the camera driver"
        )
    rows = message.height * encoding.planes // 2
    if len(message.data) != message.step * rows:
        raise InvalidImage(
            f"image message: {len(message.data)} bytes of data, expected step {message.step} times {rows} rows; check"
            " the camera driver"
        )


def convert(message: ImageMessage) -> np.ndarray:
    """Convert a checked message: uint8 (height, width, 3), RGB."""
    encoding = ENCODINGS[message.encoding]
    height = message.height * encoding.planes // 2
    rows = np.frombuffer(message.data, np.uint8).reshape(height, message.step)
    rows = rows[:, : message.width * encoding.channels * encoding.depth]
    if encoding.depth == 2:
        wide = np.ascontiguousarray(rows).view(">u2" if message.is_bigendian else "<u2")
        rows = ((wide.astype(np.uint32) + 128) // 257).astype(np.uint8)
    shape = (height, message.width) + ((encoding.channels,) if encoding.channels > 1 else ())
    pixels = rows.reshape(shape)
    if encoding.to_rgb is None:
        return np.ascontiguousarray(pixels)
    try:
        return cv2.cvtColor(np.ascontiguousarray(pixels), encoding.to_rgb)
    except cv2.error as error:  # a Bayer or YUV pattern needs an even number of columns
        raise InvalidImage(
            f"image message: {message.width}x{message.height} pixels do not make a {message.encoding} picture"
            f" ({error.err}); check the camera driver"
        ) from error


def decompress(message: CompressedImageMessage) -> np.ndarray:
    """Read a compressed image message -> uint8 (height, width, 3), RGB.

    Raises:
        InvalidImage: neither JPEG nor PNG, damaged, or over MAX_COMPRESSED_PIXELS by its header.
    """
    data = bytes(message.data)
    if not data.startswith((b"\xff\xd8", b"\x89PNG")):
        raise InvalidImage(
            f"compressed image message: {len(data)} bytes of format {message.format[:80]!r} are neither JPEG nor PNG;"
            " check the topic"
        )
    return decode_photo(data, "compressed image message", max_pixels=MAX_COMPRESSED_PIXELS)


def picture_of(message: Any) -> np.ndarray:
    """Read a message of either kind -> uint8 (height, width, 3), RGB. Raises InvalidImage."""
    return to_rgb(message) if hasattr(message, "encoding") else decompress(message)
