# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The data files of a bag as one row of messages, whatever became of its metadata.

metadata.yaml only says how many messages there should be and which files: what is in the files is read from them, so
that metadata which were lost, or edited to make the bag play elsewhere, cost nothing.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import yaml

from visual_byte_core.bags.mcap_file import McapFile
from visual_byte_core.bags.sqlite_file import SqliteFile, topic_counts
from visual_byte_core.bags.stored_file import CDR, Raw, StoredFile, in_time_order
from visual_byte_core.errors import DataError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SUFFIXES = (".mcap", ".db3")
PACKED = ".zstd"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"  # no message begins like that: CDR begins with 0
MAX_MESSAGE_BYTES = 1 << 30


class StoredBag:
    """A folder of rosbag2, or one of its data files. Close it after use.

    channels: all that the files describe; unreadable: those whose messages are no CDR. promised: messages by topic.
    lost_bytes: at the ends of files that were cut. notes: a line for each thing that is missing or was left out.
    Raises DataError if there is nothing to read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes: list[str] = []
        self._files: list[StoredFile] = []
        self._stack = ExitStack()
        try:
            for file in self._data_files():
                self._open(file)
        except BaseException:
            self.close()
            raise
        self._files.sort(key=lambda file: file.start)
        channels = [channel for file in self._files for channel in file.channels]
        self.channels = [one for one in channels if one.encoding == CDR]
        self.unreadable = {one.topic: one.encoding for one in channels if one.encoding != CDR}
        self.lost_bytes = sum(file.lost_bytes for file in self._files)
        self.promised = self._promised()

    def messages(self, topics: Collection[str]) -> Iterator[Raw]:
        """The messages of these topics, earliest first; those packed one by one are unpacked."""
        opened = ((file.start, partial(file.messages, topics)) for file in self._files)
        for raw in in_time_order(opened, lambda raw: raw.nanoseconds):
            yield replace(raw, data=_unpacked(raw.data)) if raw.data.startswith(ZSTD_MAGIC) else raw

    @property
    def damage(self) -> list[str]:
        """Of the files, as far as they have been read."""
        return [line for file in self._files for line in file.damage]

    def close(self) -> None:
        """Let go of all files, and of what was unpacked to read them."""
        for file in self._files:
            file.close()
        self._stack.close()

    def _data_files(self) -> list[Path]:
        """Those in the folder: more than its metadata name, if the recorder was stopped before it wrote them."""
        if self.path.is_file():
            return [self.path]
        found = sorted(path for path in self.path.iterdir() if _storage_of(path) and not path.name.startswith("."))
        listed = self._metadata().get("relative_file_paths")
        names = [PurePath(str(one)).name for one in listed] if isinstance(listed, list) else []
        there = {path.name for path in found} | {path.name.removesuffix(PACKED) for path in found}
        for name in names:
            if name not in there and name.removesuffix(PACKED) not in there:
                self.notes.append(f"{self.path.name}: {name}, which its metadata.yaml names, is missing")
        if not found:
            raise DataError(
                f"{self.path}: no bag that can be read; expected rosbag2 with .mcap or .db3{_ros1(self.path)}"
            )
        return found

    def _open(self, file: Path) -> None:
        storage = _storage_of(file)
        if not storage:
            raise DataError(f"{file}: no bag that can be read; expected rosbag2 with .mcap or .db3{_ros1(file)}")
        try:
            whole = self._unpacked_file(file) if file.suffix == PACKED else file
            self._files.append(McapFile(whole) if storage == ".mcap" else SqliteFile(whole))
        except (OSError, sqlite3.Error) as error:
            raise DataError(f"{file}: no bag that can be read ({getattr(error, 'strerror', '') or error})") from error

    def _unpacked_file(self, file: Path) -> Path:
        folder = Path(self._stack.enter_context(TemporaryDirectory(prefix="visual_byte_")))
        target = folder / file.name.removesuffix(PACKED)
        try:
            with open(file, "rb") as packed, open(target, "wb") as unpacked:
                is_whole = _unpack(packed, unpacked)
            if not is_whole:
                self.notes.append(f"{file.name}: the packed file breaks off; what comes before is read")
        except zstd.ZstdError as error:
            self.notes.append(f"{file.name}: the packed file is damaged ({error}); what comes before is read")
        except OSError as error:
            raise DataError(f"{file}: cannot be unpacked in {folder} ({error.strerror}); set TMPDIR") from error
        return target

    def _promised(self) -> dict[str, int]:
        metadata = self._metadata()
        if metadata:
            try:
                return topic_counts(metadata)
            except DataError as error:
                self.notes.append(f"{self.path.name}: metadata.yaml does not say what there should be ({error})")
        counts: dict[str, int] = {}
        for file in self._files:
            for topic, count in file.promised.items():
                counts[topic] = counts.get(topic, 0) + count
        return counts

    def _metadata(self) -> dict[str, Any]:
        """What metadata.yaml says; empty if there is none or it cannot be read."""
        try:
            found = yaml.safe_load((self.path / "metadata.yaml").read_text(encoding="utf-8"))
            information = found["rosbag2_bagfile_information"]
            return information if isinstance(information, dict) else {}
        except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError):
            return {}


def _storage_of(path: Path) -> str:
    """`.mcap` or `.db3`; empty if it is neither."""
    suffix = Path(path.name.removesuffix(PACKED)).suffix
    return suffix if suffix in SUFFIXES else ""


def _unpack(packed: BinaryIO, unpacked: BinaryIO) -> bool:
    """Unpack frame after frame, as far as they go; whether the last one is whole. Raises ZstdError."""
    decompressor = zstd.ZstdDecompressor()
    while block := packed.read(1 << 20):
        while block:
            unpacked.write(decompressor.decompress(block))
            block = decompressor.unused_data if decompressor.eof else b""
            if decompressor.eof and block:
                decompressor = zstd.ZstdDecompressor()
    return decompressor.eof


def _unpacked(data: bytes) -> bytes:
    """What cannot be unpacked stays as it is, and is then no message."""
    try:
        return zstd.ZstdDecompressor().decompress(data, MAX_MESSAGE_BYTES)
    except (zstd.ZstdError, EOFError, MemoryError):
        return data


def _ros1(path: Path) -> str:
    bags = [path] if path.suffix == ".bag" else list(path.glob("*.bag")) if path.is_dir() else []
    return f"; {bags[0].name} is of ROS 1: convert it with rosbags-convert" if bags else ""
