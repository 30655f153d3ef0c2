# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A query message, from a topic or a bag, checked, as a question to the worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from visual_byte_core.capture import image_message
from visual_byte_core.deployment.bundle import Bundle
from visual_byte_core.errors import BundleError, ConfigurationError, InvalidImage
from visual_byte_core.rendering.photo import render_photo
from visual_byte_core.runtime.finder import MODALITIES
from visual_byte_core.runtime.memory import Filter
from visual_byte_core.runtime.sighting import LONGEST_TEXT
from visual_byte_core.runtime.worker import Question

MOST_MATCHES = 100


class QueryMessage(Protocol):
    """What is read of a visual_byte/Query of rclpy or of a bag reader; image: a sensor_msgs/Image."""

    id: str
    text: str
    modality: str
    renderer: str
    image: Any


def question_of(
    query: QueryMessage,
    bundle: Bundle,
    k: int,
    where: Filter | None = None,
    to_rgb: Callable[[Any], np.ndarray] = image_message.to_rgb,
) -> Question:
    """Check a query and take its image.

    to_rgb: reads the image, uint8 (height, width, 3).
    A query of modality image may hold a photo of any size, with `renderer` left empty; others are rendered already.

    Raises:
        ConfigurationError: unknown modality, k out of range, id or text over 200 characters.
        BundleError: rendered for another bundle.
        InvalidImage: the image is malformed or not of the bundle's size.
    """
    for name, text in (("id", query.id), ("text", query.text)):
        if len(text) > LONGEST_TEXT:
            raise ConfigurationError(f"query: its {name} has {len(text)} characters; at most {LONGEST_TEXT} are taken")
    if query.modality not in MODALITIES:
        raise ConfigurationError(
            f"query: modality {query.modality[:40]!r} is not known; expected {', '.join(MODALITIES)}"
        )
    if not 1 <= k <= MOST_MATCHES:
        raise ConfigurationError(f"query: k is {k}; expected 1 to {MOST_MATCHES}")
    is_photo = query.modality == "image" and not query.renderer
    if not is_photo and query.renderer != bundle.renderer.digest():
        raise BundleError(
            f"query: rendered with settings {query.renderer[:40]!r}, bundle {bundle.id} needs"
            f" {bundle.renderer.digest()!r}; give all nodes the same `bundle`"
        )
    image = to_rgb(query.image)
    if is_photo:
        image = render_photo(image, bundle.size, bundle.renderer.photo)
    if image.shape[:2] != (bundle.size, bundle.size):
        raise InvalidImage(
            f"query: its image is {image.shape[1]}x{image.shape[0]} pixels, bundle {bundle.id} needs"
            f" {bundle.size}x{bundle.size}; give all nodes the same `bundle`"
        )
    return Question(image, query.modality, k, where, query.id, query.text)
