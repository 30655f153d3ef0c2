# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A memory of the photos in a folder that follows the folder: only new and changed photos are embedded again."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.data_files import data_files, expected
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.engine.engine import Engine
from visual_byte_core.engine.settings import EngineSettings
from visual_byte_core.errors import DataError, InvalidImage, MemoryFolderError
from visual_byte_core.files import json_text, write_atomically
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.observation import Observation
from visual_byte_core.rendering.photo import read_photo
from visual_byte_core.rendering.query import Example
from visual_byte_core.user_folders import cache_folder

FILES_AT_ONCE = 64
LISTING = "photos_2.json"  # by the way in which photos are read: another one begins a new listing

log = logging.getLogger("visual_byte")


@dataclass(frozen=True)
class _Indexed:
    """A photo as it was when it was embedded, and the memory that came of it."""

    modified_ns: int
    bytes: int
    id: str


class PhotoIndex:
    """The photos below a folder, at any depth, as memories of an engine, whose matches name them in `source`.

    Args:
        photos: the folder; `source` is relative to it.
        root: a folder for indexes; each pair of bundle and folder gets its own below it.
        settings: the engine's; they must not merge what looks alike.

    Raises:
        DataError: the folder cannot be read or holds no photo.
        MemoryFolderError: the index cannot be opened.
        BundleError: the bundle cannot be loaded.
    """

    def __init__(self, photos: Path, bundle: Bundle, settings: EngineSettings, root: Path | None = None) -> None:
        self.photos = photos
        self._paths = _photos_below(photos)
        key = hashlib.sha256(os.fsencode(photos.resolve())).hexdigest()[:16]
        self._folder = (root or cache_folder("index")) / bundle.id / key
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MemoryFolderError(
                f"index {self._folder}: {error.strerror}; choose another place with --index"
            ) from error
        self.engine = Engine(bundle, self._folder / "memory", settings)
        self._indexed = self._read_listing()
        if self.engine.memories != len(self._indexed):
            # Stopped between storing photos and listing them: what is stored cannot be told apart, so begin again.
            self.engine.forget(everything=True).result()
            self._indexed = {}

    def update(self) -> list[str]:
        """Bring the memory up to date; stopped at any moment, the next call resumes.

        Returns:
            A reason for each photo that cannot be read.
        """
        states = {path.relative_to(self.photos).as_posix(): path.stat() for path in self._paths if path.exists()}
        stale = [
            name
            for name, was in self._indexed.items()
            if name not in states or (states[name].st_mtime_ns, states[name].st_size) != (was.modified_ns, was.bytes)
        ]
        if stale:
            ids = [self._indexed.pop(name).id for name in stale]
            self.engine.do(lambda _, memory: memory.forget(ids)).result()
            self._store()
        new = [name for name in states if name not in self._indexed]
        unreadable: list[str] = []
        with tqdm(total=len(new), desc="indexing photos", unit="photo", disable=None if new else True) as bar:
            for start in range(0, len(new), FILES_AT_ONCE):
                chunk = new[start : start + FILES_AT_ONCE]
                unreadable += self._add({name: states[name] for name in chunk})
                bar.update(len(chunk))
        if not self._indexed:
            raise DataError(f"{self.photos}: none of {len(states)} photos can be read; the first: {unreadable[0]}")
        return unreadable

    def close(self) -> None:
        """Close the memory; what was embedded is on disk."""
        self.engine.close()

    def _add(self, files: dict[str, os.stat_result]) -> list[str]:
        images: dict[str, np.ndarray] = {}
        unreadable = []
        for name in files:
            try:
                images[name] = self.engine.render(Example(read_photo(self.photos / name))).image
            except InvalidImage as error:
                unreadable.append(str(error))
                log.warning("left out: %s", error)

        def remember(embedder: Embedder, memory: Memory) -> None:
            embeddings = embedder.embed_photos(np.stack(list(images.values())))
            for name, embedding in zip(images, embeddings, strict=True):
                state = files[name]
                remembered = memory.remember(embedding, Observation(captured_at=state.st_mtime, source=name))
                self._indexed[name] = _Indexed(state.st_mtime_ns, state.st_size, remembered.id)

        if images:
            self.engine.do(remember).result()
            self._store()
        return unreadable

    def _store(self) -> None:
        listing = {name: [one.modified_ns, one.bytes, one.id] for name, one in self._indexed.items()}
        write_atomically(self._folder / LISTING, json_text(listing).encode())

    def _read_listing(self) -> dict[str, _Indexed]:
        try:
            return {name: _Indexed(*entry) for name, entry in json.loads((self._folder / LISTING).read_bytes()).items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError):
            log.warning("%s is damaged; the photos are indexed again", self._folder / LISTING)
            return {}


def _photos_below(folder: Path) -> list[Path]:
    files = data_files(folder, "photo")
    if not files.found:
        passed = f"; passed over: {files}" if files.passed_over else ""
        raise DataError(f"{folder}: no photos; expected {expected('photo')}{passed}")
    files.tell()
    return files.found
