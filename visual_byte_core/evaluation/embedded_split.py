# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A split of a data set, embedded: photos, and typed and spoken names of what they show and of what nobody learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visual_byte_core.dataset import class_folders
from visual_byte_core.dataset.spelling import known_words, names_by_slug, spelled_where_known
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.errors import DataError
from visual_byte_core.evaluation import embedded_data
from visual_byte_core.evaluation.embedded_data import embed_words
from visual_byte_core.metrics.labelled import Labelled
from visual_byte_core.names import LANGUAGES, overlaps
from visual_byte_core.rendering.text import canonical_words


@dataclass(frozen=True)
class EmbeddedSplit:
    """Photos, what asks for them and what asks for nothing, embedded.

    Attributes:
        queries: by kind, `text` and `audio`.
        never: likewise, words that name none of the photos' classes, by word.
        overlaps: slug -> slugs that may name the same thing.
    """

    photos: Labelled
    queries: Mapping[str, Labelled]
    never: Mapping[str, Labelled]
    overlaps: Mapping[str, frozenset[str]]

    @property
    def never_embeddings(self) -> dict[str, np.ndarray]:
        """By kind, float32 (n, dimension) of the words that name nothing."""
        return {kind: labelled.embeddings for kind, labelled in self.never.items()}


def read_split(
    embedder: Embedder,
    images: Path,
    speech: Path,
    absent_speech: Path | None = None,
    words: Sequence[str] = (),
    languages: Sequence[str] = LANGUAGES,
) -> EmbeddedSplit:
    """Photos and sounds of `FOLDER/<slug>/`; the words of `absent_speech` are typed too, and `words` only that.

    Args:
        languages: in which the photos' classes are typed.

    Raises:
        DataError: nothing to read, no sound of a class that the photos show, an absent word that the bundle knows.
    """
    names = names_by_slug(embedder.bundle)
    photos = embedded_data.embed_photos(embedder, class_folders.find_photos(images)).labelled
    shown = set(photos.slugs)
    spoken = [file for file in class_folders.find_speech(speech) if file.slug in shown]
    if not spoken:
        raise DataError(f"{speech}: no sound there names a class of {images}; are the slugs the same?")
    typed = [one for language in languages for one in spelled_where_known(sorted(shown), names, language)]
    queries = {
        "text": Labelled(embed_words(embedder, [name for _, name in typed])[0], tuple(slug for slug, _ in typed)),
        "audio": embedded_data.embed_speech(embedder, spoken).labelled,
    }
    never: dict[str, Labelled] = {}
    absent = list(words)
    if absent_speech:
        never["audio"] = embedded_data.embed_speech(embedder, class_folders.find_speech(absent_speech)).labelled
        absent += sorted({slug.replace("_", " ") for slug in never["audio"].slugs} - set(absent))
    if known := sorted(known_words(names.values()) & {canonical_words(word) for word in absent}):
        raise DataError(f"absent words that the bundle knows: {', '.join(known)}; take them out")
    if absent:
        never["text"] = Labelled(embed_words(embedder, absent)[0], tuple(absent))
    return EmbeddedSplit(photos, queries, never, overlaps(names.values()))
