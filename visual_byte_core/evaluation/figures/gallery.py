# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What the figures of a bundle draw: photos, typed and spoken names of classes that have all of them, embedded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visual_byte_core.dataset.class_folders import LabelledFile, find_photos, find_speech
from visual_byte_core.dataset.spelling import names_by_slug, spelled
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.errors import DataError
from visual_byte_core.evaluation.embedded_data import embed_photos, embed_speech, embed_words
from visual_byte_core.metrics.class_breakdown import Pair, answers
from visual_byte_core.metrics.labelled import Labelled
from visual_byte_core.rendering.photo import read_photo, render_photo
from visual_byte_core.rendering.speech import read_sound, render_speech
from visual_byte_core.rendering.text import render_text
from visual_byte_core.seeding import seeded

THUMBNAIL = 128  # pixels


@dataclass(frozen=True)
class Gathered:
    """Of one bundle: names by slug, and embeddings of photos, typed names and clips with their files."""

    embedder: Embedder
    names: dict[str, str]
    photos: Labelled
    photo_files: tuple[LabelledFile, ...]
    texts: Labelled
    clips: Labelled
    clip_files: tuple[LabelledFile, ...]
    seed: int

    def draw(self, slugs: Sequence[str], count: int, purpose: str) -> list[str]:
        """At most `count` of the slugs, sorted, by the seed: no figure shows what was picked to look well."""
        ordered = sorted(slugs)
        if len(ordered) <= count:
            return ordered
        return sorted(seeded("figure", purpose, self.seed).choice(ordered, count, replace=False).tolist())

    def recall(self, kind: str) -> float:
        """R@1 of typed names ("text") or clips ("audio") against all photos."""
        asked = {"text": self.texts, "audio": self.clips}[kind]
        return float(answers(Pair(asked, self.photos)).recall()["r1"])

    def thumbnail(self, number: int) -> NDArray[np.uint8]:
        """A photo as the network is shown it, larger."""
        photo = read_photo(self.photo_files[number].path)
        return render_photo(photo, THUMBNAIL, self.embedder.bundle.renderer.photo)

    def texture(self, slug: str) -> NDArray[np.uint8]:
        """A typed name as the network is shown it."""
        return render_text(self.names[slug], self.embedder.size_of("text"), self.embedder.bundle.renderer.text)

    def spectrogram(self, number: int) -> NDArray[np.uint8]:
        """A clip as the network is shown it."""
        samples, rate = read_sound(self.clip_files[number].path)
        return render_speech(samples, rate, self.embedder.size_of("audio"), self.embedder.bundle.renderer.speech)

    def title(self) -> str:
        """Bundle, counts and R@1, for the title of a figure."""
        return (
            f"{self.embedder.bundle.id}: {len(self.photos.slugs):,} photos of {len(self.names)} classes, "
            f"R@1 typed {self.recall('text'):.2f}, spoken {self.recall('audio'):.2f}"
        )


def gather(
    embedder: Embedder, images: Path, speech: Path, names: Path | None, language: str, seed: int = 0
) -> Gathered:
    """Read and embed. Classes without photos or without speech in that language are left out.

    Raises DataError if fewer than two classes are left, and whatever reading raises.
    """
    photo_files, clip_files = find_photos(images), find_speech(speech, language)
    slugs = sorted({file.slug for file in photo_files} & {file.slug for file in clip_files})
    if len(slugs) < 2:
        raise DataError(f"{images} and {speech}: {len(slugs)} classes with both photos and speech; figures need two")
    photos = embed_photos(embedder, [file for file in photo_files if file.slug in slugs])
    clips = embed_speech(embedder, [file for file in clip_files if file.slug in slugs])
    words = spelled(slugs, names_by_slug(embedder.bundle, names), language)
    return Gathered(
        embedder=embedder,
        names=dict(zip(slugs, words, strict=True)),
        photos=photos.labelled,
        photo_files=tuple(photos.files),
        texts=Labelled(embed_words(embedder, words)[0], tuple(slugs)),
        clips=clips.labelled,
        clip_files=tuple(clips.files),
        seed=seed,
    )
