# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The messages of a bag in time order, one at a time, so that memory does not grow with the bag."""

from __future__ import annotations

import logging
import struct
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import yaml
from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader, ReaderError
from rosbags.rosbag2.storage_mcap import McapReader
from rosbags.serde import SerdeError

from visual_byte_core.bags.cut_bags import CutMcap, CutSqlite
from visual_byte_core.bags.definitions import check_definition, message_types
from visual_byte_core.engine.stamp_order import TimeOrder
from visual_byte_core.errors import DataError
from visual_byte_core.messages.poses import POSE_MESSAGES

SUFFIXES = (".mcap", ".db3")
UNREADABLE = (ReaderError, apsw.Error, OSError, EOFError, struct.error, IndexError, KeyError, TypeError, ValueError)

log = logging.getLogger("visual_byte")


@dataclass(frozen=True)
class Topic:
    """name: with its namespace; type: as `visual_byte/msg/Query`."""

    name: str
    type: str


@dataclass(frozen=True)
class Received:
    """topic: its name. seconds: since 1970, when the recorder got it. stamp: the one in its header, `seconds` if that
    is zero. message: its fields as attributes."""

    topic: str
    seconds: float
    stamp: float
    message: Any


class Bag:
    """A rosbag2 bag: a folder, or one .mcap or .db3 file. Close it after use.

    topics: what was recorded. cut: one line on what its end lacks, empty if it is whole; lost_bytes: how much that is.
    malformed: messages so far whose data do not fit their definition. jumped_back: how often a topic's stamps did, by
    topic; what is shown there keeps its stamp, and its place if it jumped far.
    Raises DataError if there is no bag to read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cut = ""
        self.lost_bytes = 0
        self.malformed = 0
        self.jumped_back: dict[str, int] = {}
        if not path.exists():
            raise DataError(f"{path}: no such bag; give its folder, or its .mcap or .db3 file")
        self._cut_sqlite: list[CutSqlite] = []
        self._whole: Reader | None = None
        self._cut_mcap: list[McapReader] = []
        try:
            self._whole = Reader(path)
            self._whole.open()
            self._connections = list(self._whole.connections)
        except UNREADABLE as error:
            self._whole = None
            self._open_whole_spans(str(error))
        found = {Topic(one.topic, one.msgtype) for one in self._connections}
        found |= {Topic(name, kind) for cut in self._cut_sqlite for _, name, kind in cut.topics}
        self.topics = sorted(found, key=lambda topic: (topic.name, topic.type))

    def __enter__(self) -> Bag:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._whole:
            self._whole.close()
        for reader in self._cut_mcap:
            reader.close()
        for cut in self._cut_sqlite:
            cut.close()

    def check(self, topics: Collection[str]) -> None:
        """Raise DataError if these topics were recorded with other versions of their messages than ours."""
        for connection in self._connections:
            if connection.topic in topics:
                check_definition(connection, str(self.path))

    def count(self, topics: Collection[str]) -> int | None:
        """How many messages these topics have; None if the bag cannot say."""
        return None if self._cut_sqlite else sum(one.msgcount for one in self._connections if one.topic in topics)

    def messages(self, topics: Collection[str]) -> Iterator[Received]:
        """The messages of these topics in the order of their stamps, as far as TimeOrder holds them back; poses before
        the frames of the same stamp.

        Raises DataError where the bag cannot be read on.
        """
        order: TimeOrder[Received] = TimeOrder()
        self.malformed, self.jumped_back = 0, {}
        places = {topic.name for topic in self.topics if topic.type in POSE_MESSAGES}
        for received in self._as_recorded(topics):
            order.put(received.stamp, received.seconds, received, first=received.topic in places)
            yield from order.take_due(received.seconds)
        while len(order):
            yield order.take()

    def _as_recorded(self, topics: Collection[str]) -> Iterator[Received]:
        types = message_types()
        newest: dict[str, float] = {}
        for topic, kind, nanoseconds, data in self._raw(topics):
            try:
                message = types.deserialize_cdr(data, kind)
            except SerdeError as error:
                self.malformed += 1
                log.warning("%s: a message on %s at %d ns is left out: %s", self.path, topic, nanoseconds, error)
                continue
            received = Received(topic, nanoseconds * 1e-9, _stamp(message) or nanoseconds * 1e-9, message)
            if received.stamp < newest.get(topic, received.stamp):
                self._note_jump(received, newest[topic])
            newest[topic] = received.stamp
            yield received

    def _note_jump(self, received: Received, before: float) -> None:
        topic = received.topic
        self.jumped_back[topic] = self.jumped_back.get(topic, 0) + 1
        if self.jumped_back[topic] == 1:
            log.warning("%s: the stamps of %s jump back by %.3f s", self.path, topic, before - received.stamp)

    def _raw(self, topics: Collection[str]) -> Iterator[tuple[str, str, int, bytes]]:
        wanted = [one for one in self._connections if one.topic in topics]
        try:
            if self._whole and wanted:
                yield from _named(self._whole.messages(wanted))
            for reader in self._cut_mcap:
                own = [one for one in reader.connections if one.topic in topics]
                yield from _named(reader.messages_scan(own))
        except UNREADABLE as error:
            raise DataError(f"{self.path}: cannot be read on ({error}); the bag is damaged") from error
        for cut in self._cut_sqlite:
            names = {number: (name, kind) for number, name, kind in cut.topics if name in topics}
            for number, nanoseconds, data in cut.messages():
                if number in names:
                    yield *names[number], nanoseconds, data

    def _open_whole_spans(self, reason: str) -> None:
        """Read what is whole of each file."""
        files = sorted(file for suffix in SUFFIXES for file in self.path.glob(f"*{suffix}"))
        if self.path.is_file() and self.path.suffix in SUFFIXES:
            files = [self.path]
        if not files:
            raise DataError(f"{self.path}: no bag that can be read ({reason}); expected rosbag2 with .mcap or .db3")
        self._connections = []
        for file in files:
            try:
                if file.suffix == ".mcap":
                    self._open_mcap(file)
                else:
                    self._cut_sqlite.append(CutSqlite(file))
                    self.lost_bytes += self._cut_sqlite[-1].lost
            except UNREADABLE as error:
                raise DataError(f"{file}: no bag that can be read, not even in part ({error})") from error
        self.cut = (
            f"{self.path.name}: the bag has no proper end ({reason.rstrip('.')}): {self.lost_bytes} bytes are lost"
        )
        if expected := _messages_expected(self.path):
            self.cut += f"; it was to hold {expected} messages"

    def _open_mcap(self, file: Path) -> None:
        whole = CutMcap(file)
        reader = McapReader(whole)  # type: ignore[arg-type]
        reader.open()
        self._cut_mcap.append(reader)
        self._connections += reader.connections
        self.lost_bytes += whole.lost


def find_topic(bag: Bag, wanted: str, kind: str, chosen: str = "") -> str:
    """The topic of this kind that is named `chosen`, or else `wanted`, in whatever namespace.

    Raises DataError, which lists the topics of the bag, if there is none, or more than one.
    """
    there = ", ".join(f"{topic.name} ({topic.type})" for topic in bag.topics) or "none"
    of_kind = [topic.name for topic in bag.topics if topic.type == kind]
    if chosen:
        fits = [name for name in of_kind if name.lstrip("/") == chosen.lstrip("/")]
    else:
        fits = [name for name in of_kind if name.rpartition("/")[2] == wanted]
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise DataError(f"{bag.path}: several topics {wanted}: {', '.join(fits)}; choose one with --{wanted}")
    name = chosen or wanted
    raise DataError(f"{bag.path}: no topic {name} of type {kind}; it has: {there}; name it with --{wanted} TOPIC")


def find_pose_topic(bag: Bag, chosen: str = "") -> str:
    """The topic of poses that is named `chosen`, or else `pose`, of any of POSE_MESSAGES; empty if there is none.

    Raises DataError if `chosen` is not there, or several fit.
    """
    for kind in POSE_MESSAGES:
        named = [topic for topic in bag.topics if topic.type == kind and topic.name.rpartition("/")[2] == "pose"]
        if named and not chosen:
            return find_topic(bag, "pose", kind)
        if chosen and any(topic.type == kind and topic.name.lstrip("/") == chosen.lstrip("/") for topic in bag.topics):
            return find_topic(bag, "pose", kind, chosen)
    return find_topic(bag, "pose", POSE_MESSAGES[0], chosen) if chosen else ""


def _named(messages: Iterable[tuple[Connection, int, bytes]]) -> Iterator[tuple[str, str, int, bytes]]:
    for connection, nanoseconds, data in messages:
        yield connection.topic, connection.msgtype, nanoseconds, data


def _stamp(message: Any) -> float:
    header = getattr(message, "header", None)
    return header.stamp.sec + header.stamp.nanosec * 1e-9 if header is not None else 0.0


def _messages_expected(path: Path) -> int | None:
    try:
        metadata = yaml.safe_load((path / "metadata.yaml").read_text(encoding="utf-8"))
        return int(metadata["rosbag2_bagfile_information"]["message_count"])
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError):
        return None
