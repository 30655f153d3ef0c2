# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Photos that are too easy are changed until as many are named right as was said, and no others are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from visual_byte_core.evaluation import folders
from visual_byte_core.evaluation.calibration import calibrate
from visual_byte_core.evaluation.changed_photos import HALVINGS, as_hard, change
from visual_byte_core.evaluation.part import Part
from visual_byte_core.evaluation.queries import embed_words, names_by_slug, spelled
from visual_byte_core.evaluation.rejection import Labelled
from visual_byte_core.rendering.photo import read_photo
from visual_byte_core.runtime.embedder import Embedder

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder(ROOT / "models" / "starter", threads=1)


@pytest.fixture(scope="module")
def part(embedder: Embedder) -> Part:
    embedded = folders.embed_photos(embedder, folders.find_photos(ROOT / "examples" / "photos"))
    slugs = sorted(set(embedded.labelled.slugs))
    words = embed_words(embedder, spelled(slugs, names_by_slug(embedder.bundle), "en"))[0]
    names = Labelled(words, tuple(slugs))
    return Part(embedded.labelled, embedded.files, names, {"text": names}, {}, {})


def named_right(part: Part, which: np.ndarray) -> float:
    names = part.names
    nearest = np.array(names.slugs)[(part.photos.embeddings @ names.embeddings.T).argmax(axis=1)]
    return float((nearest == np.array(part.photos.slugs))[which].mean())


def test_they_are_changed_until_no_more_are_named_right(embedder: Embedder, part: Part) -> None:
    first = part.files[0].path.name
    fits = np.array([file.path.name == first for file in part.files])
    before = named_right(part, ~fits)
    steps: list[None] = []
    harder = as_hard(embedder, part, "*", 0.3, progress=lambda: steps.append(None))
    everything = np.ones(len(fits), bool)
    assert named_right(harder, everything) <= 0.3 < named_right(part, everything) and len(steps) == HALVINGS
    np.testing.assert_allclose(np.linalg.norm(harder.photos.embeddings, axis=1), 1, atol=1e-5)
    again = as_hard(embedder, part, "*", 0.3)
    np.testing.assert_array_equal(again.photos.embeddings, harder.photos.embeddings)
    one = as_hard(embedder, part, first, 0.01)
    np.testing.assert_array_equal(one.photos.embeddings[~fits], part.photos.embeddings[~fits])
    assert named_right(one, ~fits) == before


def test_a_calibration_on_harder_photos_says_that_more_is_refused(embedder: Embedder, part: Part) -> None:
    def refused(photos: Part) -> float:
        never = {"text": embed_words(embedder, ["zeppelin", "saxophone"])[0]}
        return float(calibrate(photos.photos, photos.queries, never, {}, seed=1)["text"]["false_refusals"][0][2])

    assert refused(as_hard(embedder, part, "*", 0.1)) > refused(part)


def test_photos_that_are_hard_already_stay(embedder: Embedder, part: Part) -> None:
    same = as_hard(embedder, part, "*", 0.99)
    np.testing.assert_array_equal(same.photos.embeddings, part.photos.embeddings)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 90, 3), (48, 64, 3)])
def test_a_photo_of_any_size_can_be_changed(strength: float, shape: tuple[int, int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    changed = change(image, strength, np.random.default_rng(1))
    assert changed.dtype == np.uint8 and 0 not in changed.shape and changed.shape[2] == 3


def test_without_strength_only_the_sides_are_cut() -> None:
    photo = read_photo(sorted((ROOT / "examples" / "photos" / "banana").glob("*.jpg"))[0])
    changed = change(photo, 0.0, np.random.default_rng(1))
    assert changed.shape[0] == changed.shape[1] == min(photo.shape[:2])
