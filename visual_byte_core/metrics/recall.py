# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Recall at K between two sets of embeddings; numpy only, so that training may use it too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

QUERIES_AT_ONCE = 512  # 512 queries x 10,000 gallery items are 20 MB of scores


def first_hit_ranks(
    query_embeddings: NDArray[np.floating],
    query_labels: ArrayLike,
    gallery_embeddings: NDArray[np.floating],
    gallery_labels: ArrayLike,
    exclude_self: bool = False,
) -> NDArray[np.int64]:
    """Rank (n,), 0 for the nearest, at which each query first meets a gallery item of its own class.

    It is counted as the number of items of other classes that score at least as much as the best of the own class: a
    tie counts against the query, so that embeddings that all fell together find nothing. A query whose class is not in
    the gallery gets the size of the gallery, or more: no K reaches it.

    `query_embeddings` (n, d) and `gallery_embeddings` (m, d) are unit length, so that their product is the cosine.
    With `exclude_self` query i is gallery item i, and is left out of its own ranking.

    Raises:
        ValueError: shapes do not fit or a value is not finite.
    """
    queries, gallery = _checked("query", query_embeddings), _checked("gallery", gallery_embeddings)
    if queries.shape[1] != gallery.shape[1]:
        raise ValueError(f"queries have {queries.shape[1]} dimensions and the gallery has {gallery.shape[1]}")
    if exclude_self and len(queries) != len(gallery):
        raise ValueError(f"exclude_self wants the queries to be the gallery, got {len(queries)} and {len(gallery)}")
    wanted, offered = _numbered(query_labels, gallery_labels)
    if len(wanted) != len(queries) or len(offered) != len(gallery):
        raise ValueError(
            f"{len(queries)} queries have {len(wanted)} labels, {len(gallery)} gallery items have {len(offered)}"
        )
    ranks = np.empty(len(queries), np.int64)
    for start in range(0, len(queries), QUERIES_AT_ONCE):
        rows = slice(start, start + QUERIES_AT_ONCE)
        scores = queries[rows] @ gallery.T
        same_class = wanted[rows, None] == offered[None, :]
        if exclude_self:
            diagonal = np.arange(len(scores))
            same_class[diagonal, start + diagonal] = False
            scores[diagonal, start + diagonal] = -np.inf
        best = np.where(same_class, scores, -np.inf).max(axis=1, initial=-np.inf)
        nearer = ((scores >= best[:, None]) & ~same_class).sum(axis=1)
        ranks[rows] = np.where(np.isfinite(best), nearer, len(gallery))
    return ranks


def nearest(
    query_embeddings: NDArray[np.floating],
    gallery_embeddings: NDArray[np.floating],
    k: int = 1,
    exclude_self: bool = False,
) -> NDArray[np.int64]:
    """Numbers (n, k) of each query's nearest gallery items, best first; fewer columns if the gallery holds fewer.

    Arguments and errors as in `first_hit_ranks`.
    """
    queries, gallery = _checked("query", query_embeddings), _checked("gallery", gallery_embeddings)
    k = max(0, min(k, len(gallery) - exclude_self))
    found = np.empty((len(queries), k), np.int64)
    for start in range(0, len(queries), QUERIES_AT_ONCE):
        scores = queries[start : start + QUERIES_AT_ONCE] @ gallery.T
        if exclude_self:
            diagonal = np.arange(len(scores))
            scores[diagonal, start + diagonal] = -np.inf
        best = np.argpartition(-scores, k - 1, axis=1)[:, :k] if k else np.empty((len(scores), 0), np.int64)
        order = np.argsort(-np.take_along_axis(scores, best, 1), axis=1)
        found[start : start + len(scores)] = np.take_along_axis(best, order, 1)
    return found


def recall_at_k(
    query_embeddings: NDArray[np.floating],
    query_labels: ArrayLike,
    gallery_embeddings: NDArray[np.floating],
    gallery_labels: ArrayLike,
    ks: Sequence[int] = (1, 5),
    exclude_self: bool = False,
) -> dict[str, float]:
    """Share of the queries, 0..1, of which one of the K nearest gallery items has the query's class.

    Returns {"r1": .., "r5": .., "n": queries}. Every query counts: one whose class is not in the gallery, as a class
    with a single photo under `exclude_self`, is a miss. Arguments as in `first_hit_ranks`.

    Raises:
        ValueError: there are no queries: a share of nothing has no value.
    """
    if len(query_embeddings) == 0:
        raise ValueError("recall of no queries has no value")
    if min(ks) < 1:
        raise ValueError(f"K counts from 1, got {min(ks)}")
    ranks = first_hit_ranks(query_embeddings, query_labels, gallery_embeddings, gallery_labels, exclude_self)
    # With fewer than K items in the gallery a class that is not there would still rank below K.
    possible = ranks < len(gallery_embeddings)
    recalls: dict[str, float] = {f"r{k}": float(np.mean((ranks < k) & possible)) for k in ks}
    return {**recalls, "n": len(ranks)}


def _checked(name: str, embeddings: NDArray[np.floating]) -> NDArray[np.float32]:
    array = np.asarray(embeddings, np.float32)
    if array.ndim != 2:
        raise ValueError(f"{name} embeddings must be (n, dimension), got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} embeddings hold values that are not finite")
    return array


def _numbered(query_labels: ArrayLike, gallery_labels: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labels of any kind as integers that are equal where the labels are: comparing those is fast."""
    wanted, offered = np.asarray(query_labels), np.asarray(gallery_labels)
    if wanted.ndim != 1 or offered.ndim != 1:
        raise ValueError(f"labels must be one per embedding, got shapes {wanted.shape} and {offered.shape}")
    _, numbers = np.unique(np.concatenate([wanted, offered]), return_inverse=True)
    return numbers[: len(wanted)], numbers[len(wanted) :]
