# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A store that is built beside the one in use; until it is whole nothing changes, and it can be gone on with."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import qdrant_edge as qdrant

from visual_byte_core.files import sync_folder, write_atomically
from visual_byte_core.runtime.memory_folder import MemoryFolder
from visual_byte_core.runtime.qdrant_store import create_store, store_errors
from visual_byte_core.runtime.sighting import Match
from visual_byte_core.runtime.stored import payload_of
from visual_byte_core.runtime.taught import Prototype, taught_json

FOLDER, PURPOSE = "successor", "purpose.txt"


class Successor:
    """purpose: an unfinished store of the same purpose is gone on with, one of another is deleted.

    Raises MemoryFolderError when the disk fails or is nearly full.
    """

    def __init__(self, folder: MemoryFolder, purpose: str, dimension: int) -> None:
        self._folder = folder
        self._path = folder.path / FOLDER
        with store_errors(folder, "build a new memory beside the old"):
            self._store = self._resumed(purpose) or self._begun(purpose, dimension)

    @property
    def resumed(self) -> int:
        """How many memories it has."""
        with store_errors(self._folder, "count"):
            return self._store.count(qdrant.CountRequest(exact=True))

    def add(self, memories: Iterable[tuple[Match, np.ndarray]]) -> None:
        """Memories with their embeddings, float32 (dimension,); on the disk on return."""
        self._folder.check_space()
        with store_errors(self._folder, "remember"):
            points = [qdrant.Point(match.id, vector.tolist(), payload_of(match)) for match, vector in memories]
            self._store.update(qdrant.UpdateOperation.upsert_points(points))
            self._store.flush()

    def has(self, ids: Sequence[str]) -> set[str]:
        """Those of the ids that it has already."""
        with store_errors(self._folder, "read"):
            return {str(record.id) for record in self._store.retrieve(list(ids), False, False)}

    def describe_again(self, memories: Iterable[Match]) -> None:
        """What is known of memories that it has may have changed since; their embeddings have not."""
        with store_errors(self._folder, "remember"):
            for match in memories:
                self._store.update(qdrant.UpdateOperation.overwrite_payload([match.id], payload_of(match)))

    def keep_only(self, ids: set[str]) -> None:
        """Drop what was forgotten since."""
        with store_errors(self._folder, "forget"):
            offset = None
            gone: list[str] = []
            while True:
                records, offset = self._store.scroll(qdrant.ScrollRequest(offset=offset, limit=1000))
                gone += [str(record.id) for record in records if str(record.id) not in ids]
                if offset is None:
                    break
            if gone:
                self._store.update(qdrant.UpdateOperation.delete_points(list(gone)))

    def finish(self, taught: Mapping[str, Sequence[Prototype]]) -> int:
        """Put it where the folder's next generation belongs, whole and on the disk; returns how many memories it has.

        For `Memory.succeed`, within its `store_errors`.
        """
        memories = self.resumed
        self._store.flush()
        self._store.close()
        generation = self._folder.generation + 1
        write_atomically(self._folder.taught_of(generation), taught_json(taught))
        os.rename(self._path / "store", self._folder.store_of(generation))
        sync_folder(self._folder.path)
        shutil.rmtree(self._path)
        return memories

    def close(self) -> None:
        """Keep what there is, to be gone on with."""
        with store_errors(self._folder, "close"):
            self._store.flush()
            self._store.close()

    def _resumed(self, purpose: str) -> qdrant.EdgeShard | None:
        try:
            same = (self._path / PURPOSE).read_text(encoding="utf-8") == purpose
        except (OSError, UnicodeDecodeError):
            same = False
        return qdrant.EdgeShard.load(str(self._store_path)) if same and self._store_path.exists() else None

    def _begun(self, purpose: str, dimension: int) -> qdrant.EdgeShard:
        shutil.rmtree(self._path, ignore_errors=True)
        self._path.mkdir()
        create_store(self._store_path, dimension)
        write_atomically(self._path / PURPOSE, purpose.encode())
        return qdrant.EdgeShard.load(str(self._store_path))

    @property
    def _store_path(self) -> Path:
        return self._path / "store"
