# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Query messages and service requests, checked, as questions to the worker."""

from __future__ import annotations

from visual_byte.msg import Query
from visual_byte.srv import Count, Find, Forget, List
from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.engine import questions as query_checks
from visual_byte_core.engine.questions import MAX_MATCHES as MAX_MATCHES
from visual_byte_core.engine.questions import Question
from visual_byte_core.errors import ConfigurationError
from visual_byte_core.memory.match import Filter
from visual_byte_core.messages.stamps import seconds_of
from visual_byte_core.rendering.text import render_text
from visual_byte_ros.image_messages import to_message, to_rgb


def question_of(query: Query, bundle: Bundle, k: int, where: Filter | None = None) -> Question:
    """Check a query and take its image; what it raises says `visual_byte_core.engine.questions.question_of`."""
    return query_checks.question_of(query, bundle, k, where, to_rgb)


def query_of(request: Find.Request, bundle: Bundle) -> Query:
    """The query that a request of ~/find means. Raises InvalidText, or ConfigurationError if it asks nothing."""
    digest = bundle.renderer.digest()
    if request.text:
        image = to_message(render_text(request.text, bundle.size_of("text"), bundle.renderer.text))
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
