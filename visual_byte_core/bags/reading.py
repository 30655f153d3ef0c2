# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The messages of a bag in time order, one at a time, so that memory does not grow with the bag."""

from __future__ import annotations

import logging
import struct
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rosbags.interfaces import Nodetype
from rosbags.serde import SerdeError

from visual_byte_core.bags.definitions import check_definition, message_types
from visual_byte_core.bags.stored_bag import StoredBag
from visual_byte_core.bags.stored_file import Raw
from visual_byte_core.engine.stamp_order import TimeOrder
from visual_byte_core.errors import DataError
from visual_byte_core.messages.poses import POSE_MESSAGES
from visual_byte_core.messages.stamps import TopicStamps, describe_gap, in_seconds, seconds_of
from visual_byte_core.messages.topic_types import COMPRESSED_SUFFIX, TOPIC_TYPES

# What a message that does not fit its definition makes the reader raise.
MALFORMED = (SerdeError, ValueError, IndexError, TypeError, KeyError, struct.error, AssertionError, UnicodeError)
HEADER = "std_msgs/msg/Header"

log = logging.getLogger("visual_byte")


@dataclass(frozen=True)
class Topic:
    """name: with its namespace; type: as `visual_byte/msg/Query`."""

    name: str
    type: str


@dataclass(frozen=True)
class Received:
    """A message of a bag.

    Attributes:
        topic: its name.
        seconds: since 1970, when the recorder got it.
        stamp: the one in its header, `seconds` if the topic has no stamps.
        message: its fields as attributes.
    """

    topic: str
    seconds: float
    stamp: float
    message: Any


class Bag:
    """A rosbag2 bag: a folder, or one .mcap or .db3 file, packed by zstd or not. Close it after use.

    topics: what was recorded and can be read. malformed: messages so far whose data do not fit their definition.
    jumped_back: how often a topic's stamps did, by topic; what is shown there keeps its stamp, and its place if it
    jumped far. unread: messages by topic that the bag promises and that were not there, once all were read.
    Raises DataError if there is no bag to read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.malformed = 0
        self.jumped_back: dict[str, int] = {}
        self.unread: dict[str, int] = {}
        if not path.exists():
            raise DataError(f"{path}: no such bag; give its folder, or its .mcap or .db3 file")
        self._stored = StoredBag(path)
        found = {Topic(one.topic, one.type) for one in self._stored.channels}
        self.topics = sorted(found, key=lambda topic: (topic.name, topic.type))
        for topic, encoding in sorted(self.unreadable.items()):
            log.info("%s: %s is left out: its messages are %s, ROS 2 writes cdr", path, topic, encoding)

    def __enter__(self) -> Bag:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files."""
        self._stored.close()

    @property
    def unreadable(self) -> dict[str, str]:
        """Topics that other programs wrote, and how."""
        return self._stored.unreadable

    @property
    def lost_bytes(self) -> int:
        """Of files that were cut."""
        return self._stored.lost_bytes

    @property
    def cut(self) -> str:
        """One line on what is missing, as far as it is known; empty if nothing is."""
        told = list(self._stored.notes)
        if self.lost_bytes:
            told.append(f"{self.path.name}: the bag has no proper end: {self.lost_bytes} bytes are lost")
            if promised := sum(self._stored.promised.values()):
                told.append(f"it was to hold {promised} messages")
        told += self._stored.damage
        told += [f"{count} of {self._stored.promised[topic]} messages on {topic} are missing"
                 for topic, count in sorted(self.unread.items())]  # fmt: skip
        if self.malformed:
            told.append(f"{self.malformed} messages do not fit their definition and are left out")
        return "; ".join(told)

    def check(self, topics: Collection[str]) -> None:
        """Raise DataError if these topics were recorded with other versions of their messages than ours."""
        for channel in self._stored.channels:
            if channel.topic in topics:
                check_definition(channel, str(self.path))

    def count(self, topics: Collection[str]) -> int | None:
        """How many messages these topics should have; None if the bag cannot say."""
        return sum(self._stored.promised.get(topic, 0) for topic in topics) or None

    def messages(self, topics: Collection[str]) -> Iterator[Received]:
        """The messages of these topics in the order of their stamps, as far as TimeOrder holds them back.

        Poses come before the frames of the same stamp.

        Raises:
            DataError: the bag cannot be read on, or promises messages on a topic and none can be read.
        """
        order: TimeOrder[Received] = TimeOrder()
        self.malformed, self.jumped_back, self.unread = 0, {}, {}
        places = {topic.name for topic in self.topics if topic.type in POSE_MESSAGES}
        for received in self._as_recorded(topics):
            order.put(received.stamp, received.seconds, received, first=received.topic in places)
            yield from order.take_due(received.seconds)
        while len(order):
            yield order.take()

    def _as_recorded(self, topics: Collection[str]) -> Iterator[Received]:
        types = message_types()
        newest: dict[str, float] = {}
        stamped = self._stamped(topics)
        read: Counter[str] = Counter()
        for raw in self._raw(topics):
            topic, seconds = raw.channel.topic, raw.nanoseconds * 1e-9
            try:
                message: Any = types.deserialize_cdr(raw.data, raw.channel.type)
                stamp = seconds_of(message.header.stamp) if topic in stamped else seconds
            except MALFORMED as error:
                self.malformed += 1
                if self.malformed == 1:
                    log.warning(
                        "%s: a message on %s at %d ns is left out: %s", self.path, topic, raw.nanoseconds, error
                    )
                continue
            read[topic] += 1
            received = Received(topic, seconds, stamp, message)
            if received.stamp < newest.get(topic, received.stamp):
                self._note_jump(received, newest[topic])
            newest[topic] = received.stamp
            yield received
        self._compare(topics, read)

    def _compare(self, topics: Collection[str], read: Counter[str]) -> None:
        """What was promised with what was read."""
        for topic in topics:
            promised = self._stored.promised.get(topic, 0)
            if promised and not read[topic]:
                raise DataError(
                    f"{self.path}: {topic}: none of its {promised} messages can be read"
                    f" ({self.cut or 'they are not in its files'}); take another copy of the bag"
                )
            if read[topic] < promised:
                self.unread[topic] = promised - read[topic]

    def _stamped(self, topics: Collection[str]) -> set[str]:
        """Those topics whose headers have stamps: 0 is a time where other messages of the topic have others."""
        stamps = TopicStamps()
        for topic in sorted(topics):
            for raw in self._raw([topic]):
                stamp = _header_stamp(raw)
                if stamp is None or stamps.is_stamped(topic, stamp):
                    break
        found = stamps.stamped
        first: dict[str, float] = {}
        for topic in sorted(topics):
            for raw in self._raw([topic]):
                recorded = raw.nanoseconds * 1e-9
                first[topic] = _header_stamp(raw) or 0.0 if topic in found else recorded
                if topic in found and (odd := describe_gap(first[topic], recorded)):
                    log.warning("%s: the stamps of %s begin %s the recorder's clock", self.path, topic, odd)
                break
        for topic, other in zip(list(first)[1:], first, strict=False):
            if odd := describe_gap(first[topic], first[other]):
                log.warning("%s: the stamps of %s begin %s those of %s", self.path, topic, odd, other)
        return found

    def _note_jump(self, received: Received, before: float) -> None:
        topic = received.topic
        self.jumped_back[topic] = self.jumped_back.get(topic, 0) + 1
        if self.jumped_back[topic] == 1:
            log.warning("%s: the stamps of %s jump back by %.3f s", self.path, topic, before - received.stamp)

    def _raw(self, topics: Collection[str]) -> Iterator[Raw]:
        try:
            yield from self._stored.messages(topics)
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read on ({error.strerror}); check its disk") from error


