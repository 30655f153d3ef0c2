# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A still camera's frames are embedded once and remembered each; what moves is embedded again."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest

from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.embedding.frame_embedder import FrameEmbedder
from visual_byte_core.embedding.regions import RegionSettings
from visual_byte_core.engine.finder import Finder
from visual_byte_core.engine.observed_frame import ObservedFrame
from visual_byte_core.engine.settings import EngineSettings
from visual_byte_core.engine.worker import Worker
from visual_byte_core.errors import InvalidImage
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.observation import Observation
from visual_byte_testing.fixtures_bundle import photo

LIMIT = 4.0  # the node's default


@pytest.fixture
def embedder(bundle: Bundle) -> Embedder:
    return Embedder(bundle, threads=1)


def scene() -> np.ndarray:
    """uint8 (480, 640, 3) RGB."""
    return cv2.resize(photo(1), (640, 480), interpolation=cv2.INTER_CUBIC)


def noisy(image: np.ndarray, seed: int) -> np.ndarray:
    """With a camera's noise, 5 grey levels of standard deviation."""
    noise = np.random.default_rng(seed).normal(0, 5, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def test_a_still_camera_is_embedded_once_in_spite_of_its_noise(embedder: Embedder) -> None:
    frames = FrameEmbedder(embedder, skip_unchanged=LIMIT)
    first = frames.embed(noisy(scene(), 0)).embedding
    for seed in range(1, 20):
        np.testing.assert_array_equal(frames.embed(noisy(scene(), seed)).embedding, first)
    assert frames.skipped == 19


def test_a_small_thing_that_appears_is_embedded(embedder: Embedder) -> None:
    frames = FrameEmbedder(embedder, skip_unchanged=LIMIT)
    frames.embed(scene())
    changed = scene()
    changed[200:240, 300:340] = 255 - changed[200:240, 300:340]  # a 16th of the width
    frames.embed(changed)
    assert frames.skipped == 0


def test_a_camera_that_pans_is_always_embedded(embedder: Embedder) -> None:
    frames = FrameEmbedder(embedder, skip_unchanged=LIMIT)
    for shift in range(0, 100, 10):
        frames.embed(np.roll(scene(), shift, axis=1))
    assert frames.skipped == 0


def test_a_slow_change_adds_up(embedder: Embedder) -> None:
    frames = FrameEmbedder(embedder, skip_unchanged=LIMIT)
    for level in range(100, 121):
        frames.embed(np.full((480, 640, 3), level, np.uint8))
    assert frames.skipped == 16  # of 21; each fifth is over 4 from the last that was embedded


def test_nothing_is_skipped_unless_asked_for(embedder: Embedder) -> None:
    frames = FrameEmbedder(embedder)
    frames.embed(scene()), frames.embed(scene())
    assert frames.skipped == 0


def test_another_size_or_more_regions_are_embedded(embedder: Embedder) -> None:
    frames = FrameEmbedder(embedder, RegionSettings(max_count=3, max_cosine=1.0), LIMIT)
    assert frames.embed(scene(), whole=True).regions is None
    first = frames.embed(scene()).regions
    frames.embed(cv2.resize(scene(), (320, 240)))
    assert frames.skipped == 0 and first is not None and len(first) == 3


def test_regions_of_an_unchanged_frame_show_that_frame(embedder: Embedder) -> None:
    frames = FrameEmbedder(embedder, RegionSettings(max_count=3, max_cosine=1.0), LIMIT)
    before, after = noisy(scene(), 1), noisy(scene(), 2)
    first, second = frames.embed(before).regions, frames.embed(after).regions
    assert frames.skipped == 1 and first and second
    for one, other in zip(first, second, strict=True):
        x, y, width, height = other.rectangle
        np.testing.assert_array_equal(other.image, after[y : y + height, x : x + width])
        assert other.rectangle == one.rectangle and other.embedding is one.embedding


def test_what_is_no_picture_is_refused_as_ever(embedder: Embedder) -> None:
    frames = FrameEmbedder(embedder, skip_unchanged=LIMIT)
    for image in (np.zeros((0, 5, 3), np.uint8), np.zeros(7, np.uint8)):
        with pytest.raises(InvalidImage):
            frames.embed(image)


@pytest.mark.parametrize("shape", [(480, 640), (720, 1280), (482, 640), (481, 641), (640, 480), (100, 90), (256, 256)])
def test_a_frame_that_is_halved_first_has_the_same_embedding_and_thumbnail(
    embedder: Embedder, shape: tuple[int, int]
) -> None:
    image = noisy(cv2.resize(photo(1), shape[::-1], interpolation=cv2.INTER_CUBIC), 1)
    embedded = FrameEmbedder(embedder).embed(image)
    np.testing.assert_array_equal(embedded.embedding, embedder.embed_photo(image))
    assert max(embedded.picture.shape) == min(160, max(shape))
    straight = cv2.resize(image, embedded.picture.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert cv2.absdiff(embedded.picture, straight).mean() < 1


def test_the_memory_counts_what_was_not_embedded_again(bundle: Bundle, tmp_path: Path) -> None:
    embedder = Embedder(bundle, threads=1)
    memory = Memory(tmp_path / "memory", bundle.id)
    worker = Worker(
        embedder,
        memory,
        Finder(memory, bundle.calibration),
        logging.getLogger("worker"),
        EngineSettings(skip_unchanged=LIMIT),
    )
    try:
        for second in range(6):
            worker.remember(ObservedFrame(noisy(scene(), second), Observation(captured_at=1e9 + second))).result(5)
        assert worker.report().unchanged == 5
        (match,) = worker.do(lambda: memory.search(embedder.embed_photo(scene()), 3)).result(5)
        assert match.times == 6 and match.last_seen == 1e9 + 5 and match.first_seen == 1e9
    finally:
        worker.close()
