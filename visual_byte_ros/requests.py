# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What requests of services and messages ask the engine for."""

from __future__ import annotations

from visual_byte.msg import Query
from visual_byte.srv import Count, Find, Forget, List
from visual_byte_core.errors import ConfigurationError
from visual_byte_core.memory.match import Filter
from visual_byte_core.messages.stamps import seconds_of
from visual_byte_core.rendering.settings import RendererSettings


def query_of(request: Find.Request, renderer: RendererSettings) -> Query:
    """The query that a request of ~/find means, which heads its answer.

    renderer: by which a picture that is no photo has to be rendered. Raises ConfigurationError if it asks nothing.
    """
    if request.text:
        return Query(modality=Query.TEXT, text=request.text)
    if not request.image.data:
        raise ConfigurationError("request: neither text nor image; give one of them")
    modality = request.modality or Query.IMAGE
    digest = "" if modality == Query.IMAGE else renderer.digest()
    return Query(modality=modality, renderer=digest, image=request.image)


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
