# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The folder that a memory lives in: who may open it, and whether it is whole."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visual_byte_core.errors import MemoryFolderError
from visual_byte_core.files import write_atomically

FORMAT = 4
MANIFEST = "memory.json"
MINIMUM_FREE_BYTES = 128 << 20
"""Room for the journal, for the checkpoint that follows it, and for others to go on working."""


@dataclass(frozen=True)
class Disk:
    """Bytes that a memory takes, and that are free beside it."""

    used: int
    free: int


class MemoryFolder:
    """A folder locked for this process, with a manifest that says whose embeddings it holds.

    Store and taught names bear the number of their generation: one that was built beside another takes its place when
    the manifest names it, in one step.

    It is created if it does not exist. Raises MemoryFolderError if it cannot be written, is in use by another process,
    holds other files, or belongs to another bundle, dimension or format.
    """

    def __init__(self, path: Path, bundle_id: str, dimension: int) -> None:
        self.path = path
        self._lock = _lock(path)
        try:
            manifest = self._read_manifest()
            if manifest is None:
                self._identity: dict[str, Any] = _identity(bundle_id, dimension, 0, FORMAT)
                self.record(0)
            else:
                self._identity = _checked(path, manifest, bundle_id, dimension)
                self.memories_at_least: int = manifest["memories_at_least"]
                self._remove_other_generations()
            self.check_space()
        except BaseException:
            self.close()
            raise

    @property
    def bundle_id(self) -> str:
        """The bundle that made the embeddings in it."""
        bundle: str = self._identity["bundle"]
        return bundle

    @property
    def generation(self) -> int:
        """How often the memory was replaced as a whole, as by `memory reembed`; 0 for never."""
        generation: int = self._identity["generation"]
        return generation

    @property
    def store(self) -> Path:
        """The folder of this generation's memories."""
        return self.store_of(self.generation)

    @property
    def taught(self) -> Path:
        """The file of this generation's taught names."""
        return self.taught_of(self.generation)

    def store_of(self, generation: int) -> Path:
        """The folder of a generation's memories, whether or not it is there."""
        return self.path / (f"store-{generation}" if generation else "store")

    def taught_of(self, generation: int) -> Path:
        """The file of a generation's taught names, whether or not it is there."""
        return self.path / (f"taught-{generation}.json" if generation else "taught.json")

    def succeed(self, bundle_id: str, dimension: int, memories: int) -> None:
        """Let the next generation, whole and on disk, take the place of this one, which is then deleted."""
        before = self._identity
        self._identity = _identity(bundle_id, dimension, self.generation + 1, FORMAT)
        try:
            self.record(memories)
        except MemoryFolderError:
            self._identity = before
            raise
        self._remove_other_generations()

    def _remove_other_generations(self) -> None:
        """What was replaced, or was whole when the process ended before it replaced anything."""
        for path in self.path.iterdir():
            named = re.fullmatch(r"(?:store|taught)(?:-(\d+))?(?:\.json)?", path.name)
            if named and int(named[1] or 0) != self.generation:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)

    def record(self, memories: int) -> None:
        """Note durably how many memories must be there from now on; fewer at the next start mean damage."""
        content = json.dumps({**self._identity, "memories_at_least": memories}, indent=1)
        try:
            write_atomically(self.path / MANIFEST, content.encode())
        except OSError as error:
            raise MemoryFolderError(
                f"memory folder {self.path}: cannot be written ({error.strerror}); choose a folder on a writable disk"
            ) from error
        self.memories_at_least = memories

    def disk(self) -> Disk:
        """Raises OSError if the folder is gone."""
        disk = os.statvfs(self.path)
        used = 0
        for file in self.path.rglob("*"):
            with suppress(FileNotFoundError):  # replaced by a newer one meanwhile
                used += file.stat().st_size
        return Disk(used, disk.f_bavail * disk.f_frsize)

    def check_space(self) -> None:
        """Raises MemoryFolderError if the disk is nearly full or may not be written any more."""
        try:
            disk = os.statvfs(self.path)
        except OSError as error:
            raise MemoryFolderError(
                f"memory folder {self.path}: is gone ({error.strerror}); bring back its disk, then open it again"
            ) from error
        if disk.f_flag & os.ST_RDONLY or not os.access(self.path, os.W_OK | os.X_OK):
            raise MemoryFolderError(
                f"memory folder {self.path}: has become read-only; what is there can be searched, nothing more is "
                "remembered until it may be written again"
            )
        free = disk.f_bavail * disk.f_frsize
        if free < MINIMUM_FREE_BYTES:
            raise MemoryFolderError(
                f"memory folder {self.path}: {free >> 20} MB free on its disk, {MINIMUM_FREE_BYTES >> 20} are needed "
                "to remember more; free some space or forget memories"
            )

    def damaged(self, reason: str) -> MemoryFolderError:
        """The error for content that cannot be read."""
        return MemoryFolderError(
            f"memory folder {self.path}: damaged ({reason}); nothing was deleted: "
            "put back a backup, or move the folder away to start with an empty memory"
        )

    def close(self) -> None:
        """Let other processes open the folder."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _read_manifest(self) -> dict[str, Any] | None:
        try:
            manifest: dict[str, Any] = json.loads((self.path / MANIFEST).read_text(encoding="utf-8"))
            if not {"format", "bundle", "dimension", "memories_at_least"} <= set(manifest):
                raise ValueError("not the manifest of a memory")
            if not isinstance(manifest.get("generation", 0), int):
                raise ValueError("generation is not a number")
            return manifest
        except FileNotFoundError:
            if any(not name.startswith(f".{MANIFEST}.") for name in os.listdir(self.path)):
                raise MemoryFolderError(
                    f"memory folder {self.path}: holds files but no {MANIFEST}, so it is not a memory; "
                    "choose a new or empty folder, or put back its manifest"
                ) from None
            return None
        except (OSError, TypeError, ValueError) as error:
            raise self.damaged(f"{MANIFEST}: {error}") from error


def _checked(path: Path, manifest: dict[str, Any], bundle_id: str, dimension: int) -> dict[str, Any]:
    if manifest["format"] != FORMAT:
        raise MemoryFolderError(
            f"memory folder {path}: format {manifest['format']!r} is unknown, this version reads format {FORMAT}; "
            "update Visual Byte or choose another folder"
        )
    if manifest["bundle"] != bundle_id:
        raise MemoryFolderError(
            f"memory folder {path}: holds embeddings of bundle {manifest['bundle']}, which cannot be compared with "
            f"those of {bundle_id}; load {manifest['bundle']}, choose another folder, or embed its thumbnails again: "
            "visual-byte memory reembed"
        )
    if manifest["dimension"] != dimension:
        raise MemoryFolderError(
            f"memory folder {path}: holds embeddings of {manifest['dimension']} values, expected {dimension}; "
            "choose another folder"
        )
    return _identity(bundle_id, dimension, manifest.get("generation", 0), manifest["format"])


def _identity(bundle_id: str, dimension: int, generation: int, format: int) -> dict[str, Any]:
    return {"format": format, "bundle": bundle_id, "dimension": dimension, "generation": generation}


def owner_of(path: Path) -> tuple[str, int]:
    """Bundle and dimension of an existing memory folder. Raises MemoryFolderError if there is none."""
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        return str(manifest["bundle"]), int(manifest["dimension"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise MemoryFolderError(
            f"memory folder {path}: holds no memory ({MANIFEST}: {error}); name the folder of one"
        ) from error


def _lock(path: Path) -> int:
    """An exclusive lock on the folder itself; the kernel lifts it however the process ends."""
    if path.exists() and not path.is_dir():
        raise MemoryFolderError(f"memory folder {path}: is a file; choose a folder")
    try:
        path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise MemoryFolderError(
            f"memory folder {path}: cannot be created or opened ({error.strerror}); choose a folder you may write to"
        ) from error
    try:
        if not os.access(path, os.W_OK | os.X_OK):
            raise MemoryFolderError(f"memory folder {path}: is not writable; choose a folder you may write to")
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            raise MemoryFolderError(
                f"memory folder {path}: in use by another process; stop that process or choose another folder"
            ) from error
        raise
    return descriptor
