# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Recall at K against values worked out by hand and against a sort of every query."""

from __future__ import annotations

import numpy as np
import pytest

from visual_byte_core.metrics import recall
from visual_byte_core.metrics.recall import first_hit_ranks, nearest, recall_at_k


def unit(*angles: float) -> np.ndarray:
    """Unit vectors in the plane at these degrees: nearness can be read off."""
    radians = np.deg2rad(np.array(angles, float))
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def test_ranks_of_a_layout_one_can_draw():
    gallery, labels = unit(0, 10, 20, 90), ["apple", "bowl", "apple", "cup"]
    ranks = first_hit_ranks(unit(1, 12, 40, 80), ["apple", "apple", "cup", "bowl"], gallery, labels)
    # 12 degrees: bowl (2 away), apple (8 away). 40: apple 20, bowl 30, apple 40, cup 50 away. 80: cup, apple, bowl.
    assert ranks.tolist() == [0, 1, 3, 2]
    recalls = recall_at_k(unit(1, 12, 40, 80), ["apple", "apple", "cup", "bowl"], gallery, labels, ks=(1, 2, 5))
    assert recalls == {"r1": 0.25, "r2": 0.5, "r5": 1.0, "n": 4}


def test_the_query_itself_is_left_out_and_a_lone_photo_is_a_miss():
    photos, labels = unit(0, 5, 50, 54, 180), ["a", "a", "b", "a", "lone"]
    # The lone photo has nothing of its class; b has only itself; 54 finds b first and then its class.
    assert recall_at_k(photos, labels, photos, labels, ks=(1, 2, 5), exclude_self=True) == {
        "r1": 0.4, "r2": 0.6, "r5": 0.6, "n": 5
    }  # fmt: skip
    assert recall_at_k(photos, labels, photos, labels)["r1"] == 1.0


def test_the_nearest_items_come_in_order(monkeypatch):
    gallery = unit(0, 10, 20, 90)
    assert nearest(unit(1, 80), gallery, 3).tolist() == [[0, 1, 2], [3, 2, 1]]
    monkeypatch.setattr(recall, "QUERIES_AT_ONCE", 3)
    assert nearest(gallery, gallery, 2, exclude_self=True).tolist() == [[1, 2], [0, 2], [1, 0], [2, 1]]
    assert nearest(unit(5), unit(0), 5).tolist() == [[0]]
    assert nearest(unit(5), unit(5), exclude_self=True).shape == (1, 0)


def test_a_class_that_is_not_there_is_a_miss_even_where_k_is_the_whole_gallery():
    assert recall_at_k(unit(0), ["zebra"], unit(0, 1), ["a", "b"], ks=(1, 2, 10))["r10"] == 0.0
    assert recall_at_k(unit(0), ["zebra"], np.empty((0, 2), np.float32), [])["r5"] == 0.0


def test_embeddings_that_fell_together_find_nothing():
    photos, labels = unit(*[7.0] * 12), np.repeat([1, 2, 3, 4], 3)
    assert recall_at_k(photos, labels, photos, labels, exclude_self=True)["r5"] == 0.0


@pytest.mark.parametrize("exclude_self", [False, True])
def test_it_agrees_with_sorting_every_query(exclude_self, monkeypatch):
    generator = np.random.default_rng(3)
    gallery = generator.normal(size=(150, 16)).astype(np.float32)
    gallery /= np.linalg.norm(gallery, axis=1, keepdims=True)
    labels = np.array([f"class {n}" for n in generator.integers(0, 20, 150)])
    monkeypatch.setattr(recall, "QUERIES_AT_ONCE", 64)  # a last part that is not full
    recalls = recall_at_k(gallery, labels, gallery, labels, ks=(1, 5, 20), exclude_self=exclude_self)
    for k in (1, 5, 20):
        hits = 0
        for query in range(150):
            order = np.argsort(-(gallery @ gallery[query]))
            order = order[order != query] if exclude_self else order
            hits += labels[query] in labels[order[:k]]
        assert recalls[f"r{k}"] == pytest.approx(hits / 150)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((unit(), [], unit(0), ["a"]), "no queries"),
        ((unit(0), ["a"], np.ones((1, 3), np.float32), ["a"]), "2 dimensions and the gallery has 3"),
        ((unit(0), ["a", "b"], unit(0), ["a"]), "1 queries have 2 labels"),
        ((unit(0)[0], ["a"], unit(0), ["a"]), "must be"),
        ((np.full((1, 2), np.nan), ["a"], unit(0), ["a"]), "not finite"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, reason):
    with pytest.raises(ValueError, match=reason):
        recall_at_k(*arguments)
