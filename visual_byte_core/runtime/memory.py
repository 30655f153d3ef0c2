# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What a robot has seen: embeddings with when and where, searched by cosine, kept in a folder."""

from __future__ import annotations

import base64
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import qdrant_edge as qdrant

from visual_byte_core.errors import InvalidImage, InvalidMemory, MemoryFolderError
from visual_byte_core.runtime.memory_folder import MemoryFolder
from visual_byte_core.runtime.qdrant_store import conditions, open_store, store_errors, sync_log
from visual_byte_core.runtime.sighting import Filter, Match, Remembered, Seen, check_sighting

__all__ = ["Filter", "Match", "Memory", "MergeSettings", "Remembered", "Seen"]

CHECKPOINT_EVERY = 1000  # changes; replaying so many takes a tenth of a second
PAGE = 1000
GRAY_SIDE = 16
MERGE_CANDIDATES = 5


@dataclass(frozen=True)
class MergeSettings:
    """When a sighting is the same as one before; all must hold, and label and map must be equal.

    within_seconds: to the last sighting. embedding_cosine: at least. thumbnail_difference: mean absolute difference of
    the thumbnails, gray, 16 x 16, 0..255, at most; a sighting without thumbnail is never merged.
    """

    within_seconds: float = 60.0
    embedding_cosine: float = 0.95
    thumbnail_difference: float = 6.0
    enabled: bool = True


class Memory:
    """The memories of one folder, for one process and one thread at a time.

    Thumbnails lie beside the embeddings in the store: as files of their own, ten new memories would take 60 ms to reach
    the disk, not 10.

    bundle_id: of the bundle that makes the embeddings; a folder with another's is refused.
    Raises MemoryFolderError if the folder is another bundle's, in use, not writable or damaged; afterwards every method
    raises it when the disk fails or is nearly full. Nothing that was stored is deleted then.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        bundle_id: str,
        *,
        dimension: int = 512,
        merge: MergeSettings = MergeSettings(),
    ) -> None:
        self._dimension = dimension
        self._merge = merge
        self._folder = MemoryFolder(Path(folder), bundle_id, dimension)
        self._changes = 0  # since the last checkpoint
        self._open_store: qdrant.EdgeShard | None = None
        try:
            self._open_store = open_store(self._folder, dimension)
            with store_errors(self._folder, "open"):
                self._count = self._store.count(qdrant.CountRequest(exact=True))
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
            same = self._same_sighting(vector, seen) if self._merge.enabled and seen.thumbnail else None
            if same is None:
                remembered = Remembered(self._add(vector, seen), merged=False)
            else:
                self._extend(same, seen)
                remembered = Remembered(str(same.id), merged=True)
            self._changes += 1
            if self._changes >= CHECKPOINT_EVERY:
                self._checkpoint()
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

        A merged memory goes as a whole. Returns how many were deleted. Raises InvalidMemory (not an id).
        """
        must = conditions(where)
        if ids is not None:
            must.append(qdrant.HasIdCondition({_uuid(id) for id in ids}))
        with store_errors(self._folder, "forget"):
            forgotten = self._ids(must)
            if forgotten:
                self.flush()
                # Were the count lowered afterwards, a crash in between would look like damage.
                self._folder.record(self._count - len(forgotten))
                self._store.update(qdrant.UpdateOperation.delete_points(list(forgotten)))
                self._count -= len(forgotten)
                self._checkpoint()
        return len(forgotten)

    def count(self, where: Filter | None = None) -> int:
        """How many memories there are, or pass the filter."""
        must = conditions(where)
        if not must:
            return self._count
        with store_errors(self._folder, "count"):
            return self._store.count(qdrant.CountRequest(filter=qdrant.Filter(must=must), exact=True))

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

    def _add(self, vector: list[float], seen: Seen) -> str:
        id = str(uuid.uuid4())
        payload = {
            "label": seen.label,
            "map_id": seen.map_id,
            "frame_id": seen.frame_id,
            "first_seen": float(seen.captured_at),
            "last_seen": float(seen.captured_at),
            "times": 1,
            "pose": None if seen.pose is None else list(map(float, seen.pose)),
            "region": None if seen.region is None else list(map(int, seen.region)),
            "source": seen.source,
            "thumbnail": base64.b64encode(seen.thumbnail).decode(),
        }
        self._store.update(qdrant.UpdateOperation.upsert_points([qdrant.Point(id, vector, payload)]))
        self._count += 1
        return id

    def _same_sighting(self, vector: list[float], seen: Seen) -> qdrant.ScoredPoint | None:
        picture = _tiny_gray(seen.thumbnail)
        span = self._merge.within_seconds
        recent = qdrant.RangeFloat(gte=seen.captured_at - span, lte=seen.captured_at + span)
        must = conditions(Filter(label=seen.label, map_id=seen.map_id))
        must.append(qdrant.FieldCondition("last_seen", range=recent))
        for point in self._query(vector, MERGE_CANDIDATES, must):
            if point.score < self._merge.embedding_cosine:
                break
            thumbnail = _thumbnail(point)
            if thumbnail and np.abs(_tiny_gray(thumbnail) - picture).mean() <= self._merge.thumbnail_difference:
                return point
        return None

    def _extend(self, same: qdrant.ScoredPoint, seen: Seen) -> None:
        stored = same.payload or {}
        change: dict[str, Any] = {"times": stored["times"] + 1}
        if seen.captured_at >= stored["last_seen"]:
            change["last_seen"] = float(seen.captured_at)
            change["frame_id"] = seen.frame_id
            if seen.pose is not None:
                change["pose"] = list(map(float, seen.pose))
        else:
            change["first_seen"] = min(float(seen.captured_at), stored["first_seen"])
        self._store.update(qdrant.UpdateOperation.set_payload([same.id], change))

    def _query(self, vector: list[float], limit: int, must: list[Any]) -> list[qdrant.ScoredPoint]:
        request = qdrant.QueryRequest(
            query=qdrant.Query.Nearest(vector),
            limit=limit,
            filter=qdrant.Filter(must=must) if must else None,
            params=qdrant.SearchParams(exact=True),
            with_payload=True,
        )
        return self._store.query(request)

    def _ids(self, must: list[Any]) -> list[str]:
        found: list[str] = []
        where = qdrant.Filter(must=must) if must else None
        offset: Any = None
        while True:
            records, offset = self._store.scroll(qdrant.ScrollRequest(offset=offset, limit=PAGE, filter=where))
            found += [str(record.id) for record in records]
            if offset is None:
                return found

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


def _match(point: qdrant.ScoredPoint) -> Match:
    stored = point.payload or {}
    pose, region = stored.get("pose"), stored.get("region")
    kept = ("label", "first_seen", "last_seen", "times", "frame_id", "map_id", "source")
    return Match(
        id=str(point.id),
        score=min(1.0, max(-1.0, point.score)),  # rounding of the stored values may reach past 1
        pose=tuple(pose) if pose else None,
        region=tuple(region) if region else None,
        thumbnail=_thumbnail(point),
        **{key: stored[key] for key in kept},
    )


def _thumbnail(point: qdrant.ScoredPoint) -> bytes:
    return base64.b64decode((point.payload or {})["thumbnail"])


def _tiny_gray(jpeg: bytes) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise InvalidImage(f"thumbnail: expected a JPEG, got {len(jpeg)} bytes that are none")
    return cv2.resize(picture, (GRAY_SIDE, GRAY_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)


def _uuid(id: str) -> str:
    try:
        return str(uuid.UUID(id))
    except ValueError:
        raise InvalidMemory(f"memory id: expected one that `remember` or a match gave, got {id!r}") from None
