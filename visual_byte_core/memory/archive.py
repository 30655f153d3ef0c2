# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A memory as one file, to keep, to give away, and to read into another memory.

The file is a zip whose members are stored as they are, never compressed:

    manifest.json        what, format, bundle, dimension, memories, sha256 of the three files below
    memories.jsonl       a line for each memory: id, all that is known of it, sha256 of its thumbnail
    embeddings.f16       (memories, dimension) little-endian half precision, in the order of the lines
    taught.json          the taught names, as in a memory folder
    thumbnails/ID.jpg
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from visual_byte_core.errors import InvalidImage, InvalidMemory
from visual_byte_core.files import json_text, sync_folder
from visual_byte_core.memory.match import Match
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.records import check_description, checked_id, description_of, match_of
from visual_byte_core.memory.taught_names import Prototype, taught_json, taught_of_json
from visual_byte_core.names import folded
from visual_byte_core.rendering.photo import decode_photo

WHAT, FORMAT = "Visual Byte memory", 2
MEMBERS = ("memories.jsonl", "embeddings.f16", "taught.json")
MEMBER = re.compile(r"manifest\.json|memories\.jsonl|embeddings\.f16|taught\.json|thumbnails/[0-9a-f-]{36}\.jpg")
MAX_MANIFEST_BYTES, MAX_THUMBNAIL_BYTES = 1 << 16, 1 << 20  # bytes
MAX_THUMBNAIL_PIXELS = 1_000_000
AT_ONCE = 500


