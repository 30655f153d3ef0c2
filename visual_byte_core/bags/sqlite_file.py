# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The sqlite3 storage of rosbag2 (.db3), where its end is missing or its last messages are in its log, too."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import yaml
from rosbags.interfaces import MessageDefinition, MessageDefinitionFormat

from visual_byte_core.bags.stored_file import CDR, Channel, Raw
from visual_byte_core.errors import DataError

FORMATS = {"ros2msg": MessageDefinitionFormat.MSG, "ros2idl": MessageDefinitionFormat.IDL}
WHOLE = "typeof(timestamp) = 'integer' AND typeof(data) = 'blob'"  # of a damaged row any value may be anything
NO_DEFINITION = MessageDefinition(MessageDefinitionFormat.NONE, "")


class SqliteFile:
    """See `StoredFile`.

    Raises:
        DataError: not even its tables are there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = path.with_name(f"{path.name}-wal")
        self._index = path.with_name(f"{path.name}-shm")
        self._makes_index = self._has_log and not self._index.exists()
        self.lost_bytes = 0 if self._has_log else max(0, _size_by_header(path) - path.stat().st_size)
        self.damage: list[str] = []
        try:
            # What a log holds is read only by a database that is not called immutable; it writes an index beside it.
            how = "" if self._has_log else "&immutable=1"
            self._database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro{how}", uri=True)
            self._database.text_factory = lambda text: text.decode("utf-8", "replace")
            self._database.execute("PRAGMA writable_schema=ON")  # else a file shorter than its header says is not read
            self._channels = self._described()
            self.start = self._first()
        except (sqlite3.Error, TypeError, ValueError) as error:  # a damaged row may hold anything
            way = "; copy the bag with its -wal file to a folder that may be written" if self._has_log else ""
            raise DataError(f"{path}: no bag that can be read, not even in part ({error}){way}") from error
        self.channels = list(self._channels.values())
        self.promised = self._promised()

    def messages(self, topics: Collection[str]) -> Iterator[Raw]:
        """The messages of these topics in the order in which they were recorded.

        Raises:
            DataError: the file cannot be read on.
        """
        wanted = {id: one for id, one in self._channels.items() if one.topic in topics and one.encoding == CDR}
        order = "id" if self.lost_bytes else "timestamp"  # of a file that was cut the index may be what is missing
        of_topics = f"topic_id IN ({','.join(map(str, wanted))})"
        rows = f"SELECT topic_id, timestamp, data FROM messages WHERE {of_topics} AND {WHOLE}"
        try:
            for id, nanoseconds, data in self._database.execute(f"{rows} ORDER BY {order}"):
                yield Raw(wanted[id], int(nanoseconds), bytes(data))
        except (sqlite3.Error, TypeError, ValueError) as error:
            if not self.lost_bytes:  # which is told of already
                self.damage.append(f"{self._path}: cannot be read on ({error})")

    def close(self) -> None:
        """Let go of the file, and of the index that was made to read it."""
        self._database.close()
        if self._makes_index:
            self._index.unlink(missing_ok=True)

    @property
    def _has_log(self) -> bool:
        return self._log.exists() and self._log.stat().st_size > 0

    def _described(self) -> dict[int, Channel]:
        definitions = {
            str(name): MessageDefinition(FORMATS[encoding], str(text))
            for name, encoding, text in self._rows("SELECT topic_type, encoding, encoded_message_definition"
                                                   " FROM message_definitions")
            if encoding in FORMATS
        }  # fmt: skip
        digests = dict(self._rows("SELECT id, type_description_hash FROM topics"))
        rows = self._database.execute("SELECT id, name, type, serialization_format FROM topics ORDER BY id").fetchall()
        return {
            int(id): Channel(
                str(topic), str(kind), str(encoding), definitions.get(str(kind), NO_DEFINITION), digests.get(id) or ""
            )
            for id, topic, kind, encoding in rows
        }

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What older versions do not have, or a cut has taken, is no error."""
        try:
            return self._database.execute(statement).fetchall()
        except sqlite3.Error:
            return []

    def _first(self) -> int:
        order = "id" if self.lost_bytes else "timestamp"
        rows = self._rows(f"SELECT timestamp FROM messages WHERE {WHOLE} ORDER BY {order} LIMIT 1")
        return int(rows[0][0]) if rows else 0

    def _promised(self) -> dict[str, int]:
        for (text,) in self._rows("SELECT metadata FROM metadata ORDER BY id DESC LIMIT 1"):
            try:
                return topic_counts(yaml.safe_load(text))
            except (yaml.YAMLError, DataError, TypeError, ValueError, AttributeError):
                pass
        counts: dict[str, int] = {}
        for id, count in self._rows("SELECT topic_id, count(*) FROM messages GROUP BY topic_id"):
            if id in self._channels:
                topic = self._channels[id].topic
                counts[topic] = counts.get(topic, 0) + count
        return counts


def topic_counts(metadata: object) -> dict[str, int]:
    """Messages by topic that the metadata of a bag promise.

    Raises:
        DataError: they are none.
    """
    try:
        information = metadata.get("rosbag2_bagfile_information", metadata)  # type: ignore[attr-defined]
        counts: dict[str, int] = {}
        for one in information["topics_with_message_count"]:
            topic = str(one["topic_metadata"]["name"])
            counts[topic] = counts.get(topic, 0) + int(one["message_count"])
        return counts
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"no metadata of a bag ({type(error).__name__}: {error})") from error


def _size_by_header(path: Path) -> int:
    """Bytes that the file should have: page size and number of pages (sqlite.org/fileformat2)."""
    with open(path, "rb") as file:
        header = file.read(100)
    if len(header) < 100:
        return 0
    page_size, pages = struct.unpack(">H", header[16:18])[0], struct.unpack(">I", header[28:32])[0]
    return int((65536 if page_size == 1 else page_size) * pages)
