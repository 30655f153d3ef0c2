# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The renderers as training has them: those of a robot, and those that need a network of others.

A sentence model of sentence-transformers, or a portable one, serves `semantic` and `smooth+sentence`, a Whisper speech
method 1. All else is `rendering.text` and `rendering.speech`, the same calls that a robot makes.
"""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from pathlib import Path

import numpy as np

from visual_byte_core.errors import ModelError
from visual_byte_core.pretrained.sentence_models import portable_folder
from visual_byte_core.rendering import speech, text
from visual_byte_core.rendering.sentence_encoder import DESCRIPTION, SentenceEncoder, encoder_of, open_encoder, provide
from visual_byte_core.rendering.settings import SpeechSettings, TextSettings


def render_text(words: str, size: int, settings: TextSettings = TextSettings()) -> np.ndarray:
    """As `rendering.text.render_text`, with any sentence model. Raises InvalidText, ModelError."""
    return text.render_text(words, size, with_open_model(settings))


def render_speech(samples: np.ndarray, rate: int, size: int, settings: SpeechSettings = SpeechSettings()) -> np.ndarray:
    """As `rendering.speech.render_speech`, with both methods. Raises InvalidSound, ModelError."""
    if settings.method == 2:
        return speech.render_speech(samples, rate, size, settings)
    from visual_byte_core.pretrained.whisper_images import whisper_images

    return whisper_images([speech.prepare(samples, rate, settings)], size, settings)[0]


def sentence_encoder_of(settings: TextSettings) -> SentenceEncoder:
    """The sentence model that the settings name, made portable and opened if need be.

    A portable one is named by its folder; FOLDER@DIGEST takes no other version. Raises ModelError.
    """
    folder, _, digest = settings.sentence_model.partition("@")
    if (Path(folder) / DESCRIPTION).is_file():
        return _portable(folder, digest)
    return encoder_of(settings) if digest else _converted(folder, settings.sentence_dimension)


def with_open_model(settings: TextSettings) -> TextSettings:
    """The settings, whose sentence model, if they need one, is named by its portable form and open in this process.

    Raises:
        ModelError: the model is missing or cannot be used.
    """
    if not settings.needs_sentence_model:
        return settings
    return dataclasses.replace(settings, sentence_model=sentence_encoder_of(settings).name)


@lru_cache(maxsize=4)
def _portable(folder: str, digest: str) -> SentenceEncoder:
    encoder = open_encoder(Path(folder))
    if digest and digest != encoder.digest:
        raise ModelError(
            f"text.sentence_model: {folder} holds {encoder.name}, not the version {digest}; bring that one back, or"
            " name this one and train anew"
        )
    return provide(encoder.folder)


@lru_cache(maxsize=4)
def _converted(name: str, dimension: int) -> SentenceEncoder:
    return provide(portable_folder(name, dimension))