def export_memory(memory: Memory, bundle_id: str, dimension: int, path: Path) -> int:
    """Write all memories and taught names into `path`, which appears only when whole; returns how many memories.

    Raises MemoryFolderError and OSError.
    """
    partial = path.with_name(f".{path.name}.part")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
            memories = _write(archive, memory, bundle_id, dimension)
        with open(partial, "rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
        sync_folder(path.parent)
    finally:
        partial.unlink(missing_ok=True)
    return memories


def import_memory(memory: Memory, bundle_id: str, dimension: int, path: Path) -> tuple[int, int]:
    """Add what `path` holds to the memory, all of it or nothing, and close the memory.

    A memory whose id is there already stays as it is. Returns how many were added, and how many were there.
    Raises InvalidMemory if the file is not a whole export or one of another bundle, and MemoryFolderError.
    """
    with Archive(path, bundle_id, dimension) as archive:
        known = memory.known(archive.ids)
        if not set(archive.ids) - known and not archive.taught:
            memory.close()
            return 0, len(known)
        successor = memory.successor(f"import of {path.name}")
        if successor.resumed:  # of a file that may have had the same name only
            successor.keep_only(set())
        with tqdm(
            total=memory.count() + len(archive.ids), desc="importing", unit="memory", leave=False, disable=None
        ) as bar:
            for group in _groups(memory.everything()):
                successor.add(group)
                bar.update(len(group))
            for group in _groups(archive.memories()):
                successor.add([(match, vector) for match, vector in group if match.id not in known])
                bar.update(len(group))
        memory.succeed(successor, _merged(memory.taught.prototypes(), archive.taught), bundle_id, dimension)
    return len(archive.ids) - len(known), len(known)


def owner_of_archive(path: Path) -> tuple[str, int]:
    """Bundle and dimension of the memory that was exported. Raises InvalidMemory."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open("manifest.json") as file:
            manifest = json.loads(file.read(MAX_MANIFEST_BYTES))
        return str(manifest["bundle"]), int(manifest["dimension"])
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
        raise InvalidMemory(f"{path}: not an exported memory, or cut short ({error}); nothing was imported") from error


class Archive:
    """An exported memory, checked from the first byte to the last before anything of it is used.

    Raises:
        InvalidMemory: it is not a whole export, or not one of this bundle.
    """

    def __init__(self, path: Path, bundle_id: str, dimension: int) -> None:
        self._path = path
        self._dimension = dimension
        try:
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise InvalidMemory(f"{path}: no such file") from None
        except (OSError, zipfile.BadZipFile, ValueError) as error:
            raise self._refused(f"not an exported memory, or cut short ({error})") from error
        try:
            self._check_members()
            manifest = self._checked_manifest(bundle_id)
            members = {name: self._member(name, manifest["sha256"][name]) for name in MEMBERS}
            self._lines = [line for line in members["memories.jsonl"].decode().split("\n") if line]
            self.ids = [checked_id(json.loads(line)["id"]) for line in self._lines]
            self.taught = taught_of_json(members["taught.json"], dimension)
            self._vectors = self._checked_vectors(members["embeddings.f16"], manifest["memories"])
            for _ in tqdm(
                self.memories(), total=len(self.ids), desc="checking", unit="memory", leave=False, disable=None
            ):
                pass
        except InvalidMemory as error:
            self._zip.close()
            raise error if str(path) in str(error) else self._refused(str(error)) from error
        except (KeyError, TypeError, AttributeError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            self._zip.close()
            raise self._refused(f"damaged ({type(error).__name__}: {error})") from error

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def memories(self) -> Iterator[tuple[Match, np.ndarray]]:
        """Each memory with its embedding, float32 (dimension,)."""
        for line, vector in zip(self._lines, self._vectors, strict=True):
            record = json.loads(line)
            thumbnail, digest = b"", record.pop("thumbnail_sha256")
            id = record.pop("id")
            if digest:
                thumbnail = self._read(f"thumbnails/{id}.jpg", MAX_THUMBNAIL_BYTES)
                if hashlib.sha256(thumbnail).hexdigest() != digest:
                    raise InvalidMemory(f"the thumbnail of memory {id} is damaged")
                try:
                    decode_photo(thumbnail, f"the thumbnail of memory {id}", max_pixels=MAX_THUMBNAIL_PIXELS)
                except InvalidImage as error:
                    raise InvalidMemory(str(error)) from error
            check_description(record)
            yield match_of(id, record, thumbnail), vector.astype(np.float32)

    def _check_members(self) -> None:
        members = self._zip.infolist()
        for member in members:
            if not MEMBER.fullmatch(member.filename):
                raise InvalidMemory(f"holds {member.filename[:200]!r}, which no exported memory does")
            if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
                raise InvalidMemory(f"{member.filename} is compressed or encrypted, which an exported memory never is")
        if len({member.filename for member in members}) != len(members):
            raise InvalidMemory("holds two files of one name")
        if sum(member.file_size for member in members) > self._path.stat().st_size:
            raise InvalidMemory("its files claim to be larger than it is")

    def _checked_manifest(self, bundle_id: str) -> dict[str, Any]:
        manifest: dict[str, Any] = json.loads(self._read("manifest.json", MAX_MANIFEST_BYTES))
        if manifest["what"] != WHAT:
            raise InvalidMemory("is not an exported memory")
        if manifest["format"] != FORMAT:
            raise InvalidMemory(f"format {manifest['format']!r} is unknown; update Visual Byte")
        if manifest["bundle"] != bundle_id or manifest["dimension"] != self._dimension:
            raise InvalidMemory(
                f"holds embeddings of bundle {manifest['bundle']}, the memory those of {bundle_id}; import it into an "
                f"empty memory of {manifest['bundle']}, and then run: visual-byte memory reembed"
            )
        return manifest

    def _checked_vectors(self, content: bytes, memories: int) -> np.ndarray:
        if len(set(self.ids)) != memories or len(self.ids) != memories:
            raise InvalidMemory(f"{len(set(self.ids))} memories, its manifest says {memories}")
        vectors = np.frombuffer(content, "<f2").reshape(memories, self._dimension)
        if not np.isfinite(vectors).all() or not vectors.any(axis=1).all():
            raise InvalidMemory("an embedding is not finite or all zero")
        return vectors

    def _member(self, name: str, digest: str) -> bytes:
        content = self._read(name, self._path.stat().st_size)
        if hashlib.sha256(content).hexdigest() != digest:
            raise InvalidMemory(f"{name} is damaged: its sha256 is not the one in the manifest")
        return content

    def _read(self, name: str, max_bytes: int) -> bytes:
        if self._zip.getinfo(name).file_size > max_bytes:
            raise InvalidMemory(f"{name} is larger than {max_bytes} bytes")
        return self._zip.read(name)

    def _refused(self, reason: str) -> InvalidMemory:
        return InvalidMemory(f"{self._path}: {reason}; nothing was imported")


def _write(archive: zipfile.ZipFile, memory: Memory, bundle_id: str, dimension: int) -> int:
    lines: list[str] = []
    vectors: list[np.ndarray] = []
    everything = tqdm(
        memory.everything(), total=memory.count(), desc="exporting", unit="memory", leave=False, disable=None
    )
    for match, vector in everything:
        record = {"id": match.id, **description_of(match)}
        record["thumbnail_sha256"] = hashlib.sha256(match.thumbnail).hexdigest() if match.thumbnail else ""
        lines.append(json_text(record) + "\n")
        vectors.append(vector.astype("<f2"))
        if match.thumbnail:
            archive.writestr(_member(f"thumbnails/{match.id}.jpg"), match.thumbnail)
    members = {
        "memories.jsonl": "".join(lines).encode(),
        "embeddings.f16": b"".join(vector.tobytes() for vector in vectors),
        "taught.json": taught_json(memory.taught.prototypes()),
    }
    manifest = {
        "what": WHAT, "format": FORMAT, "bundle": bundle_id, "dimension": dimension, "memories": len(lines),
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in members.items()},
    }  # fmt: skip
    for name, content in {**members, "manifest.json": json.dumps(manifest, indent=1).encode()}.items():
        archive.writestr(_member(name), content)
    return len(lines)


def _member(name: str) -> zipfile.ZipInfo:
    """Without the time of writing: one memory gives one file."""
    return zipfile.ZipInfo(name)


def _merged(
    here: dict[str, tuple[Prototype, ...]], there: dict[str, tuple[Prototype, ...]]
) -> dict[str, tuple[Prototype, ...]]:
    """What the memory was taught under a name stays; a name that it does not know is added."""
    known = {folded(name) for name in here}
    return {**{name: taught for name, taught in there.items() if folded(name) not in known}, **here}


def _groups(memories: Iterator[tuple[Match, np.ndarray]]) -> Iterator[list[tuple[Match, np.ndarray]]]:
    group = []
    for one in memories:
        group.append(one)
        if len(group) == AT_ONCE:
            yield group
            group = []
    if group:
        yield group
