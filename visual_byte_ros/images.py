# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""sensor_msgs/Image to numpy and back, checked.

Where cv_bridge is installed it converts; elsewhere numpy and OpenCV do. test/test_images.py holds both ways to the same
pixels; a machine that takes ROS from PyPI has no cv_bridge, so that there only the second way is exercised.
"""

from __future__ import annotations

import array
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from sensor_msgs.msg import Image

from visual_byte_core.errors import InvalidImage

try:
    from cv_bridge import CvBridge, CvBridgeError
except ImportError:
    CvBridge = None

LARGEST_PIXELS = 100_000_000


@dataclass(frozen=True)
class Encoding:
    """channels: values a pixel; depth: bytes a value; to_rgb: OpenCV's conversion code, None if it is RGB already."""

    channels: int
    depth: int
    to_rgb: int | None


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
}


def to_rgb(message: Image) -> np.ndarray:
    """Read an image message.

    Returns:
        uint8 (height, width, 3), RGB; 16-bit values are scaled to 8 bits, alpha is dropped.

    Raises:
        InvalidImage: unknown encoding, a side of 0, or step or length of the data that do not fit.
    """
    check(message)
    return convert(message)


def check(message: Image) -> None:
    """Raise InvalidImage if the message contradicts itself or holds no picture."""
    encoding = ENCODINGS.get(message.encoding)
    if encoding is None:
        raise InvalidImage(
            f"image message: encoding {message.encoding!r} is not known; publish one of {', '.join(ENCODINGS)}"
        )
    if message.height == 0 or message.width == 0 or message.height * message.width > LARGEST_PIXELS:
        raise InvalidImage(
            f"image message: {message.width}x{message.height} pixels; expected sides of at least 1 and at most"
            f" {LARGEST_PIXELS} pixels together; check the camera driver"
        )
    if encoding.channels == 2 and message.width % 2:  # two pixels share their colour; not every OpenCV looks
        raise InvalidImage(
            f"image message: {message.width} pixels wide, but {message.encoding} comes in pairs; check the driver"
        )
    row = message.width * encoding.channels * encoding.depth
    if message.step < row:
        raise InvalidImage(
            f"image message: step is {message.step} bytes, but a row of {message.width} pixels {message.encoding} takes"
            f" {row}; check the camera driver"
        )
    if len(message.data) != message.step * message.height:
        raise InvalidImage(
            f"image message: {len(message.data)} bytes of data, expected step {message.step} times height"
            f" {message.height}; check the camera driver"
        )


def convert_with_numpy(message: Image) -> np.ndarray:
    """Convert a checked message: uint8 (height, width, 3), RGB."""
    encoding = ENCODINGS[message.encoding]
    rows = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)
    rows = rows[:, : message.width * encoding.channels * encoding.depth]
    if encoding.depth == 2:
        wide = np.ascontiguousarray(rows).view(">u2" if message.is_bigendian else "<u2")
        rows = ((wide.astype(np.uint32) + 128) // 257).astype(np.uint8)
    shape = (message.height, message.width) + ((encoding.channels,) if encoding.channels > 1 else ())
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


def convert_with_cv_bridge(message: Image) -> np.ndarray:
    """The same by cv_bridge, which must be installed."""
    try:
        return CvBridge().imgmsg_to_cv2(message, desired_encoding="rgb8")
    except CvBridgeError as error:
        raise InvalidImage(f"image message: cv_bridge cannot convert {message.encoding} ({error})") from error


convert: Callable[[Image], np.ndarray] = convert_with_numpy if CvBridge is None else convert_with_cv_bridge


def to_message(image: np.ndarray, encoding: str = "rgb8") -> Image:
    """An image message of uint8 (height, width, 3) pixels; `encoding` is `rgb8` or `bgr8`; its header is left empty."""
    message = Image(height=image.shape[0], width=image.shape[1], encoding=encoding, step=image.shape[1] * 3)
    # An array is taken over at once; bytes or an ndarray would be checked value by value.
    message.data = array.array("B", image.tobytes())
    return message
