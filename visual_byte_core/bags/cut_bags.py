# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Bags that end in the middle of a message: a power cut, a full disk, a copy that broke off. What is whole is read.

MCAP (mcap.dev/spec) is a row of records, each with its length before it, of which messages lie in chunks. A file
that was cut has lost its index; up to the cut its records are as good as before.
"""

from __future__ import annotations

import io
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from visual_byte_core.errors import DataError

MAGIC = b"\x89MCAP0\r\n"
MESSAGE, CHUNK, DATA_END = 0x05, 0x06, 0x0F
RECORD_HEADER = struct.Struct("<BQ")
CHUNK_HEADER = struct.Struct("<QQQII")  # start, end, uncompressed size, CRC, length of the compression's name
EMPTY_FOOTER = RECORD_HEADER.pack(0x02, 20) + bytes(20) + MAGIC  # no index: a reader goes through the records


class CutMcap:
    """The whole records of an MCAP file as a file of its own, for a reader that wants a proper end.

    lost: bytes at the end that belong to no whole message. Raises DataError if not even the beginning is there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        size = path.stat().st_size
        with open(path, "rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise DataError(f"{path}: does not begin as an MCAP file")
            end, record = _last_whole_record(file, len(MAGIC), size)
            self._spans = [(0, end)]
            if record == CHUNK and (inside := _inside_of_chunk(file, end, size)):
                whole, _ = _last_whole_record(file, inside, size)
                self._spans.append((inside, whole - inside))
        self.lost = size - sum(self._spans[-1])

    def __str__(self) -> str:
        return str(self._path)

    def open(self, _mode: str = "rb") -> BinaryIO:
        return io.BufferedReader(_Spans(self._path, self._spans, EMPTY_FOOTER))


def _last_whole_record(file: BinaryIO, start: int, size: int) -> tuple[int, int]:
    """Where the last whole record ends, and the kind of the record that begins there, -1 for none."""
    position = start
    while True:
        file.seek(position)
        header = file.read(RECORD_HEADER.size)
        if len(header) < RECORD_HEADER.size:
            return position, -1
        kind, length = RECORD_HEADER.unpack(header)
        if kind == DATA_END or kind == 0 or position + len(header) + length > size:
            return position, kind
        position += len(header) + length


def _inside_of_chunk(file: BinaryIO, position: int, size: int) -> int:
    """Where the records of a chunk that was cut begin; 0 if it is compressed: then they cannot be told apart."""
    start = position + RECORD_HEADER.size + CHUNK_HEADER.size
    if start + 8 > size:
        return 0
    file.seek(start - 4)
    (name_length,) = struct.unpack("<I", file.read(4))
    return start + 8 if name_length == 0 else 0


class _Spans(io.RawIOBase):
    """Some spans of a file, and bytes after them, as one file; closing it closes the file."""

    def __init__(self, path: Path, spans: list[tuple[int, int]], tail: bytes) -> None:
        self._file = open(path, "rb")  # noqa: SIM115
        self._spans = spans
        self._tail = tail
        self._size = sum(length for _, length in spans) + len(tail)
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer) -> int:
        passed = 0
        for start, length in self._spans:
            if self._position < passed + length:
                offset = self._position - passed
                self._file.seek(start + offset)
                data = self._file.read(min(len(buffer), length - offset))
                break
            passed += length
        else:
            offset = self._position - passed
            data = self._tail[offset : offset + len(buffer)]
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


class CutSqlite:
    """A sqlite3 bag that lacks its end.

    lost: bytes that are missing. topics: (id, name, type) of each. Raises DataError if not even its tables are there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lost = max(0, _size_by_header(path) - path.stat().st_size)
        try:
            self._database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
            self._database.execute("PRAGMA writable_schema=ON")  # else a file shorter than its header says is not read
            rows = self._database.execute("SELECT id, name, type FROM topics ORDER BY id").fetchall()
        except sqlite3.Error as error:
            raise DataError(f"{path}: no bag that can be read, not even in part ({error})") from error
        self.topics = [(int(row[0]), str(row[1]), str(row[2])) for row in rows]

    def messages(self) -> Iterator[tuple[int, int, bytes]]:
        """Topic, nanoseconds and data of each message up to the cut, in the order of recording."""
        try:
            yield from self._database.execute("SELECT topic_id, timestamp, data FROM messages ORDER BY id")
        except sqlite3.Error:
            return

    def close(self) -> None:
        self._database.close()


def _size_by_header(path: Path) -> int:
    """Bytes that the file should have: page size and number of pages (sqlite.org/fileformat2)."""
    with open(path, "rb") as file:
        header = file.read(100)
    if len(header) < 100:
        return 0
    page_size, pages = struct.unpack(">H", header[16:18])[0], struct.unpack(">I", header[28:32])[0]
    return (65536 if page_size == 1 else page_size) * pages
