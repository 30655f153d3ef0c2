# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Stamps of messages as seconds, and whether they are any."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Stamp(Protocol):
    """A builtin_interfaces/Time of rclpy or of a bag reader."""

    sec: int
    nanosec: int


def seconds_of(stamp: Stamp) -> float:
    """Seconds since 1970."""
    return in_seconds(stamp.sec, stamp.nanosec)


def in_seconds(sec: int, nanosec: int) -> float:
    """Seconds since 1970, of the two fields of a stamp."""
    return sec + nanosec * 1e-9


DAY_S = 86400.0


class TopicStamps:
    """Which topics have stamps.

    0 says "no value" on a topic that never has another; elsewhere it is a time: simulated clocks begin with it.
    """

    def __init__(self) -> None:
        self.stamped: set[str] = set()

    def is_stamped(self, topic: str, stamp: float) -> bool:
        """Whether the topic has stamps, as far as is known with this one, in seconds."""
        if stamp:
            self.stamped.add(topic)
        return topic in self.stamped


class LiveStamps:
    """Times of messages as they arrive; what is odd about the stamps of a topic is told once.

    tell: takes a warning.
    """

    def __init__(self, tell: Callable[[str], object]) -> None:
        self._tell = tell
        self._stamps = TopicStamps()
        self._newest: dict[str, float] = {}
        self._told: set[tuple[str, str]] = set()

    def seconds(self, topic: str, stamp: float, now: float) -> float:
        """The time of a message: its stamp, in seconds, or `now` on a topic that has shown none so far."""
        time_s = stamp if self._stamps.is_stamped(topic, stamp) else now
        before = self._newest.get(topic, time_s)
        self._newest[topic] = time_s
        self._tell_once(topic, describe_gap(time_s, before), "those just before on the same topic")
        self._tell_once(topic, describe_gap(time_s, now), "this machine's clock (a simulated one: set use_sim_time)")
        return time_s

    def _tell_once(self, topic: str, gap: str, what: str) -> None:
        if gap and (topic, what) not in self._told:
            self._told.add((topic, what))
            self._tell(f"stamps of {topic} are {gap} {what}; what was seen when is told by the stamps")


def describe_gap(stamp: float, other: float) -> str:
    """`12.3 years before` or `2 days after`, if two times in seconds are more than a day apart; else empty."""
    gap = abs(stamp - other)
    if gap <= DAY_S:
        return ""
    length = f"{gap / (365.25 * DAY_S):.1f} years" if gap > 365 * DAY_S else f"{gap / DAY_S:.0f} days"
    return f"{length} {'before' if stamp < other else 'after'}"
