# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Making a new partition of a grown index beside the one in use, from the store, in a thread of its own."""

from __future__ import annotations

import logging
import threading

import numpy as np

from visual_byte_core.memory.store import Store
from visual_byte_core.memory.vector_index import SAMPLE_PER_LIST, VectorIndex, lists_for, train, work_aside

AT_ONCE = 500  # a search waits for at most this many to be read
CAUGHT_UP = 200  # memories that came meanwhile; the memory's own thread adds so few in a few milliseconds

log = logging.getLogger("visual_byte")


class Partitioning:
    """Begins at once. What is changed meanwhile, the owner of the index adds and removes when it takes the new one."""

    def __init__(self, store: Store, rows: np.ndarray, dimension: int) -> None:
        """rows: of all memories, int64 (n,), a sample of which is learned from."""
        self._store = store
        self._rows = rows.copy()
        self._dimension = dimension
        self._stopped = False
        self._made: tuple[VectorIndex, np.ndarray, np.ndarray] | None = None
        self._thread = threading.Thread(target=self._work, name="partitioning", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether `result` answers at once."""
        return not self._thread.is_alive()

    def result(self) -> tuple[VectorIndex, np.ndarray, np.ndarray] | None:
        """The index, its rows, int64 (n,), and the list of each; None if it failed, which the log has told."""
        self._thread.join()
        return self._made

    def stop(self) -> None:
        """Give it up. What it is learning it learns to the end, in some seconds, and then drops it."""
        self._stopped = True
        self._thread.join(timeout=1)

    def _work(self) -> None:
        try:
            work_aside()
            self._made = self._make()
        except Exception as error:  # the index in use goes on answering
            if not self._stopped:
                log.warning("memory: the search index was not renewed (%s); searches go on, slower", error)

    def _make(self) -> tuple[VectorIndex, np.ndarray, np.ndarray] | None:
        lists = lists_for(len(self._rows))
        chosen = np.random.default_rng(len(self._rows)).permutation(self._rows)[: SAMPLE_PER_LIST * lists]
        sample = self._store.vectors_of(np.sort(chosen)).astype(np.float32)
        index = VectorIndex(self._dimension, train(sample, lists))
        rows, assigned = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        while True:
            before, after = len(rows), int(rows[-1][-1]) if len(rows) > 1 else 0
            for some, vectors in self._store.vectors(AT_ONCE, after):
                if self._stopped:
                    return None
                rows.append(some)
                assigned.append(index.assign(vectors.astype(np.float32)))
            if sum(map(len, rows[before:])) < CAUGHT_UP:
                break
        return self._filled(index, np.concatenate(rows), np.concatenate(assigned))

    def _filled(
        self, index: VectorIndex, rows: np.ndarray, lists: np.ndarray
    ) -> tuple[VectorIndex, np.ndarray, np.ndarray] | None:
        """Of what was forgotten meanwhile, nothing is there any more."""
        index.reserve(lists)
        there = np.zeros(len(rows), bool)
        for some, vectors in self._store.vectors(AT_ONCE):
            if self._stopped:
                return None
            known = some <= rows[-1]
            at = np.searchsorted(rows, some[known])
            there[at] = True
            index.add(some[known], vectors[known].astype(np.float32), lists[at])
            if not known.all():
                break
        return index, rows[there], lists[there]
