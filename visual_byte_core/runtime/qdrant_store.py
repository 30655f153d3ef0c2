# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Opening the Qdrant Edge store of a memory folder, and saying in one line what it complains of."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import qdrant_edge as qdrant

from visual_byte_core.errors import MemoryFolderError, VisualByteError
from visual_byte_core.files import sync_folder
from visual_byte_core.runtime.memory_folder import MemoryFolder
from visual_byte_core.runtime.sighting import Filter

# A filter on a field without an index reads every record: among 20,000 that takes 20 ms instead of a tenth of one.
INDEXED_FIELDS = {
    "label": qdrant.PayloadSchemaType.Keyword,
    "map_id": qdrant.PayloadSchemaType.Keyword,
    "first_seen": qdrant.PayloadSchemaType.Float,
    "last_seen": qdrant.PayloadSchemaType.Float,
    "part_of": qdrant.PayloadSchemaType.Keyword,
}


def open_store(folder: MemoryFolder, dimension: int) -> qdrant.EdgeShard:
    """Load the store, or create it in a new folder. Raises MemoryFolderError."""
    with store_errors(folder, "open"):
        if not folder.store.exists():
            if folder.memories_at_least:
                raise folder.damaged(f"{folder.store.name} is missing")
            create_store(folder.store, dimension)
        return qdrant.EdgeShard.load(str(folder.store))


def sync_log(folder: MemoryFolder) -> None:
    """Bring the store's log to the disk; at the next start it is replayed. Raises OSError.

    The store's own flush writes some forty files and holds Python's global lock meanwhile, 45 to 150 ms where this
    takes one. The log is mapped into memory, and fsync of a file covers what was written through a map.
    """
    log = folder.store / "wal"
    for path in log.iterdir():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    sync_folder(log)


def conditions(where: Filter | None) -> list[Any]:
    """A filter in the store's terms; all of them must hold."""
    if where is None:
        return []
    found = [
        qdrant.FieldCondition(field, match=qdrant.MatchValue(value))
        for field, value in (("label", where.label), ("map_id", where.map_id))
        if value is not None
    ]
    if where.seen_after is not None:
        found.append(qdrant.FieldCondition("last_seen", range=qdrant.RangeFloat(gte=where.seen_after)))
    if where.seen_before is not None:
        found.append(qdrant.FieldCondition("first_seen", range=qdrant.RangeFloat(lte=where.seen_before)))
    return found


@contextmanager
def store_errors(folder: MemoryFolder, doing: str) -> Iterator[None]:
    """Turn what the store raises into MemoryFolderError.

    A panic of its Rust code is no Exception, only a BaseException.
    """
    try:
        yield
    except VisualByteError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        reason = " ".join(str(error).split())
        if doing == "open" and not isinstance(error, OSError):
            raise folder.damaged(reason) from error
        raise MemoryFolderError(
            f"memory folder {folder.path}: cannot {doing} ({reason}); check its disk, then open it again"
        ) from error


def create_store(path: Path, dimension: int) -> None:
    """An empty store, complete or not there at all. Raises what the store raises: see `store_errors`."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    vectors = qdrant.EdgeVectorParams(
        size=dimension, distance=qdrant.Distance.Cosine, datatype=qdrant.VectorStorageDatatype.Float16
    )
    store = qdrant.EdgeShard.create(str(unfinished), qdrant.EdgeConfig(vectors=vectors))
    for field, kind in INDEXED_FIELDS.items():
        store.update(qdrant.UpdateOperation.create_field_index(field, kind))
    store.flush()
    store.close()
    os.rename(unfinished, path)
    sync_folder(path.parent)
