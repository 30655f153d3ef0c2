# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Composed scenes repeat, show distinct things, and a map that knows where things are is found out as such."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.dataset.class_folders import find_photos
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.embedding.regions import similarity
from visual_byte_core.errors import DataError, InvalidImage
from visual_byte_core.evaluation.scenes import compose_scenes, measure_regions, tile_of_peak
from visual_byte_core.metrics.labelled import Labelled
from visual_byte_testing.paths import ROOT

PHOTOS = ROOT / "examples" / "photos"


@pytest.fixture(scope="module")
def embedder(convnext_bundle: Bundle) -> Embedder:
    return Embedder(convnext_bundle, threads=1)


def test_a_map_has_a_cell_for_every_32_pixels(embedder: Embedder) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 96, 160, 3)).astype(np.uint8)
    cells = embedder.embed_map(images)
    assert cells.shape == (2, 512, 3, 5) and cells.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(cells, axis=1), 1, atol=1e-4)
    assert np.abs(embedder.embed_map(images[:1]) - cells[:1]).max() < 5e-3


@pytest.mark.parametrize("shape", [(1, 100, 64, 3), (1, 64, 64, 4), (64, 64, 3)])
def test_other_images_for_a_map_are_refused(embedder: Embedder, shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidImage, match="map of regions"):
        embedder.embed_map(np.zeros(shape, np.uint8))


def test_scenes_repeat_and_show_distinct_things(embedder: Embedder) -> None:
    photos = find_photos(PHOTOS)
    first, again = (compose_scenes(embedder, photos, 3, 4) for _ in range(2))
    assert [scene.slugs for scene in first] == [scene.slugs for scene in again]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, again, strict=True))
    assert all(len(set(scene.slugs)) == 9 and scene.image.shape[0] == 2 * embedder.size for scene in first)


@pytest.mark.parametrize(("cell", "grid", "tile"), [((0, 0), 2, 0), ((0, 2), 2, 1), ((3, 1), 2, 2), ((2, 3), 3, 5)])
def test_the_tile_of_the_peak(cell: tuple[int, int], grid: int, tile: int) -> None:
    heat = np.zeros((4, 4), np.float32)
    heat[cell] = 1
    assert tile_of_peak(heat, grid) == tile


def test_similarity_is_the_cosine_of_each_cell() -> None:
    cells = np.random.default_rng(0).normal(size=(8, 2, 3)).astype(np.float32)
    heat = similarity(cells, cells[:, 1, 2])
    assert heat.shape == (2, 3) and heat[1, 2] == pytest.approx(float((cells[:, 1, 2] ** 2).sum()), rel=1e-5)


class Knowing:
    """Stands before a real embedder and colours its map: the mean colour of each cell, as a unit vector."""

    def __init__(self, embedder: Embedder) -> None:
        self.size, self.bundle = embedder.size, embedder.bundle

    def embed_map(self, images: np.ndarray) -> np.ndarray:
        n, height, width, _ = images.shape
        cells = images.reshape(n, height // 32, 32, width // 32, 32, 3).mean(axis=(2, 4)).transpose(0, 3, 1, 2)
        return (cells / np.linalg.norm(cells, axis=1, keepdims=True)).astype(np.float32)


def test_a_map_that_sees_colours_finds_coloured_things(embedder: Embedder, tmp_path: Path) -> None:
    import cv2

    colours = {"red": (250, 5, 5), "green": (5, 250, 5), "blue": (5, 5, 250), "white": (200, 200, 200)}
    for slug, colour in colours.items():
        (tmp_path / slug).mkdir()
        cv2.imwrite(str(tmp_path / slug / "a.png"), np.full((64, 64, 3), colour[::-1], np.uint8))
    vectors = np.array(list(colours.values()), np.float32)
    names = Labelled(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), tuple(colours))
    layouts = {"large": (2, 2), "small": (2, 1), "too fine for its map": (3, 1)}
    found = measure_regions(Knowing(embedder), find_photos(tmp_path), names, 10, layouts)
    facts = {"hit_rate": 1.0, "chance": 0.25, "n": 40}
    assert found == {
        "large": {**facts, "side": 2 * embedder.size, "cells": 2 * embedder.size // 32},
        "small": {**facts, "side": embedder.size, "cells": embedder.size // 32},
    }
    wrong = Labelled(names.embeddings[::-1].copy(), names.slugs)
    assert measure_regions(Knowing(embedder), find_photos(tmp_path), wrong, 10, layouts)["small"]["hit_rate"] == 0


def test_too_few_classes_for_a_scene_are_told(embedder: Embedder) -> None:
    photos = [photo for photo in find_photos(PHOTOS) if photo.slug in ("banana", "lemon", "kiwi")]
    with pytest.raises(DataError, match="scenes of 2 x 2: photos of 3 distinct classes, 4 are needed"):
        compose_scenes(embedder, photos, 2, 1)


def test_a_figure_marks_right_and_wrong_places(embedder: Embedder) -> None:
    from visual_byte_core.evaluation.figures.gallery import Gathered
    from visual_byte_core.evaluation.figures.regions import regions_of_scenes
    from visual_byte_core.evaluation.figures.style import house_style

    photos = tuple(find_photos(PHOTOS))
    slugs = sorted({photo.slug for photo in photos})
    texts = Labelled(np.stack([embedder.embed_text(slug) for slug in slugs]), tuple(slugs))
    none = Labelled(np.empty((0, 512), np.float32), ())
    gathered = Gathered(embedder, {slug: slug for slug in slugs}, none, photos, texts, none, (), seed=0)
    with house_style():
        titles = [axes.get_title() for axes in regions_of_scenes(gathered).axes]
    assert titles[::5] == 2 * ["2 x 2, 128 pixels"] + ["2 x 2, 64 pixels"] + 2 * ["3 x 3, 128 pixels"]
    marks = {title[0] for i, title in enumerate(titles) if i % 5}
    assert marks == {"✓", "✗"}  # an untrained map is right by chance only
