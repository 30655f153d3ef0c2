# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What filters look at, of every memory in RAM: 36 bytes each, compared a million at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from visual_byte_core.memory.match import Filter
from visual_byte_core.names import folded

TYPE = np.dtype(
    [("row", "i8"), ("first_seen", "f8"), ("last_seen", "f8"), ("label", "i4"), ("map_id", "i4"), ("list", "i4")]
)
FIRST_ROOM = 1024


class Columns:
    """Row, times, label and map of each memory, and its list in the index; in the order of the rows."""

    def __init__(self) -> None:
        self._columns = {name: np.empty(FIRST_ROOM, TYPE[name]) for name in TYPE.names or ()}
        self._count = 0
        self._codes: dict[str, int] = {}

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, name: str) -> np.ndarray:
        """A view of one column, (memories,)."""
        return self._columns[name][: self._count]

    def extend(self, memories: Sequence[tuple[int, float, float, str, str]]) -> None:
        """Add memories, whose lists are set by whoever knows them.

        Args:
            memories: row, first_seen, last_seen, label, map_id of each; rows rise, and are higher than all before.
        """
        end = self._count + len(memories)
        if end > len(self._columns["row"]):
            self._columns = {name: np.resize(column, 2 * end) for name, column in self._columns.items()}
        row, first, last, labels, maps = zip(*memories, strict=True)
        values = (row, first, last, [self._code(folded(label)) for label in labels], list(map(self._code, maps)), -1)
        for column, value in zip(self._columns.values(), values, strict=True):
            column[self._count : end] = value
        self._count = end

    def change(self, row: int, first_seen: float, last_seen: float, label: str, map_id: str) -> None:
        """Replace what is known of a row, which must be there; times are seconds since 1970."""
        at = self.at(np.array([row]))[0]
        values = (row, first_seen, last_seen, self._code(folded(label)), self._code(map_id))
        for column, value in zip(self._columns.values(), values, strict=False):
            column[at] = value

    def at(self, rows: np.ndarray) -> np.ndarray:
        """Where in the columns these rows are; they must be there."""
        return np.searchsorted(self["row"], rows)

    def remove(self, rows: np.ndarray) -> None:
        """rows: int64 (n,), of memories that are there."""
        kept = ~np.isin(self["row"], rows)
        self._columns = {name: self[name][kept] for name in self._columns}
        self._count = len(self._columns["row"])
        if self._count < FIRST_ROOM:
            self._columns = {name: np.resize(column, FIRST_ROOM) for name, column in self._columns.items()}

    def passing(
        self, where: Filter | None, labels: tuple[str, ...] = (), last_seen: tuple[float, float] | None = None
    ) -> np.ndarray:
        """Which memories pass, bool (memories,).

        Args:
            labels: one of them, if given.
            last_seen: from when until when.
        """
        where = where or Filter()
        passes = np.ones(self._count, bool)
        if where.label is not None:
            passes &= self["label"] == self._codes.get(folded(where.label), -1)
        if labels:
            passes &= np.isin(self["label"], [self._codes.get(folded(label), -1) for label in labels])
        if where.map_id is not None:
            passes &= self["map_id"] == self._codes.get(where.map_id, -1)
        if where.seen_after is not None:
            passes &= self["last_seen"] >= where.seen_after
        if where.seen_before is not None:
            passes &= self["first_seen"] <= where.seen_before
        if last_seen is not None:
            passes &= (self["last_seen"] >= last_seen[0]) & (self["last_seen"] <= last_seen[1])
        return passes

    def _code(self, text: str) -> int:
        return self._codes.setdefault(text, len(self._codes))
