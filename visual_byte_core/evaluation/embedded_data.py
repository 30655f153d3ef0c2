# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Reading an evaluation set, `DIR/<slug>/*.jpg` and `DIR/<slug>/**/*.wav`, into embeddings, a chunk at a time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from visual_byte_core.dataset.class_folders import LabelledFile
from visual_byte_core.dataset.perturbation import NoiseMixer
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.errors import DataError, InvalidImage, InvalidSound, VisualByteError
from visual_byte_core.metrics.labelled import Labelled
from visual_byte_core.rendering.photo import read_photo, render_photo
from visual_byte_core.rendering.speech import read_sound, render_speech
from visual_byte_core.rendering.text import render_text

FILES_AT_ONCE = 64

log = logging.getLogger("visual_byte")


@dataclass
class EmbeddedFiles:
    """What could be read of some files.

    files: those read, in order; embeddings: float32 (len(files), d); unreadable: one reason per other file;
    render_s, from file to image: one per file read.
    """

    files: list[LabelledFile] = field(default_factory=list)
    embeddings: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    unreadable: list[str] = field(default_factory=list)
    render_s: list[float] = field(default_factory=list)

    @property
    def labelled(self) -> Labelled:
        """The embeddings with the slug of each file."""
        return Labelled(self.embeddings, tuple(file.slug for file in self.files))


def embed_photos(embedder: Embedder, files: Sequence[LabelledFile]) -> EmbeddedFiles:
    """Embed photos. Raises DataError if none of them can be read; warns of each that cannot."""
    size, settings = embedder.size, embedder.bundle.renderer.photo
    return _embed(embedder.embed_photos, files, "photos", lambda f: render_photo(read_photo(f.path), size, settings))


def embed_speech(embedder: Embedder, files: Sequence[LabelledFile], noise: NoiseMixer | None = None) -> EmbeddedFiles:
    """Embed spoken names, with noise if any is given. Raises DataError if none of them can be read; warns of each."""
    settings = embedder.bundle.renderer.speech

    def render(file: LabelledFile) -> NDArray[np.uint8]:
        samples, rate = read_sound(file.path)
        if noise is not None:
            samples = noise.mix(samples, rate, file.key)
        return render_speech(samples, rate, embedder.size_of("audio"), settings)

    return _embed(embedder.embed, files, "speech", render)


def _embed(
    embed: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    files: Sequence[LabelledFile],
    what: str,
    render: Callable[[LabelledFile], NDArray[np.uint8]],
) -> EmbeddedFiles:
    embedded = EmbeddedFiles()
    parts: list[NDArray[np.float32]] = []
    with tqdm(total=len(files), desc=what, unit="file", disable=None) as bar:
        for chunk in _chunks(files):
            images: list[NDArray[np.uint8]] = []
            for file in chunk:
                started = time.perf_counter()
                try:
                    images.append(render(file))
                except (InvalidImage, InvalidSound) as error:
                    embedded.unreadable.append(_reason(file.path, error))
                    log.warning("left out: %s", embedded.unreadable[-1])
                    continue
                embedded.render_s.append(time.perf_counter() - started)
                embedded.files.append(file)
            if images:
                parts.append(embed(np.stack(images)))
            bar.update(len(chunk))
    if not parts:
        raise DataError(f"none of {len(files)} {what} files can be read; the first: {embedded.unreadable[0]}")
    embedded.embeddings = np.concatenate(parts)
    if embedded.unreadable:
        log.warning("%d of %d %s files could not be read and do not count", len(embedded.unreadable), len(files), what)
    return embedded


def _reason(path: Path, error: VisualByteError) -> str:
    return str(error) if str(path) in str(error) else f"{path}: {error}"


def _chunks(files: Sequence[LabelledFile]) -> Iterator[Sequence[LabelledFile]]:
    return (files[start : start + FILES_AT_ONCE] for start in range(0, len(files), FILES_AT_ONCE))


def embed_words(embedder: Embedder, words: Sequence[str]) -> tuple[NDArray[np.float32], list[float]]:
    """Embeddings (n, d) of words and the seconds that rendering each took. Raises InvalidText."""
    images, seconds = [], []
    for one in words:
        started = time.perf_counter()
        images.append(render_text(one, embedder.size_of("text"), embedder.bundle.renderer.text))
        seconds.append(time.perf_counter() - started)
    return embedder.embed(np.stack(images)), seconds
