# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Text: words become a texture, without any font."""

from __future__ import annotations

import numpy as np

from visual_byte_core.errors import InvalidText, printable
from visual_byte_core.names import folded
from visual_byte_core.rendering.hash_texture import hash_texture
from visual_byte_core.rendering.settings import TextSettings
from visual_byte_core.rendering.smooth_texture import smooth_texture

MAX_CHARACTERS = 200


def render_text(words: str, size: int, settings: TextSettings = TextSettings()) -> np.ndarray:
    """Render words with the renderer that `settings` names.

    Returns:
        uint8 (size, size, 3), RGB; the same words give the same bytes in every process.

    Raises:
        InvalidText: nothing but blanks, or over 200 characters.
        ModelError: the renderer needs a sentence model that is missing.
    """
    canonical = canonical_words(words)
    if settings.renderer == "hash":
        return hash_texture(canonical, size)
    if settings.renderer == "smooth":
        return smooth_texture(canonical, size, waves=settings.waves, ngrams=settings.ngrams)
    # Only where the words' meaning is drawn: not every robot has the tokenizers package.
    from visual_byte_core.rendering.sentence_encoder import encoder_of
    from visual_byte_core.rendering.sentence_texture import semantic_texture, smooth_sentence_texture

    encoder = encoder_of(settings)
    if settings.renderer == "semantic":
        return semantic_texture(canonical, size, encoder)
    return smooth_sentence_texture(
        canonical, size, encoder, waves=settings.waves, ngrams=settings.ngrams, share=settings.sentence_share
    )


def canonical_words(words: str) -> str:
    """What is rendered: compatibility forms unified, case folded, blanks and control characters collapsed.

    Raises:
        InvalidText: nothing is left, or over 200 characters.
    """
    if not isinstance(words, str):
        raise InvalidText(f"text: expected a string, got {type(words).__name__}")
    if len(words) > MAX_CHARACTERS:
        raise InvalidText(f"text: {len(words)} characters, a name has at most {MAX_CHARACTERS}; ask for the name alone")
    if (shown := printable(words)) != words:
        raise InvalidText(f"text: {shown} is no UTF-8; set the terminal to UTF-8 and type it again")
    canonical = folded(words)
    if not canonical:
        raise InvalidText("text: empty, expected a name such as 'mug'")
    return canonical