def find_topic(bag: Bag, wanted: str, chosen: str = "") -> str:
    """The topic of a type that is named `chosen`, or else like `wanted`, in whatever namespace; or else the only one.

    Args:
        bag: where it is looked for.
        wanted: a key of TOPIC_TYPES.
        chosen: name of the topic, "" for any.

    Raises:
        DataError: there is none, or more than one; lists the topics of the bag.
    """
    kinds = TOPIC_TYPES[wanted]
    fits: list[str] = []
    for kind in kinds:
        of_kind = [topic.name for topic in bag.topics if topic.type == kind]
        fits = fits or [name for name in of_kind if _is_named(name, wanted, chosen)]
    everywhere = [topic.name for topic in bag.topics if topic.type in kinds]
    if not fits and not chosen and len(everywhere) == 1:
        log.info("%s: %s is taken for %s: no other topic is of its kind", bag.path, everywhere[0], wanted)
        return everywhere[0]
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise DataError(f"{bag.path}: several topics {wanted}: {', '.join(fits)}; choose one with --{wanted}")
    name = chosen or wanted
    if reason := next((how for topic, how in bag.unreadable.items() if _is_named(topic, wanted, chosen)), ""):
        raise DataError(
            f"{bag.path}: topic {name}: its messages are {reason}, ROS 2 writes cdr; record it with ros2 bag"
        )
    there = ", ".join(f"{topic.name} ({topic.type})" for topic in bag.topics) or "none"
    raise DataError(
        f"{bag.path}: no topic {name} of type {' or '.join(kinds)}; it has: {there}; name it with --{wanted} TOPIC"
    )


def find_pose_topic(bag: Bag, chosen: str = "") -> str:
    """The topic of poses that is named `chosen`, or else `pose`, of any of POSE_MESSAGES; empty if there is none.

    Raises DataError if `chosen` is not there, or several fit.
    """
    named = any(_is_named(topic.name, "pose", chosen) and topic.type in POSE_MESSAGES for topic in bag.topics)
    return find_topic(bag, "pose", chosen) if chosen or named else ""


def _is_named(topic: str, wanted: str, chosen: str) -> bool:
    if chosen:
        return topic.lstrip("/") == chosen.lstrip("/")
    return topic.removesuffix(COMPRESSED_SUFFIX).rpartition("/")[2] == wanted


def _header_stamp(raw: Raw) -> float | None:
    """Seconds in the header that a message begins with; None if its type begins otherwise."""
    fields = message_types().fielddefs.get(raw.channel.type, ([], []))[1]
    if not fields or fields[0][1] != (Nodetype.NAME, HEADER) or len(raw.data) < 12:
        return None
    return in_seconds(*struct.unpack_from("<iI" if raw.data[1] & 1 else ">iI", raw.data, 4))
