# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What a robot's camera does to a photo: nearness, angle, light, focus, motion, compression."""

from __future__ import annotations

import random
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from visual_byte_core.training.config import AugmentConfig

Generator = np.random.Generator

SMALL_PHOTO_CROP = 0.35


def change_photo(
    image: NDArray[np.uint8], size: int, change: AugmentConfig, generator: np.random.Generator
) -> NDArray[np.uint8]:
    """A part of the photo, changed as `augment` says: uint8 (size, size, 3)."""
    if generator.random() < change.rotate:
        image = rotate(image, size, generator)
    image = flip_and_colour(photo_crop(image, size, change.crop, generator), generator)
    changes = (
        (change.any, any_change),
        (change.blur, blur),
        (change.motion, motion_blur),
        (change.low_light, low_light),
        (change.reduce, reduce_resolution),
        (change.jpeg, jpeg),
        (change.erase, erase),
    )
    for probability, apply in changes:
        if probability and generator.random() < probability:
            image = apply(image, generator)
    return image


def photo_crop(image: np.ndarray, size: int, min_share: float, generator: Generator) -> np.ndarray:
    """A random part of the photo, sides between 3:4 and 4:3, as uint8 (size, size, 3).

    Args:
        min_share: least share of the area, 0..1; 0.35 for a photo that is not larger than the image that it becomes, as
            it has no detail to come near to.
    """
    height, width = image.shape[:2]
    area = (
        height * width * generator.uniform(min_share if _is_large(image, size) else max(min_share, SMALL_PHOTO_CROP), 1)
    )
    ratio = np.exp(generator.uniform(-1, 1) * np.log(4 / 3))
    h, w = (min(height, max(1, round((area / ratio) ** 0.5))), min(width, max(1, round((area * ratio) ** 0.5))))
    top, left = generator.integers(height - h + 1), generator.integers(width - w + 1)
    part = np.ascontiguousarray(image[top : top + h, left : left + w])
    shrinks = h >= size and w >= size
    return cv2.resize(part, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def rotate(image: np.ndarray, size: int, generator: Generator) -> np.ndarray:
    """Turn a large photo by some 12 degrees either way; what comes in at the corners is mirrored."""
    if not _is_large(image, size):
        return image
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(generator.normal(0, 12)), 1)
    return cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REFLECT)


def blur(image: np.ndarray, generator: Generator) -> np.ndarray:
    """Out of focus by 0.4 to 1.3 pixels (standard deviation)."""
    return cv2.GaussianBlur(image, (0, 0), float(generator.uniform(0.4, 1.3)))


def flip_and_colour(image: np.ndarray, generator: Generator) -> np.ndarray:
    """Mirror half of the photos; change brightness, contrast, saturation and white balance, and one in five hues."""
    if generator.random() < 0.5:
        image = cv2.flip(image, 1)
    grey = np.full((3, 3), 1 / 3)
    saturation, contrast, brightness = generator.uniform((0.6, 0.7, 0.6), (1.4, 1.3, 1.3))
    white = generator.uniform(0.92, 1.08, 3)
    # One matrix for all four: ten times as quick as one after the other. Saturation leaves the mean as it is.
    colours = contrast * (saturation * np.eye(3) + (1 - saturation) * grey)
    offset = cv2.mean(image)[:3] @ grey * (brightness - contrast)
    image = cv2.transform(image, white[:, None] * np.column_stack([colours, offset]))
    return _shift_hue(image, int(generator.integers(-8, 9))) if generator.random() < 0.2 else image


def _shift_hue(image: np.ndarray, steps: int) -> np.ndarray:
    """steps: of 2 degrees each, as OpenCV counts hues."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    hsv[:, :, 0] = (hsv[:, :, 0].astype(int) + steps) % 180
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def reduce_resolution(image: np.ndarray, generator: Generator) -> np.ndarray:
    """Down to 32-64 pixels and up again, so that neither sharp nor blurred becomes the mark of a class."""
    size, small = image.shape[0], int(generator.integers(32, 65))
    if small >= size:
        return image
    reduced = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
    return cv2.resize(reduced, (size, size), interpolation=cv2.INTER_LINEAR)


def erase(image: np.ndarray, generator: Generator) -> np.ndarray:
    """Hide a rectangle of up to half the side behind its mean colour: something stands in front."""
    size = image.shape[0]
    h, w = generator.integers(size // 8, size // 2, 2)
    top, left = generator.integers(size - h), generator.integers(size - w)
    erased = image.copy()
    erased[top : top + h, left : left + w] = image.mean(axis=(0, 1))
    return erased


def low_light(image: np.ndarray, generator: Generator) -> np.ndarray:
    """A dim room: an eighth to a half of the light, amplified again, with the noise of photons and of the sensor."""
    light = generator.uniform(1 / 8, 1 / 2)
    photons = 1000 * light * (image / 255.0) ** 2.2  # a full well of some 1,000, as small sensors at high gain
    noisy = generator.poisson(photons) + generator.normal(0, 4, image.shape)
    shown = np.clip(noisy / (1000 * light), 0, 1) ** (1 / 2.2) * generator.uniform(light**0.5, 1)
    pixels: np.ndarray = (255 * shown).astype(np.uint8)
    return pixels


def motion_blur(image: np.ndarray, generator: Generator) -> np.ndarray:
    """The robot turns while it looks: smeared along a line of 3 to 9 pixels in any direction."""
    length = int(generator.integers(1, 5)) * 2 + 1
    line = np.zeros((length, length), np.float32)
    line[length // 2] = 1
    turn = cv2.getRotationMatrix2D((length // 2, length // 2), float(generator.uniform(0, 180)), 1)
    kernel = cv2.warpAffine(line, turn, (length, length))
    return cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)


def jpeg(image: np.ndarray, generator: Generator) -> np.ndarray:
    """Compressed for a narrow link: JPEG quality 15 to 60."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(generator.integers(15, 61))]
    return cv2.imdecode(cv2.imencode(".jpg", image[:, :, ::-1], quality)[1], cv2.IMREAD_COLOR)[:, :, ::-1]


def any_change(image: np.ndarray, generator: Generator) -> np.ndarray:
    """One change of RandAugment's list (Cubuk et al., 2020) at a random strength, as TrivialAugment draws them."""
    from PIL import Image

    random.seed(int(generator.integers(1 << 32)))  # timm draws from these two
    np.random.seed(int(generator.integers(1 << 32)))
    return np.asarray(_rand_augment()(Image.fromarray(image)))


@lru_cache(maxsize=1)
def _rand_augment() -> Any:
    from visual_byte_core.pretrained.torch_companions import import_torchvision

    import_torchvision()
    from timm.data.auto_augment import rand_augment_transform

    # Not up to the strongest, 10: it posterizes to 0 bits, which Pillow refuses.
    return rand_augment_transform("rand-m7-n1-p1-mstd3-mmax9-inc1", {"img_mean": (124, 116, 104)})


def _is_large(image: np.ndarray, size: int) -> bool:
    large: bool = min(image.shape[:2]) > 2 * size
    return large
