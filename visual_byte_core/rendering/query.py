# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What a robot is asked with, in each of its forms, and the picture that each of them becomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visual_byte_core.errors import ConfigurationError
from visual_byte_core.names import MAX_TEXT_CHARACTERS
from visual_byte_core.rendering.photo import render_photo
from visual_byte_core.rendering.settings import MODALITIES, RendererSettings
from visual_byte_core.rendering.speech import render_speech
from visual_byte_core.rendering.text import render_text


@dataclass(frozen=True)
class SpokenName:
    """samples: as `render_speech` takes them; rate: in Hz."""

    samples: NDArray[np.float32]
    rate: int


@dataclass(frozen=True)
class Example:
    """image: a photo of any size, as `render_photo` takes it, RGB."""

    image: NDArray[np.uint8]


@dataclass(frozen=True)
class RenderedQuery:
    """A query that is a picture already.

    image: uint8 (s, s, 3) RGB, s the size of the modality; modality: what was rendered, `text`, `audio` or `image`;
    renderer: digest of the settings it was rendered with; text: what was typed.
    """

    image: NDArray[np.uint8]
    modality: str
    renderer: str
    text: str = ""


Asked = str | SpokenName | Example | RenderedQuery
"""Words as they are typed, or one of the other forms of a query."""


def render_query(asked: Asked, settings: RendererSettings) -> RenderedQuery:
    """Make a picture of what is asked; one that is a picture stays as it is.

    Raises:
        InvalidText, InvalidSound, InvalidImage: words, sound or photo cannot be rendered.
    """
    if isinstance(asked, RenderedQuery):
        return asked
    digest = settings.digest()
    if isinstance(asked, str):
        size = settings.size_of("text")
        return RenderedQuery(render_text(asked, size, settings.text), "text", digest, asked)
    if isinstance(asked, SpokenName):
        size = settings.size_of("audio")
        return RenderedQuery(render_speech(asked.samples, asked.rate, size, settings.speech), "audio", digest)
    return RenderedQuery(render_photo(asked.image, settings.size, settings.photo), "image", digest)


def check_query(id: str, text: str, modality: str) -> None:
    """Raises ConfigurationError: unknown modality, id or text over 200 characters."""
    for name, value in (("id", id), ("text", text)):
        if len(value) > MAX_TEXT_CHARACTERS:
            raise ConfigurationError(
                f"query: its {name} has {len(value)} characters; at most {MAX_TEXT_CHARACTERS} are taken"
            )
    if modality not in MODALITIES:
        raise ConfigurationError(f"query: modality {modality[:40]!r} is not known; expected {', '.join(MODALITIES)}")
