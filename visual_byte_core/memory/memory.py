# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What a robot has seen: embeddings with when and where, searched by cosine, kept in a folder."""

from __future__ import annotations

import logging
import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visual_byte_core.errors import DataError, InvalidMemory, MemoryFolderError
from visual_byte_core.memory.filter_columns import Columns
from visual_byte_core.memory.index_rebuilding import Partitioning
from visual_byte_core.memory.match import Filter, Match, Place
from visual_byte_core.memory.memory_folder import Disk, MemoryFolder
from visual_byte_core.memory.merging import Candidate, MergeSettings, coarse, coarse_jpeg, merged, same_thing
from visual_byte_core.memory.observation import Observation, Remembered, check_observation
from visual_byte_core.memory.records import checked_id, first_observation, unit_vector
from visual_byte_core.memory.staged_store import Successor
from visual_byte_core.memory.store import Store, create_store, store_errors
from visual_byte_core.memory.taught_names import Prototype, Taught
from visual_byte_core.memory.vector_index import VectorIndex, load_partition, save_partition
from visual_byte_core.rendering.thumbnail import to_jpeg

__all__ = ["Filter", "Match", "Memory", "MergeSettings", "Observation", "Place", "Remembered"]

CHECKPOINT_EVERY = 1000  # changes
PARTITION = "partition.npz"  # beside the store
PARTITION_SAVED_EVERY = 10_000  # changes
PAGE = 1000
READ_AT_ONCE = 10_000
MERGE_CANDIDATES = 5
SAME_VIEW = 0.98  # cosine: an observation this near to the memory that was seen last is compared with that first
AT_HAND = 512  # memories that an observation was last compared with, 2 KB each: frame follows frame
DEFAULT_MERGING = MergeSettings()

log = logging.getLogger("visual_byte")


