# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A store that is built beside the one in use; until it is whole nothing changes, and it can be resumed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from visual_byte_core.files import sync_folder, write_atomically
from visual_byte_core.memory.match import Match
from visual_byte_core.memory.memory_folder import MemoryFolder
from visual_byte_core.memory.records import unit_vector
from visual_byte_core.memory.store import Store, create_store, store_errors
from visual_byte_core.memory.taught_names import Prototype, taught_json

FOLDER, PURPOSE = "successor", "purpose.txt"


class Successor:
    """purpose: an unfinished store of the same purpose is resumed, one of another is deleted.

    Raises MemoryFolderError when the disk fails or is nearly full.
    """

    def __init__(self, folder: MemoryFolder, purpose: str, dimension: int) -> None:
        self._folder = folder
        self._path = folder.path / FOLDER
        self._dimension = dimension
        with store_errors(folder, "build a new memory beside the old"):
            self._store = self._resumed(purpose) or self._begun(purpose)

    @property
    def resumed(self) -> int:
        """How many memories it has."""
        with store_errors(self._folder, "count"):
            return self._store.count()

    def add(self, memories: Iterable[tuple[Match, np.ndarray]]) -> None:
        """Memories with their embeddings, float32 (dimension,); on disk on return. Raises InvalidMemory."""
        self._folder.check_space()
        with store_errors(self._folder, "remember"):
            for match, vector in memories:
                self._store.add(match, unit_vector(vector, self._dimension).astype(np.float16))
            self._store.checkpoint()

    def has(self, ids: Sequence[str]) -> set[str]:
        """Those of the ids that it has already."""
        with store_errors(self._folder, "read"):
            return set(self._store.rows_of(ids))

    def describe_again(self, memories: Sequence[Match]) -> None:
        """What is known of memories that it has may have changed since; their embeddings have not."""
        with store_errors(self._folder, "remember"):
            rows = self._store.rows_of([match.id for match in memories])
            for match in memories:
                self._store.describe(rows[match.id], match)

    def keep_only(self, ids: set[str]) -> None:
        """Drop what was forgotten since."""
        with store_errors(self._folder, "forget"):
            kept = set(self._store.rows_of(ids).values())
            self._store.delete([row for group in self._store.columns(1000) for row, *_ in group if row not in kept])

    def finish(self, taught: Mapping[str, Sequence[Prototype]]) -> int:
        """Put it where the folder's next generation belongs, whole and on disk; returns how many memories it has.

        For `Memory.succeed`, within its `store_errors`.
        """
        memories = self.resumed
        self._store.checkpoint()
        self._store.close()
        generation = self._folder.generation + 1
        write_atomically(self._folder.taught_of(generation), taught_json(taught))
        os.rename(self._store_path, self._folder.store_of(generation))
        sync_folder(self._folder.path)
        shutil.rmtree(self._path)
        return memories

    def close(self) -> None:
        """Keep what there is, to be resumed."""
        with store_errors(self._folder, "close"):
            self._store.checkpoint()
            self._store.close()

    def _resumed(self, purpose: str) -> Store | None:
        try:
            same = (self._path / PURPOSE).read_text(encoding="utf-8") == purpose
        except (OSError, UnicodeDecodeError):
            same = False
        return Store(self._store_path) if same and self._store_path.exists() else None

    def _begun(self, purpose: str) -> Store:
        shutil.rmtree(self._path, ignore_errors=True)
        self._path.mkdir()
        create_store(self._store_path)
        write_atomically(self._path / PURPOSE, purpose.encode())
        return Store(self._store_path)

    @property
    def _store_path(self) -> Path:
        return self._path / "store"
