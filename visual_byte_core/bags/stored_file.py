# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What one file of a recording gives, whatever its format, and the messages of several in the order of their times."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from rosbags.interfaces import MessageDefinition

CDR = "cdr"


@dataclass(frozen=True)
class Channel:
    """One row of messages as the file describes it.

    Attributes:
        topic: its name.
        type: of its messages, such as `visual_byte/msg/Query`.
        encoding: `cdr`, or what other programs write (`json`, `protobuf`).
        definition: of its type, as far as the file has it.
        digest: likewise.
    """

    topic: str
    type: str
    encoding: str
    definition: MessageDefinition
    digest: str = ""


@dataclass(frozen=True)
class Raw:
    """A message as it lies in the file.

    Attributes:
        nanoseconds: since 1970, when the recorder got it.
        data: CDR.
    """

    channel: Channel
    nanoseconds: int
    data: bytes


class StoredFile(Protocol):
    """A data file that is open.

    Attributes:
        channels: what was recorded.
        start: nanoseconds since 1970 of its first message.
        lost_bytes: at its end, of no whole message.
        promised: messages by topic that the file says it has, where it says so.
        damage: a line for each place that could not be read, so far.
    """

    channels: list[Channel]
    start: int
    lost_bytes: int
    promised: dict[str, int]
    damage: list[str]

    def messages(self, topics: Collection[str]) -> Iterator[Raw]:
        """The messages of these topics, earliest first."""

    def close(self) -> None:
        """Let go of the file."""


T = TypeVar("T")


def in_time_order(sources: Iterable[tuple[int, Callable[[], Iterable[T]]]], time_of: Callable[[T], int]) -> Iterator[T]:
    """Merge sources, each in time order and none before its start; one is opened only when its start has come.

    Args:
        sources: start in nanoseconds, and what opens it.
    """
    numbers = itertools.count()
    closed = sorted(((start, next(numbers), begin) for start, begin in sources), key=lambda one: one[:2], reverse=True)
    ahead: list[tuple[int, int, T, Iterator[T]]] = []
    while closed or ahead:
        while closed and (not ahead or closed[-1][0] <= ahead[0][0]):
            _put_next(ahead, closed[-1][1], iter(closed.pop()[2]()), time_of)
        if ahead:
            _, number, item, rest = heapq.heappop(ahead)
            yield item
            _put_next(ahead, number, rest, time_of)


def _put_next(
    ahead: list[tuple[int, int, T, Iterator[T]]], number: int, source: Iterator[T], time_of: Callable[[T], int]
) -> None:
    for item in source:
        heapq.heappush(ahead, (time_of(item), number, item, source))
        return
