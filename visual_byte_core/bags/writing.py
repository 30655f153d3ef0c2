# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Writing a rosbag2 bag with the definitions of its messages inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from rosbags.interfaces import (
    Connection,
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import StoragePlugin, Writer, WriterError

from visual_byte_core.bags.definitions import message_types
from visual_byte_core.errors import DataError

Storage = Literal["mcap", "sqlite3"]
NEVER = QosTime(0x7FFFFFFF, 0xFFFFFFFF)
# Reliable, so that a player does not lose what the recorder got: a node with `lossless: true` listens to nothing else.
PLAYED = Qos(
    QosHistory.KEEP_LAST, 100, QosReliability.RELIABLE, QosDurability.VOLATILE, NEVER, NEVER,
    QosLiveliness.AUTOMATIC, NEVER, False,
)  # fmt: skip


class BagWriter:
    """A new bag in the folder `path`.

    Raises:
        DataError: something is there already or it cannot be written.
    """

    def __init__(self, path: Path, storage: Storage = "mcap") -> None:
        plugin = StoragePlugin.MCAP if storage == "mcap" else StoragePlugin.SQLITE3
        self._path = path
        try:
            self._writer = Writer(path, version=9 if storage == "mcap" else 8, storage_plugin=plugin)
            self._writer.open()
        except (WriterError, OSError) as error:
            raise DataError(f"{path}: no bag can be written there ({error})") from error
        self._connections: dict[str, Connection] = {}

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self._writer.abort()

    def write(self, topic: str, type: str, nanoseconds: int, message: Any) -> None:
        """Write one message, whose fields are attributes, as received at this time since 1970. Raises DataError."""
        self.write_raw(topic, type, nanoseconds, message_types().serialize_cdr(message, type))

    def write_raw(self, topic: str, type: str, nanoseconds: int, data: bytes | memoryview) -> None:
        """The same for a message in CDR.

        Raises:
            DataError: the disk is full.
        """
        try:
            if topic not in self._connections:
                self._connections[topic] = self._writer.add_connection(
                    topic, type, typestore=message_types(), offered_qos_profiles=[PLAYED]
                )
            self._writer.write(self._connections[topic], nanoseconds, data)
        except (WriterError, OSError) as error:
            raise DataError(f"{self._path}: cannot be written ({error}); make room") from error

    def close(self) -> None:
        """Write the index; without it, after a crash, the bag is read up to where it breaks off."""
        try:
            self._writer.close()
        except (WriterError, OSError) as error:
            raise DataError(f"{self._path}: cannot be finished ({error}); make room") from error
