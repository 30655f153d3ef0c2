# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Where a recall comes from: one row for each class, and which classes are taken for which."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visual_byte_core.metrics.labelled import Labelled
from visual_byte_core.metrics.recall import first_hit_ranks, nearest

MAX_CONFUSIONS = 20


@dataclass(frozen=True)
class Pair:
    """Queries of one kind and what they are asked of; with `exclude_self` they are the same and none finds itself."""

    queries: Labelled
    gallery: Labelled
    exclude_self: bool = False


@dataclass(frozen=True)
class Answers:
    """How a pair's queries (n,) are answered.

    Attributes:
        asked: the class of each query.
        right: whether the nearest item, or one of the five nearest, is of that class, ties counting against it.
        right_in_5: as `right`.
        answered: the class of the nearest item.
    """

    asked: tuple[str, ...]
    right: NDArray[np.bool_]
    right_in_5: NDArray[np.bool_]
    answered: tuple[str, ...]

    def recall(self, of_class: str | None = None) -> dict[str, Any]:
        """R@1 and R@5 of all queries, or of those of one class: {"r1", "r5", "n"}, None where there are no queries."""
        chosen = np.ones(len(self.asked), bool) if of_class is None else np.array(self.asked) == of_class
        if not chosen.any():
            return {"r1": None, "r5": None, "n": 0}
        r1, r5 = (round(float(hits[chosen].mean()), 6) for hits in (self.right, self.right_in_5))
        return {"r1": r1, "r5": r5, "n": int(chosen.sum())}

    def wrong(self) -> Counter[tuple[str, str]]:
        """How often each class was taken for each other one."""
        return Counter(pair for pair in zip(self.asked, self.answered, strict=True) if pair[0] != pair[1])


def answers(pair: Pair) -> Answers:
    """Every query's answer; none at all where there is nothing to ask or to find."""
    asked, shown = pair.queries, pair.gallery
    if not asked.slugs or not shown.slugs:
        return Answers((), np.zeros(0, bool), np.zeros(0, bool), ())
    ranks = first_hit_ranks(asked.embeddings, asked.slugs, shown.embeddings, shown.slugs, pair.exclude_self)
    possible = ranks < len(shown.slugs)  # a class that is not there ranks below a K larger than the gallery
    items = nearest(asked.embeddings, shown.embeddings, 1, pair.exclude_self)
    answered = tuple(shown.slugs[row[0]] if len(row) else "" for row in items)
    return Answers(asked.slugs, (ranks < 1) & possible, (ranks < 5) & possible, answered)


def per_class(answered: Mapping[str, Answers], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """A row for each slug of `names`: {"slug", "name", pair: {"r1", "r5", "n"}, ..., "taken_for"}.

    Args:
        answered: answers of every pair, among them image_to_text, from which `taken_for`, the name that most of the
            class's misnamed photos get, comes; it is empty if none is misnamed.
    """
    others: dict[str, Counter[str]] = {}
    for (shown, called), count in answered["image_to_text"].wrong().items():
        others.setdefault(shown, Counter())[called] = count
    return [
        {"slug": slug, "name": name}
        | {pair: found.recall(slug) for pair, found in answered.items()}
        | {"taken_for": others[slug].most_common(1)[0][0] if slug in others else ""}
        for slug, name in names.items()
    ]


def confusions(answered: Answers) -> list[dict[str, Any]]:
    """The most frequent wrong answers, {"asked", "answered", "n", "share" of the queries of the class asked}."""
    totals = Counter(answered.asked)
    ordered = sorted(answered.wrong().items(), key=lambda entry: (-entry[1], entry[0]))[:MAX_CONFUSIONS]
    return [
        {"asked": asked, "answered": found, "n": n, "share": round(n / totals[asked], 4)}
        for (asked, found), n in ordered
    ]


def per_class_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The rows of `per_class` as UTF-8 CSV: slug, name, R@1, R@5 and queries of every pair, taken_for."""
    table = io.StringIO()
    flat = [_flattened(row) for row in rows]
    writer = csv.DictWriter(table, list(flat[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return table.getvalue().encode()


def _flattened(row: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in row.items():
        flat |= (
            {f"{key}_{part}": found for part, found in value.items()} if isinstance(value, Mapping) else {key: value}
        )
    return flat
