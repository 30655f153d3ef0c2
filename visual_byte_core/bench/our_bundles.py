# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What our bundles do, as a robot's nodes call it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np

from visual_byte_core.bench.contenders import (
    DIMENSION,
    FRAME,
    FRAME_SHAPE,
    REMEMBERED,
    SEARCH,
    SPOKEN,
    TYPED,
    TYPED_AGAIN,
    Contender,
)
from visual_byte_core.bundle.bundle import load_bundle
from visual_byte_core.capture.speech_likeness import DEFAULT_SPEECH_PROBABILITY, SpeechLikeness
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.engine.finder import Finder
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.merging import MergeSettings
from visual_byte_core.memory.observation import Observation
from visual_byte_core.rendering.speech import read_sound, render_speech
from visual_byte_core.rendering.text import render_text
from visual_byte_core.rendering.thumbnail import thumbnail

Task = Callable[[], object]


def unit_vectors(count: int, seed: int = 0, dimension: int = DIMENSION) -> np.ndarray:
    """float32 (count, dimension), of unit length, in random directions."""
    vectors = np.random.default_rng(seed).standard_normal((count, dimension), np.float32)
    unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def frame() -> np.ndarray:
    """A camera frame, uint8 (480, 640, 3)."""
    return np.random.default_rng(0).integers(0, 256, FRAME_SHAPE, np.uint8)


def fill(folder: Path, bundle_id: str, memories: int) -> None:
    """Make a memory of that many random embeddings. Raises InvalidMemory."""
    memory = Memory(folder, bundle_id, dimension=DIMENSION, merge=MergeSettings(enabled=False))
    for start in range(0, memories, 10_000):
        for number, vector in enumerate(unit_vectors(min(10_000, memories - start), start)):
            memory.remember(vector, Observation(captured_at=1.0 + start + number, frame_id="camera"))
    memory.close()


def our_tasks(contender: Contender) -> dict[str, Task]:
    """The rows that a bundle fills."""
    bundle = load_bundle(contender.model)
    embedder = Embedder(bundle, threads=contender.threads)
    memory = Memory(contender.memory, bundle.id, dimension=bundle.dimension, merge=MergeSettings(enabled=False))
    finder = Finder(memory, bundle.calibration) if bundle.calibration else None
    speech = SpeechLikeness()
    samples, rate = read_sound(contender.utterance)
    picture = frame()
    numbers = count()

    def matches(rendered: np.ndarray, modality: str) -> object:
        embedding = embedder.embed(rendered[None])[0]
        return finder.find(embedding, modality) if finder else memory.search(embedding, 3)

    def typed() -> object:
        return matches(render_text(f"oat milk {next(numbers)}", bundle.size_of("text"), bundle.renderer.text), "text")

    def spoken() -> object:
        speech.check(samples, rate, DEFAULT_SPEECH_PROBABILITY)
        return matches(render_speech(samples, rate, bundle.size_of("audio"), bundle.renderer.speech), "audio")

    def remembered() -> object:
        embedding = embedder.embed_photo(picture)
        observation = Observation(captured_at=1e6 + next(numbers), frame_id="camera", thumbnail=thumbnail(picture))
        stored = memory.remember(embedding, observation)
        memory.flush()
        return stored

    return {
        FRAME: lambda: embedder.embed_photo(picture),
        TYPED: typed,
        TYPED_AGAIN: lambda: embedder.embed_text("oat milk"),
        SPOKEN: spoken,
        REMEMBERED: remembered,
    }


def memory_tasks(contender: Contender) -> dict[str, Task]:
    """Search alone, among as many memories as the contender has."""
    memory = Memory(contender.memory, contender.model, dimension=DIMENSION, merge=MergeSettings(enabled=False))
    queries = unit_vectors(1000, seed=1)
    numbers = count()
    return {SEARCH.format(contender.memories): lambda: memory.search(queries[next(numbers) % len(queries)], 10)}
