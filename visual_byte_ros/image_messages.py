# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""sensor_msgs/Image and CompressedImage to numpy and back, checked.

Where cv_bridge is installed it converts; elsewhere visual_byte_core does, with numpy and OpenCV. test/test_images.py
holds both ways to the same pixels; a machine that takes ROS from PyPI has no cv_bridge, so that there only the second
way is exercised.
"""

from __future__ import annotations

import array
from collections.abc import Callable

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from visual_byte_core.errors import InvalidImage
from visual_byte_core.messages.images import check, decompress
from visual_byte_core.messages.images import convert as convert_with_numpy

try:
    from cv_bridge import CvBridge, CvBridgeError
except ImportError:
    CvBridge = None

NOT_OF_CV_BRIDGE = ("nv12", "nv21", "8UC3")


def to_rgb(message: Image) -> np.ndarray:
    """Read an image message.

    Returns:
        uint8 (height, width, 3), RGB; 16-bit values are scaled to 8 bits, alpha is dropped.

    Raises:
        InvalidImage: unknown encoding, a side of 0, or step or length of the data that do not fit.
    """
    check(message)
    return convert(message)


def frame_to_rgb(message: Image | CompressedImage) -> np.ndarray:
    """The same of either kind of message; a compressed one is refused by its header if it is too large."""
    return decompress(message) if isinstance(message, CompressedImage) else to_rgb(message)


def convert_with_cv_bridge(message: Image) -> np.ndarray:
    """The same by cv_bridge, which must be installed; what it has no conversion for is converted without it."""
    if message.encoding in NOT_OF_CV_BRIDGE:
        return convert_with_numpy(message)
    try:
        pixels: np.ndarray = CvBridge().imgmsg_to_cv2(message, desired_encoding="rgb8")
    except CvBridgeError as error:
        raise InvalidImage(f"image message: cv_bridge cannot convert {message.encoding} ({error})") from error
    return pixels


convert: Callable[[Image], np.ndarray] = convert_with_numpy if CvBridge is None else convert_with_cv_bridge


def to_message(image: np.ndarray, encoding: str = "rgb8") -> Image:
    """An image message of uint8 (height, width, 3) pixels; `encoding` is `rgb8` or `bgr8`; its header is left empty."""
    message = Image(height=image.shape[0], width=image.shape[1], encoding=encoding, step=image.shape[1] * 3)
    # An array is taken over at once; bytes or an ndarray would be checked value by value.
    pixels = array.array("B")
    pixels.frombytes(np.ascontiguousarray(image).data)
    message.data = pixels
    return message


def to_compressed_message(
    image: np.ndarray, encoding: str = "rgb8", *, quality: int = 90, jpeg: bytes = b""
) -> CompressedImage:
    """A JPEG message of uint8 (height, width, 3) pixels, as image_transport names it; its header is left empty.

    Args:
        quality: of JPEG, 1 to 100.
        jpeg: the picture as JPEG already, which is then passed on as it is.
    """
    message = CompressedImage(format=f"{encoding}; jpeg compressed bgr8")
    if not jpeg:
        bgr = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2BGR) if encoding == "rgb8" else image
        jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    message.data = array.array("B", jpeg)
    return message
