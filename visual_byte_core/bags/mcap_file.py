# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""MCAP files (mcap.dev/spec), read by their records and not by their index: what was cut or damaged costs itself only.

A file is a row of records, each with its length before it; messages lie in chunks, which are compressed one by one, or
between them. The index at the end serves to tell how many messages there should be.
"""

from __future__ import annotations

import struct
import sys
from binascii import crc32
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import lz4.frame
from rosbags.interfaces import MessageDefinition, MessageDefinitionFormat

from visual_byte_core.bags.stored_file import CDR, Channel, Raw, in_time_order
from visual_byte_core.errors import DataError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAGIC = b"\x89MCAP0\r\n"
FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, MESSAGE_INDEX, CHUNK_INDEX, STATISTICS, DATA_END = 2, 3, 4, 5, 6, 7, 8, 11, 15
LAST_KIND = 0x0F  # of the format's own; private records are 0x80 and above
PRIVATE = 0x80
RECORD = struct.Struct("<BQ")
FOOT = struct.Struct("<BQQQI8s")  # the footer, where the index begins in it, and the magic behind
CHUNK_HEAD = struct.Struct("<QQQI")  # start, end, size unpacked, CRC; then the compression's name and the packed size
MESSAGE_HEAD = struct.Struct("<HIQQ")  # channel, number, time of recording, time of publishing
MAX_CHUNK_BYTES = 1 << 30
FORMATS = {"ros2msg": MessageDefinitionFormat.MSG, "ros2idl": MessageDefinitionFormat.IDL,
           "omgidl": MessageDefinitionFormat.IDL}  # fmt: skip
NO_DEFINITION = MessageDefinition(MessageDefinitionFormat.NONE, "")
DAMAGE = (zstd.ZstdError, EOFError, RuntimeError, ValueError, struct.error, MemoryError)


@dataclass(frozen=True)
class _Piece:
    """A chunk, or a message between chunks: where its record's content lies.

    Attributes:
        counts: messages by channel that the indexes behind a chunk tell of.
    """

    start: int
    position: int
    length: int
    kind: int
    counts: Counter[int] = field(default_factory=Counter, compare=False)


class McapFile:
    """See `StoredFile`. Raises DataError if it does not begin as an MCAP file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = open(path, "rb")  # noqa: SIM115
        self._schemas: dict[int, tuple[str, str, bytes]] = {}
        self._by_number: dict[int, Channel] = {}
        self._pieces: list[_Piece] = []
        self._in_statistics: dict[int, int] | None = None
        self.damage: list[str] = []
        try:
            if self._file.read(len(MAGIC)) != MAGIC:
                raise DataError(f"{path}: does not begin as an MCAP file")
            self._size = path.stat().st_size
            self.lost_bytes = self._scan()
            if self.lost_bytes:
                self._look_into_chunks()
        except BaseException:
            self._file.close()
            raise
        self.channels = list(self._by_number.values())
        self.start = min((piece.start for piece in self._pieces), default=0)
        counts = self._in_statistics
        if counts is None:
            counts = sum((piece.counts for piece in self._pieces), Counter())
        self.promised: dict[str, int] = {}
        for number, count in counts.items():
            if channel := self._by_number.get(number):
                self.promised[channel.topic] = self.promised.get(channel.topic, 0) + count

    def messages(self, topics: Collection[str]) -> Iterator[Raw]:
        """The messages of these topics in the order in which they were recorded.

        Raises:
            DataError: the file cannot be read on.
        """
        wanted = {number: one for number, one in self._by_number.items() if one.topic in topics and one.encoding == CDR}
        opened = ((piece.start, partial(self._messages_of, piece, wanted)) for piece in self._pieces)
        yield from in_time_order(opened, lambda raw: raw.nanoseconds)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _scan(self) -> int:
        """Take in all records; returns how many bytes belong to none."""
        size, position, lost, tail = self._size, len(MAGIC), 0, False
        while position + RECORD.size <= size:
            kind, length = self._head(position)
            content = position + RECORD.size
            if content + length > size or not (0 < kind <= LAST_KIND or kind >= PRIVATE):
                if tail:  # behind the messages only the index is missing, with which nothing is lost
                    return lost
                end = self._cut_chunk(kind, content, length)
                position = min((at for at in self._indexed_chunks() if at > position), default=size)
                lost += position - end
                continue
            if kind == FOOTER:
                return lost
            tail = tail or kind == DATA_END
            self._take_in(kind, content, length)
            position = content + length
        return lost if tail else lost + max(0, size - position)

    def _indexed_chunks(self) -> list[int]:
        """Where chunks begin, by the index at the end, if that is there."""
        foot = self._read(max(0, self._size - FOOT.size), FOOT.size)
        if len(foot) < FOOT.size or FOOT.unpack(foot)[0] != FOOTER or not foot.endswith(MAGIC):
            return []
        at, found = FOOT.unpack(foot)[2], []
        while at and at + RECORD.size <= self._size - FOOT.size:
            kind, length = self._head(at)
            if kind == CHUNK_INDEX and length >= 24:
                found.append(struct.unpack("<16xQ", self._read(at + RECORD.size, 24))[0])
            elif kind == STATISTICS:
                self._take_in(kind, at + RECORD.size, length)
            at += RECORD.size + length
        return found

    def _head(self, position: int) -> tuple[int, int]:
        self._file.seek(position)
        kind, length = RECORD.unpack(self._file.read(RECORD.size))
        return kind, length

    def _take_in(self, kind: int, content: int, length: int) -> None:
        if kind in (SCHEMA, CHANNEL, STATISTICS):
            data = self._read(content, length)
            try:
                {SCHEMA: self._schema, CHANNEL: self._channel, STATISTICS: self._statistics}[kind](data)
            except (struct.error, IndexError) as error:
                self.damage.append(f"{self._path}: a record at byte {content} is damaged ({error})")
        elif kind == MESSAGE and length >= MESSAGE_HEAD.size:
            number, _, start, _ = MESSAGE_HEAD.unpack(self._read(content, MESSAGE_HEAD.size))
            self._pieces.append(_Piece(start, content, length, kind, Counter({number: 1})))
        elif kind == CHUNK and length >= CHUNK_HEAD.size:
            (start, *_) = CHUNK_HEAD.unpack(self._read(content, CHUNK_HEAD.size))
            self._pieces.append(_Piece(start, content, length, kind))
        elif kind == MESSAGE_INDEX and self._pieces and length >= 6:
            (number, bytes_) = struct.unpack("<HI", self._read(content, 6))
            self._pieces[-1].counts[number] += bytes_ // 16

    def _cut_chunk(self, kind: int, content: int, length: int) -> int:
        """Where what can be read ends: of an unpacked chunk that was cut, behind its last whole message."""
        position, head = content - RECORD.size, self._read(content, CHUNK_HEAD.size + 12)
        if kind != CHUNK or len(head) < CHUNK_HEAD.size + 12 or head[CHUNK_HEAD.size : CHUNK_HEAD.size + 4] != bytes(4):
            return position
        at = content + CHUNK_HEAD.size + 12
        while at + RECORD.size <= self._size:
            kind, length = self._head(at)
            if kind not in (SCHEMA, CHANNEL, MESSAGE) or at + RECORD.size + length > self._size:
                break
            self._take_in(kind, at + RECORD.size, length)
            at += RECORD.size + length
        return at

    def _look_into_chunks(self) -> None:
        """Channels are described in the chunks, too, and the index that repeats them is missing."""
        for piece in list(self._pieces):
            if piece.kind == CHUNK:
                try:
                    for kind, data in _records(self._unpacked(piece)):
                        if kind in (SCHEMA, CHANNEL):
                            {SCHEMA: self._schema, CHANNEL: self._channel}[kind](data)
                except DAMAGE:
                    continue  # it is told of when its messages are read

    def _messages_of(self, piece: _Piece, wanted: dict[int, Channel]) -> list[Raw]:
        if piece.kind == MESSAGE:
            raw = _raw(self._read(piece.position, piece.length), wanted)
            return [raw] if raw else []
        if piece.counts and not any(piece.counts[number] for number in wanted):
            return []
        found: list[Raw] = []
        try:
            for kind, data in _records(self._unpacked(piece)):
                if kind == MESSAGE and (raw := _raw(data, wanted)):
                    found.append(raw)
        except DAMAGE as error:
            of = sum(piece.counts[number] for number in wanted) or "an unknown number of"
            self.damage.append(
                f"{self._path}: a chunk at byte {piece.position} is damaged ({error}); of {of} messages {len(found)}"
                " were read"
            )
        return sorted(found, key=lambda raw: raw.nanoseconds)

    def _unpacked(self, piece: _Piece) -> bytes:
        data = self._read(piece.position, piece.length)
        _, _, size, crc = CHUNK_HEAD.unpack_from(data)
        name, at = _text(data, CHUNK_HEAD.size)
        if size > MAX_CHUNK_BYTES or name not in UNPACK:
            raise ValueError(f"{size} bytes, packed by {name!r}")
        content = UNPACK[name](data[at + 8 :], size)
        if len(content) != size or (crc and crc32(content) != crc):
            raise ValueError("its checksum does not fit")
        return content

    def _schema(self, data: bytes) -> None:
        (number,) = struct.unpack_from("<H", data)
        name, at = _text(data, 2)
        encoding, at = _text(data, at)
        (length,) = struct.unpack_from("<I", data, at)
        self._schemas.setdefault(number, (name, encoding, data[at + 4 : at + 4 + length]))

    def _channel(self, data: bytes) -> None:
        number, schema = struct.unpack_from("<HH", data)
        topic, at = _text(data, 4)
        encoding, _ = _text(data, at)
        kind, format_, content = self._schemas.get(schema, ("", "", b""))
        definition = NO_DEFINITION
        if format_ in FORMATS:
            definition = MessageDefinition(FORMATS[format_], content.decode("utf-8", "replace"))
        self._by_number.setdefault(number, Channel(topic, kind, encoding or CDR, definition))

    def _statistics(self, data: bytes) -> None:
        (length,) = struct.unpack_from("<I", data, 42)
        pairs = struct.iter_unpack("<HQ", data[46 : 46 + length // 10 * 10])
        self._in_statistics = dict(pairs)

    def _read(self, position: int, length: int) -> bytes:
        self._file.seek(position)
        return self._file.read(length)


def _unpack_zstd(data: bytes, size: int) -> bytes:
    return zstd.ZstdDecompressor().decompress(data, size)


def _unpack_lz4(data: bytes, size: int) -> bytes:
    content: bytes = lz4.frame.LZ4FrameDecompressor().decompress(data, size)
    return content


UNPACK: dict[str, Callable[[bytes, int], bytes]] = {
    "": lambda data, size: data[:size],
    "zstd": _unpack_zstd,
    "lz4": _unpack_lz4,
}


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and content of each record in a chunk. Raises ValueError if the last is not whole."""
    at = 0
    while at < len(data):
        kind, length = RECORD.unpack_from(data, at)
        at += RECORD.size
        if at + length > len(data):
            raise ValueError("its last record is not whole")
        yield kind, data[at : at + length]
        at += length


def _raw(data: bytes, wanted: dict[int, Channel]) -> Raw | None:
    number, _, recorded, _ = MESSAGE_HEAD.unpack_from(data)
    channel = wanted.get(number)
    return Raw(channel, recorded, data[MESSAGE_HEAD.size :]) if channel else None


def _text(data: bytes, at: int) -> tuple[str, int]:
    """The text that begins there, and where it ends."""
    (length,) = struct.unpack_from("<I", data, at)
    return data[at + 4 : at + 4 + length].decode("utf-8", "replace"), at + 4 + length
