# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What a robot has seen: embeddings with when and where, searched by cosine, kept in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import qdrant_edge as qdrant

from visual_byte_core.errors import InvalidMemory, MemoryFolderError
from visual_byte_core.runtime.memory_folder import MemoryFolder
from visual_byte_core.runtime.merging import MergeSettings, merged, same_thing
from visual_byte_core.runtime.qdrant_store import conditions, open_store, store_errors, sync_log
from visual_byte_core.runtime.sighting import Filter, Match, Place, Remembered, Seen, check_sighting
from visual_byte_core.runtime.stored import (
    CHANGES_WITH_A_SIGHTING,
    checked_id,
    first_sighting,
    match_of,
    payload_of,
)
from visual_byte_core.runtime.successor import Successor
from visual_byte_core.runtime.taught import Prototype, Taught

__all__ = ["Filter", "Match", "Memory", "MergeSettings", "Place", "Remembered", "Seen"]

CHECKPOINT_EVERY = 1000  # changes; replaying so many takes a tenth of a second
PAGE = 1000
MERGE_CANDIDATES = 5
DEFAULT_MERGING = MergeSettings()


class Memory:
    """The memories of one folder, for one process and one thread at a time.

    Thumbnails lie beside the embeddings in the store: as files of their own, ten new memories would take 60 ms to reach
    the disk, not 10.

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
        self._changes = 0  # since the last checkpoint
        self._open_store: qdrant.EdgeShard | None = None
        try:
            self._open_store = open_store(self._folder, dimension)
            with store_errors(self._folder, "open"):
                self._count = self._store.count(qdrant.CountRequest(exact=True))
            self.taught = Taught(self._folder.taught, dimension)
            expected = self._folder.memories_at_least
            if self._count < expected:
                raise self._folder.damaged(f"{self._count} of at least {expected} memories are left")
        except BaseException:
            self._open_store = None
            self._folder.close()
            raise

    def __enter__(self) -> Memory:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def remember(self, embedding: np.ndarray, seen: Seen) -> Remembered:
        """Store a sighting, float32 (dimension,), or merge it into a recent one: found at once, durable after `flush`.

        Raises InvalidMemory or InvalidImage (thumbnail), then nothing was stored.
        """
        vector = self._vector(embedding)
        check_sighting(seen)
        self._folder.check_space()
        with store_errors(self._folder, "remember"):
            same = self._same_thing(vector, seen) if self.merge.enabled and seen.thumbnail else None
            if same is None:
                new = first_sighting(seen)
                self._upsert([qdrant.Point(new.id, vector, payload_of(new))])
                self._count += 1
                remembered = Remembered(new.id, merged=False)
            else:
                self._change(merged(same, seen, self.merge))
                remembered = Remembered(same.id, merged=True)
            self._checkpoint_if_due()
        return remembered

    def flush(self) -> None:
        """Bring everything remembered so far to the disk; only then acknowledge it."""
        with store_errors(self._folder, "write to the disk"):
            sync_log(self._folder)

    def search(self, embedding: np.ndarray, k: int = 10, where: Filter | None = None) -> list[Match]:
        """The `k` memories nearest to `embedding`, float32 (dimension,), best first; exact, not approximate.

        Raises InvalidMemory.
        """
        if k < 1:
            raise InvalidMemory(f"k: expected 1 or more, got {k}")
        vector = self._vector(embedding)
        with store_errors(self._folder, "search"):
            return [_match(point) for point in self._query(vector, k, conditions(where))]

    def forget(self, ids: Sequence[str] | None = None, where: Filter | None = None) -> int:
        """Delete the memories with these ids, or that pass the filter, or both; without either, all. Durable on return.

        A merged memory goes as a whole, a frame with its parts, and with the last memory of a taught name the name.
        Returns how many were deleted. Raises InvalidMemory (not an id).
        """
        must = conditions(where)
        if ids is not None:
            must.append(qdrant.HasIdCondition({checked_id(id) for id in ids}))
        with store_errors(self._folder, "forget"):
            forgotten = self._with_parts(self._ids(must))
            if forgotten:
                self.flush()
                # Were the count lowered afterwards, a crash in between would look like damage.
                self._folder.record(self._count - len(forgotten))
                self._store.update(qdrant.UpdateOperation.delete_points(list(forgotten)))
                self._count -= len(forgotten)
                self._checkpoint()
        self.taught.forget([name for name in self.taught.names if not self.count(Filter(label=name))])
        return len(forgotten)

    def count(self, where: Filter | None = None) -> int:
        """How many memories there are, or pass the filter."""
        must = conditions(where)
        if not must:
            return self._count
        with store_errors(self._folder, "count"):
            return self._store.count(qdrant.CountRequest(filter=qdrant.Filter(must=must), exact=True))

    def page(self, where: Filter | None = None, size: int = 100, begin: str = "") -> tuple[list[Match], str]:
        """Up to `size` memories that pass the filter, in order of their ids, and where the next page begins ("" after
        the last). begin: "" or what the page before gave. Raises InvalidMemory.
        """
        if not 1 <= size <= PAGE:
            raise InvalidMemory(f"size: expected 1 to {PAGE} memories a page, got {size}")
        offset = checked_id(begin) if begin else None
        with store_errors(self._folder, "list"):
            records, offset = self._scroll(conditions(where), offset, size)
        return [_match(record) for record in records], "" if offset is None else str(offset)

    def everything(self) -> Iterator[tuple[Match, np.ndarray]]:
        """Each memory with its embedding, float32 (dimension,), as it is stored: of unit length, in half precision."""
        offset: Any = None
        while True:
            with store_errors(self._folder, "read"):
                records, offset = self._scroll([], offset, PAGE, with_vector=True)
            for record in records:
                yield _match(record), np.asarray(record.vector, np.float32)
            if offset is None:
                return

    def succeed(
        self, successor: Successor, taught: Mapping[str, Sequence[Prototype]], bundle_id: str, dimension: int
    ) -> None:
        """Let a store that was built beside this memory's take its place, in one step, and close this memory."""
        with store_errors(self._folder, "replace"):
            memories = successor.finish(taught)
            self._store.close()
            self._open_store = None
            self._folder.succeed(bundle_id, dimension, memories)
            self._folder.close()

    def successor(self, purpose: str, dimension: int | None = None) -> Successor:
        """A store to build beside this memory's. purpose: an unfinished one of the same purpose is gone on with."""
        return Successor(self._folder, purpose, dimension or self._dimension)

    def get(self, id: str) -> Match | None:
        """The memory with this id, None if there is none. Raises InvalidMemory."""
        with store_errors(self._folder, "read"):
            records = self._store.retrieve([checked_id(id)], True, False)
        return _match(records[0]) if records else None

    def known(self, ids: Sequence[str]) -> set[str]:
        """Those of the ids that are of memories here. Raises InvalidMemory."""
        with store_errors(self._folder, "read"):
            return {str(record.id) for record in self._store.retrieve([checked_id(id) for id in ids], False, False)}

    def close(self) -> None:
        """Write everything and let go of the folder; calling it again is fine."""
        if self._open_store is None:
            return
        try:
            with store_errors(self._folder, "close"):
                if self._changes:
                    self._checkpoint()
                self._store.close()
        finally:
            self._open_store = None
            self._folder.close()

    @property
    def _store(self) -> qdrant.EdgeShard:
        if self._open_store is None:
            raise MemoryFolderError(f"memory folder {self._folder.path}: was closed; open it again")
        return self._open_store

    def _upsert(self, points: list[qdrant.Point]) -> None:
        self._store.update(qdrant.UpdateOperation.upsert_points(points))
        self._changes += len(points)

    def _change(self, match: Match) -> None:
        payload = payload_of(match)
        change = {key: payload[key] for key in CHANGES_WITH_A_SIGHTING}
        self._store.update(qdrant.UpdateOperation.set_payload([match.id], change))
        self._changes += 1

    def _same_thing(self, vector: list[float], seen: Seen) -> Match | None:
        span = self.merge.span(pose_known=seen.pose is not None)
        must = conditions(Filter(map_id=seen.map_id))
        recent = qdrant.RangeFloat(gte=seen.captured_at - span, lte=seen.captured_at + span)
        must.append(qdrant.FieldCondition("last_seen", range=recent))
        if seen.label:
            must.append(qdrant.FieldCondition("label", match=qdrant.MatchAny(["", seen.label])))
        found = self._query(vector, MERGE_CANDIDATES, must)
        return same_thing((_match(point) for point in found), seen, self.merge)

    def _query(self, vector: list[float], limit: int, must: list[Any]) -> list[qdrant.ScoredPoint]:
        request = qdrant.QueryRequest(
            query=qdrant.Query.Nearest(vector),
            limit=limit,
            filter=qdrant.Filter(must=must) if must else None,
            params=qdrant.SearchParams(exact=True),
            with_payload=True,
        )
        return self._store.query(request)

    def _scroll(
        self, must: list[Any], offset: Any, limit: int, *, with_payload: bool = True, with_vector: bool = False
    ) -> tuple[list[qdrant.Record], Any]:
        request = qdrant.ScrollRequest(
            offset=offset,
            limit=limit,
            filter=qdrant.Filter(must=must) if must else None,
            with_payload=with_payload,
            with_vector=with_vector,
        )
        return self._store.scroll(request)

    def _with_parts(self, frames: list[str]) -> list[str]:
        parts: list[str] = []
        for start in range(0, len(frames), PAGE):
            of = qdrant.MatchAny(list(frames[start : start + PAGE]))
            parts += self._ids([qdrant.FieldCondition("part_of", match=of)])
        return list(dict.fromkeys([*frames, *parts]))

    def _ids(self, must: list[Any]) -> list[str]:
        found: list[str] = []
        offset: Any = None
        while True:
            records, offset = self._scroll(must, offset, PAGE, with_payload=False)
            found += [str(record.id) for record in records]
            if offset is None:
                return found

    def _checkpoint_if_due(self) -> None:
        if self._changes >= CHECKPOINT_EVERY:
            self._checkpoint()

    def _checkpoint(self) -> None:
        """Let the store write its own files, after which the log starts anew."""
        self._store.flush()
        self._folder.record(self._count)
        self._changes = 0

    def _vector(self, embedding: np.ndarray) -> list[float]:
        values = np.asarray(embedding)
        if values.shape != (self._dimension,) or values.dtype.kind != "f":
            raise InvalidMemory(f"embedding: expected float32 ({self._dimension},), got {values.dtype} {values.shape}")
        if not np.isfinite(values).all() or not values.any():
            raise InvalidMemory("embedding: expected finite values that are not all zero, got NaN, infinity or zeros")
        return values.tolist()


def _match(point: qdrant.ScoredPoint | qdrant.Record) -> Match:
    return match_of(point.id, point.payload or {}, getattr(point, "score", 0.0))
