# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Query messages and service requests, checked, as questions to the worker."""

from __future__ import annotations

from visual_byte.msg import Query
from visual_byte.srv import Count, Find, Forget, List
from visual_byte_core.deployment.bundle import Bundle
from visual_byte_core.errors import BundleError, ConfigurationError, InvalidImage
from visual_byte_core.rendering.photo import render_photo
from visual_byte_core.rendering.text import render_text
from visual_byte_core.runtime.finder import MODALITIES
from visual_byte_core.runtime.memory import Filter
from visual_byte_core.runtime.worker import Question
from visual_byte_ros.images import to_message, to_rgb
from visual_byte_ros.messages import seconds_of

MOST_MATCHES = 100


def question_of(query: Query, bundle: Bundle, k: int, where: Filter | None = None) -> Question:
    """Check a query and take its image.

    A query of modality image may hold a photo of any size, with `renderer` left empty; others are rendered already.

    Raises:
        ConfigurationError: unknown modality, k out of range. BundleError: rendered for another bundle.
        InvalidImage: the image is malformed or not of the bundle's size.
    """
    if query.modality not in MODALITIES:
        raise ConfigurationError(f"query: modality {query.modality!r} is not known; expected {', '.join(MODALITIES)}")
    if not 1 <= k <= MOST_MATCHES:
        raise ConfigurationError(f"query: k is {k}; expected 1 to {MOST_MATCHES}")
    is_photo = query.modality == Query.IMAGE and not query.renderer
    if not is_photo and query.renderer != bundle.renderer.digest():
        raise BundleError(
            f"query: rendered with settings {query.renderer!r}, bundle {bundle.id} needs {bundle.renderer.digest()!r};"
            " give all nodes the same `bundle`"
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


def query_of(request: Find.Request, bundle: Bundle) -> Query:
    """The query that a request of ~/find means. Raises InvalidText, or ConfigurationError if it asks nothing."""
    digest = bundle.renderer.digest()
    if request.text:
        image = to_message(render_text(request.text, bundle.size, bundle.renderer.text))
        return Query(modality=Query.TEXT, text=request.text, renderer=digest, image=image)
    if not request.image.data:
        raise ConfigurationError("request: neither text nor image; give one of them")
    modality = request.modality or Query.IMAGE
    return Query(modality=modality, renderer="" if modality == Query.IMAGE else digest, image=request.image)


def filter_of(request: Find.Request | Forget.Request | List.Request | Count.Request) -> Filter | None:
    """The filter of a request; None if it has none."""
    if not (request.label or request.map_id or seconds_of(request.seen_after) or seconds_of(request.seen_before)):
        return None
    return Filter(
        label=request.label or None,
        seen_after=seconds_of(request.seen_after) or None,
        seen_before=seconds_of(request.seen_before) or None,
        map_id=request.map_id or None,
    )