class Memory:
    """The memories of one folder, for one process and one thread at a time.

    On the disk is all of it, in one database; in RAM an index of the embeddings (1 KB each) and what filters look at,
    which are made from the disk at the start. From 16,384 memories on, the index is partitioned into lists of near
    embeddings, in a thread of its own, while the one before answers.

    bundle_id: of the bundle that makes the embeddings; a folder with another's is refused. taught: the names that
    people taught. merge: may be replaced at any time.
    Raises MemoryFolderError if the folder is another bundle's, in use, not writable or damaged; afterwards every method
    raises it when the disk fails or is nearly full. Nothing that was stored is deleted then.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        bundle_id: str,
        *,
        dimension: int = 512,
        merge: MergeSettings = DEFAULT_MERGING,
    ) -> None:
        self._dimension = dimension
        self.merge = merge
        self._folder = MemoryFolder(Path(folder), bundle_id, dimension)
        self._changes = self._unsaved = 0  # since the last checkpoint, since the partition was saved
        self._not_on_disk = self._differs_from_disk = self._undone = False
        self._partitioning: Partitioning | None = None
        self._partition_from = 0
        self._open_store: Store | None = None
        self._last: tuple[int, np.ndarray] | None = None  # row and embedding of the memory that was seen last
        try:
            with store_errors(self._folder, "open"):
                self._open()
            self.taught = Taught(self._folder.taught, dimension)
            expected = self._folder.memories_at_least
            if self.count() < expected:
                raise self._folder.damaged(f"{self.count()} of at least {expected} memories are left")
            self._partition_if_due()
        except BaseException:
            if self._open_store is not None:
                self._open_store.close()
                self._open_store = None
            self._folder.close()
            raise

    def __enter__(self) -> Memory:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def remember(
        self, embedding: np.ndarray, observation: Observation, picture: NDArray[np.uint8] | None = None
    ) -> Remembered:
        """Store an observation, or merge it into a recent one: found at once, durable after `flush`.

        Args:
            embedding: float32 (dimension,), unit length.
            observation: when, where and by what it was seen.
            picture: the thumbnail, uint8 (height, width, 3) RGB, instead of that of `observation`; it becomes a JPEG
                only if it is kept.

        Raises:
            InvalidMemory: an embedding or observation that cannot be stored; nothing was.
            InvalidImage: a thumbnail that is no JPEG; nothing was stored.
        """
        vector = unit_vector(embedding, self._dimension)
        check_observation(observation)
        self._folder.check_space()
        with self._disk("remember"):
            shown = _shown(observation, picture) if self.merge.enabled else None
            same = None if shown is None else self._same_thing(vector, observation, shown)
            if same is None:
                new = first_observation(
                    observation if picture is None else replace(observation, thumbnail=to_jpeg(picture))
                )
                row = self._add(new, vector.astype(np.float16))
                if shown is not None:
                    self._keep_at_hand(Candidate(row, replace(new, thumbnail=b""), shown))
                    self._last = row, vector
                remembered = Remembered(new.id, merged=False)
            else:
                self._describe(replace(same, match=merged(same.match, observation, self.merge)))
                remembered = Remembered(same.match.id, merged=True)
            self._changes += 1
            self._unsaved += 1
            if self._changes >= CHECKPOINT_EVERY:
                self._checkpoint()
        return remembered

    def flush(self) -> None:
        """Bring everything remembered so far to the disk; only then acknowledge it.

        Raises MemoryFolderError if it cannot be written, or if something was undone since the last call because the
        disk failed.
        """
        with self._disk("write to the disk"):
            self._commit()
        if self._undone:
            self._undone = False
            raise MemoryFolderError(
                f"memory folder {self._folder.path}: what was remembered last is lost, as its disk failed; check the "
                "disk, then show it again"
            )

    def search(self, embedding: np.ndarray, k: int = 10, where: Filter | None = None) -> list[Match]:
        """The `k` memories nearest to `embedding`, float32 (dimension,), best first.

        Their scores are exact. None is missed among up to 16,384 memories or 10,000 that pass the filter, of the ten
        nearest of more about one in five hundred (docs/memory.md). Raises InvalidMemory.
        """
        if k < 1:
            raise InvalidMemory(f"k: expected 1 or more, got {k}")
        vector = unit_vector(embedding, self._dimension)
        with self._disk("search"):
            passing = None if where is None else self._columns.passing(where)
            return self._matches(*self._nearest(vector, k, passing))

    def forget(self, ids: Sequence[str] | None = None, where: Filter | None = None) -> int:
        """Delete the memories with these ids, or that pass the filter, or both; without either, all. Durable on return.

        A merged memory goes as a whole, a frame with its regions, and with the last memory of a taught name the name.
        Returns how many were deleted. Raises InvalidMemory (not an id).
        """
        asked = None if ids is None else [checked_id(id) for id in ids]
        with self._disk("forget"):
            rows = set(self._columns["row"][self._columns.passing(where)].tolist())
            if asked is not None:
                rows &= set(self._store.rows_of(asked).values())
            rows |= self._store.regions_of(list(rows))
            if rows:
                self._forget(np.array(sorted(rows), np.int64))
        self.taught.forget([name for name in self.taught.names if not self.count(Filter(label=name))])
        return len(rows)

    @property
    def rebuilds(self) -> bool:
        """Whether a partition of the grown index is being built beside the one in use."""
        return self._partitioning is not None

    def count(self, where: Filter | None = None) -> int:
        """How many memories there are, or pass the filter."""
        with self._disk("count"):
            return len(self._columns) if where is None else int(self._columns.passing(where).sum())

    def disk(self) -> Disk:
        """What the folder takes of its disk. May be called from any thread. Raises OSError if the folder is gone."""
        return self._folder.disk()

    def page(self, where: Filter | None = None, size: int = 100, begin: str = "") -> tuple[list[Match], str]:
        """Up to `size` memories that pass the filter, in order of their ids.

        Args:
            where: which memories; all if None.
            size: 1 or more.
            begin: "" or what the page before gave.

        Returns:
            The memories, and where the next page begins, "" after the last.

        Raises:
            InvalidMemory: a size or a beginning that no page has.
        """
        if not 1 <= size <= PAGE:
            raise InvalidMemory(f"size: expected 1 to {PAGE} memories a page, got {size}")
        begin = checked_id(begin) if begin else ""
        with self._disk("list"):
            found = self._store.page(where, begin, size + 1)
        return found[:size], found[size].id if len(found) > size else ""

    def everything(self) -> Iterator[tuple[Match, np.ndarray]]:
        """Each memory with its embedding, float32 (dimension,), as it is stored: of unit length, in half precision."""
        after = 0
        while True:
            with self._disk("read"):
                found = self._store.everything(after, PAGE)
            for row, match, vector in found:
                after = row
                yield match, vector.astype(np.float32)
            if len(found) < PAGE:
                return

    def succeed(
        self, successor: Successor, taught: Mapping[str, Sequence[Prototype]], bundle_id: str, dimension: int
    ) -> None:
        """Let a store that was built beside this memory's take its place, in one step, and close this memory."""
        with self._disk("replace"):
            memories = successor.finish(taught)
            self._stop_partitioning()
            self._store.close()
            self._open_store = None
            self._folder.succeed(bundle_id, dimension, memories)
            self._folder.close()

    def successor(self, purpose: str, dimension: int | None = None) -> Successor:
        """A store to build beside this memory's. purpose: an unfinished one of the same purpose is resumed."""
        return Successor(self._folder, purpose, dimension or self._dimension)

    def get(self, id: str) -> Match | None:
        """The memory with this id, None if there is none. Raises InvalidMemory."""
        id = checked_id(id)
        with self._disk("read"):
            return next(iter(self._store.matches(list(self._store.rows_of([id]).values())).values()), None)

    def known(self, ids: Sequence[str]) -> set[str]:
        """Those of the ids that are of memories here. Raises InvalidMemory."""
        asked = [checked_id(id) for id in ids]
        with self._disk("read"):
            return set(self._store.rows_of(asked))

    def close(self) -> None:
        """Write everything and let go of the folder; calling it again is fine."""
        if self._open_store is None:
            return
        try:
            with store_errors(self._folder, "close"):
                self._stop_partitioning()
                if self._changes or self._not_on_disk:
                    self._checkpoint()
                if self._unsaved:
                    self._save_partition()
        finally:
            self._open_store.close()
            self._open_store = None
            self._folder.close()

    @property
    def _store(self) -> Store:
        if self._open_store is None:
            raise MemoryFolderError(f"memory folder {self._folder.path}: was closed; open it again")
        return self._open_store

    def _open(self) -> None:
        if not self._folder.store.exists():
            if self._folder.memories_at_least:
                raise self._folder.damaged(f"{self._folder.store.name} is missing")
            create_store(self._folder.store)
        self._open_store = Store(self._folder.store)
        self._load()

    def _load(self) -> None:
        """Make from the disk what is in RAM."""
        self._stop_partitioning()
        self._at_hand: OrderedDict[int, Candidate] = OrderedDict()
        self._last = None
        self._columns = Columns()
        for memories in self._store.columns(READ_AT_ONCE):
            self._columns.extend(memories)
        partition = load_partition(self._folder.store / PARTITION, self._dimension)
        self._index = VectorIndex(self._dimension, None if partition is None else partition[0])
        if partition is not None:
            self._index.reserve(partition[2])
        for rows, vectors in self._store.vectors(READ_AT_ONCE):
            values = vectors.astype(np.float32)
            if values.shape[1] != self._dimension or not np.allclose(np.linalg.norm(values, axis=1), 1, atol=0.01):
                raise ValueError("an embedding is not of unit length")
            self._index_vectors(rows, values, partition)
        if len(self._index) != len(self._columns):
            raise ValueError(f"{len(self._columns)} memories, {len(self._index)} embeddings")
        self._not_on_disk = self._differs_from_disk = False

    def _index_vectors(
        self, rows: np.ndarray, vectors: np.ndarray, partition: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    ) -> None:
        """partition: may know the lists of some."""
        at = self._columns.at(rows)
        if (at == len(self._columns)).any() or (self._columns["row"][at] != rows).any():
            raise ValueError("an embedding is of no memory")
        known, lists = np.zeros(len(rows), bool), np.empty(len(rows), np.int64)
        if partition is not None and len(partition[1]):
            found = np.minimum(np.searchsorted(partition[1], rows), len(partition[1]) - 1)
            known = partition[1][found] == rows
            lists[known] = partition[2][found[known]]
        lists[~known] = self._index.assign(vectors[~known])
        self._index.add(rows, vectors, lists)
        self._columns["list"][at] = lists

    @contextmanager
    def _disk(self, doing: str) -> Iterator[None]:
        """What failed on disk, SQLite may have undone together with all that waited for it; RAM must not differ."""
        with store_errors(self._folder, doing):
            store = self._store
            if self._differs_from_disk:
                self._undone = True
                self._load()
            try:
                self._take_partition()
                yield
            finally:
                self._differs_from_disk = self._not_on_disk and self._open_store is store and not store.in_transaction

    def _add(self, match: Match, vector: np.ndarray) -> int:
        self._not_on_disk = True
        row = self._store.add(match, vector)
        self._columns.extend([(row, match.first_seen, match.last_seen, match.label, match.map_id)])
        self._index_vectors(np.array([row]), vector[None].astype(np.float32))
        return row

    def _describe(self, known: Candidate) -> None:
        self._not_on_disk = True
        match = known.match
        self._store.describe(known.row, match)
        self._columns.change(known.row, match.first_seen, match.last_seen, match.label, match.map_id)
        self._keep_at_hand(known)

    def _forget(self, rows: np.ndarray) -> None:
        self._commit()
        # Were the count lowered afterwards, a crash in between would look like damage.
        self._folder.record(len(self._columns) - len(rows))
        self._not_on_disk = True
        self._store.delete(rows.tolist())
        self._commit()
        self._index.remove(rows)
        self._columns.remove(rows)
        self._at_hand.clear()
        self._last = None
        self._unsaved += 1
        self._checkpoint()

    def _commit(self) -> None:
        self._store.commit()
        self._not_on_disk = False
        self._partition_if_due()  # of what is on disk

    def _checkpoint(self) -> None:
        """Bring the journal into the database, after which it begins again."""
        self._commit()
        self._store.checkpoint()
        self._folder.record(len(self._columns))
        self._changes = 0
        if self._unsaved >= max(PARTITION_SAVED_EVERY, len(self._columns) // 10):
            self._save_partition()

    def _same_thing(self, vector: np.ndarray, observation: Observation, shown: NDArray[np.float32]) -> Candidate | None:
        last, embedding = self._last or (-1, vector)
        if last in self._at_hand and embedding @ vector >= max(SAME_VIEW, self.merge.embedding_cosine):
            still = same_thing([self._at_hand[last]], observation, shown, self.merge)
            if still is not None:
                return still
        span = self.merge.span(pose_known=observation.pose is not None)
        passing = self._columns.passing(
            Filter(map_id=observation.map_id),
            labels=("", observation.label) if observation.label else (),
            last_seen=(observation.captured_at - span, observation.captured_at + span),
        )
        rows, scores = self._nearest(vector, MERGE_CANDIDATES, passing)
        near = rows[scores >= self.merge.embedding_cosine].tolist()
        for row, match in self._store.matches([row for row in near if row not in self._at_hand]).items():
            picture = coarse_jpeg(match.thumbnail) if match.thumbnail else None
            self._keep_at_hand(Candidate(row, replace(match, thumbnail=b""), picture))
        same = same_thing([self._at_hand[row] for row in near], observation, shown, self.merge)
        if same is not None:
            self._last = same.row, self._store.vectors_of([same.row])[0].astype(np.float32)
        return same

    def _keep_at_hand(self, candidate: Candidate) -> None:
        self._at_hand[candidate.row] = candidate
        self._at_hand.move_to_end(candidate.row)
        if len(self._at_hand) > AT_HAND:
            self._at_hand.popitem(last=False)

    def _nearest(self, vector: np.ndarray, k: int, passing: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Rows and scores, best first; passing: which memories are let through, bool (memories,), None for all."""
        if passing is None or passing.all():
            return self._index.search(vector, k)
        return self._index.search(vector, k, self._columns["row"][passing], self._columns["list"][passing])

    def _matches(self, rows: np.ndarray, scores: np.ndarray) -> list[Match]:
        found = self._store.matches(rows.tolist())
        limited = scores.clip(-1, 1)  # rounding of the stored values may reach past 1
        return [replace(found[row], score=score) for row, score in zip(rows.tolist(), limited.tolist(), strict=True)]

    def _partition_if_due(self) -> None:
        if self._partitioning is None and self._index.due and len(self._index) >= self._partition_from:
            self._partitioning = Partitioning(self._store, self._columns["row"], self._dimension)

    def _take_partition(self) -> None:
        """Let a new index that has become ready take the place of the one in use."""
        if self._partitioning is None or not self._partitioning.ended:
            return
        made, self._partitioning = self._partitioning.result(), None
        if made is None:
            self._partition_from = 2 * len(self._index)
            return
        index, rows, lists = made
        there = np.isin(rows, self._columns["row"])
        index.remove(rows[~there])
        self._columns["list"][self._columns.at(rows[there])] = lists[there]
        self._index = index
        for later, vectors in self._store.vectors(READ_AT_ONCE, int(rows.max(initial=0))):
            self._index_vectors(later, vectors.astype(np.float32))
        self._save_partition()

    def _stop_partitioning(self) -> None:
        if self._partitioning is not None:
            self._partitioning.stop()
            self._partitioning = None

    def _save_partition(self) -> None:
        if self._index.partitioned_at:
            try:
                save_partition(
                    self._folder.store / PARTITION, self._index.centroids, self._columns["row"], self._columns["list"]
                )
            except DataError as error:
                log.warning("memory: %s; the next start takes longer", error)
        self._unsaved = 0


def _shown(observation: Observation, picture: NDArray[np.uint8] | None) -> NDArray[np.float32] | None:
    if picture is not None:
        return coarse(picture)
    return coarse_jpeg(observation.thumbnail) if observation.thumbnail else None
