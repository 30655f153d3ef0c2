# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A memory in the files of an earlier version's engine, Qdrant Edge, carried over into today's, once."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
from tqdm import tqdm

from visual_byte_core.errors import MemoryFolderError, VisualByteError
from visual_byte_core.memory.match import Match
from visual_byte_core.memory.memory_folder import MemoryFolder
from visual_byte_core.memory.records import match_of
from visual_byte_core.memory.staged_store import Successor
from visual_byte_core.memory.store import store_errors
from visual_byte_core.memory.taught_names import Taught

PAGE = 1000

log = logging.getLogger("visual_byte")


def carry_over(folder: MemoryFolder, dimension: int) -> None:
    """Replace the folder's store in one step; stopped before that, nothing has changed and the next call begins again.

    Raises MemoryFolderError if the store is damaged or Qdrant Edge is not installed.
    """
    try:
        import qdrant_edge
    except ImportError as error:
        raise MemoryFolderError(
            f"memory folder {folder.path}: of an earlier format, which Qdrant Edge reads; run "
            "pip install qdrant-edge-py==0.9.0, then open it again, once"
        ) from error
    successor = Successor(folder, "carried over", dimension)
    try:
        successor.keep_only(set())
        with tqdm(
            total=folder.memories_at_least, desc="carrying over", unit="memory", leave=False, disable=None
        ) as bar:
            for page in _memories(folder, qdrant_edge):
                successor.add(page)
                bar.update(len(page))
        if successor.resumed < folder.memories_at_least:
            raise folder.damaged(f"{successor.resumed} of at least {folder.memories_at_least} memories are left")
    except BaseException:
        successor.close()
        raise
    with store_errors(folder, "carry over"):
        count = successor.finish(Taught(folder.taught, dimension).prototypes())
        folder.succeed(folder.bundle_id, dimension, count)
    log.info("memory folder %s: %d memories of an earlier format carried over", folder.path, count)


def _memories(folder: MemoryFolder, qdrant: ModuleType) -> Iterator[list[tuple[Match, np.ndarray]]]:
    if not folder.store.is_dir():
        raise folder.damaged(f"{folder.store.name} is missing")
    try:
        store = qdrant.EdgeShard.load(str(folder.store))
        offset: Any = None
        while True:
            request = qdrant.ScrollRequest(offset=offset, limit=PAGE, with_payload=True, with_vector=True)
            records, offset = store.scroll(request)
            yield [_memory(record) for record in records]
            if offset is None:
                break
        store.close()
    except VisualByteError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":  # of its Rust code
            raise
        raise folder.damaged(" ".join(str(error).split())) from error


def _memory(record: Any) -> tuple[Match, np.ndarray]:
    thumbnail = base64.b64decode(record.payload["thumbnail"])
    return match_of(record.id, record.payload, thumbnail), np.asarray(record.vector, np.float32)
