# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Questions: what is asked, checked against the bundle, and the last ones, so that they can be taught."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.errors import BundleError, ConfigurationError, InvalidImage
from visual_byte_core.memory.match import Filter
from visual_byte_core.rendering.query import RenderedQuery, check_query

MAX_MATCHES = 100
QUESTIONS_KEPT = 20


@dataclass(frozen=True)
class Question:
    """A query to answer with at most `k` matches.

    image: uint8 (size, size, 3) RGB, rendered for the bundle; modality: `text`, `audio` or `image`. id: by which it may
    be taught afterwards. text: what was typed.
    """

    image: np.ndarray
    modality: str
    k: int
    where: Filter | None = None
    id: str = ""
    text: str = ""


class RecentQuestions:
    """The last questions that have an id, with their embeddings, so that they can be taught."""

    def __init__(self) -> None:
        self._questions: OrderedDict[str, tuple[Question, np.ndarray]] = OrderedDict()

    def add(self, question: Question, embedding: np.ndarray) -> None:
        """embedding: float32 (dimension,)."""
        if question.id:
            self._questions[question.id] = (question, embedding)
            self._questions.move_to_end(question.id)
            if len(self._questions) > QUESTIONS_KEPT:
                self._questions.popitem(last=False)

    def __getitem__(self, id: str) -> tuple[Question, np.ndarray]:
        """Raises ConfigurationError if it was not asked, or too long ago."""
        try:
            return self._questions[id]
        except KeyError:
            raise ConfigurationError(
                f"query id {id[:80]!r}: not among the last {QUESTIONS_KEPT} queries; ask once more, then teach that one"
            ) from None


def question_of(query: RenderedQuery, bundle: Bundle, k: int, where: Filter | None = None, id: str = "") -> Question:
    """Check that a query fits the bundle.

    Raises:
        ConfigurationError: unknown modality, k out of range, id or text over 200 characters.
        BundleError: rendered for another bundle.
        InvalidImage: the image is not of the bundle's size.
    """
    check_query(id, query.text, query.modality)
    if not 1 <= k <= MAX_MATCHES:
        raise ConfigurationError(f"query: k is {k}; expected 1 to {MAX_MATCHES}")
    if query.renderer != bundle.renderer.digest():
        raise BundleError(
            f"query: rendered with settings {query.renderer[:40]!r}, bundle {bundle.id} needs"
            f" {bundle.renderer.digest()!r}; give all nodes the same `bundle`"
        )
    size = bundle.size_of(query.modality)
    if query.image.shape[:2] != (size, size):
        raise InvalidImage(
            f"query: its image is {query.image.shape[1]}x{query.image.shape[0]} pixels, bundle {bundle.id} needs"
            f" {size}x{size} for {query.modality}; give all nodes the same `bundle`"
        )
    return Question(query.image, query.modality, k, where, id, query.text)
