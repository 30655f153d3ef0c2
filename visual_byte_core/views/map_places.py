# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Which remembered places to show on a map, kept up to date without reading the whole memory each time."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from visual_byte_core.messages.poses import Pose

# Two markers each, the place and its name, and 2,000 are as many as a viewer draws smoothly.
MAX_PLACES = 999
MAX_READ = 5000
ANEW_S = 30.0


@dataclass(frozen=True)
class MapPlace:
    """A memory with what a map shows of it.

    Attributes:
        id: of the memory.
        label: of the memory.
        pose: where the robot was when it was last seen, None if that is not known in the map that the robot is in.
        last_seen: seconds since 1970.
    """

    id: str
    label: str
    pose: Pose | None
    last_seen: float
    frame_id: str = ""

    @property
    def name(self) -> str:
        """What it is called on the map: its label, or the beginning of its id."""
        return self.label or self.id[:8]


class MapPlaces:
    """The memories with a place in the current map.

    Between two whole readings only what was seen since is read. The memory is read again when its count says that this
    was not all, as after forgetting, and every ANEW_S, because the robot may be in another map. Of a memory of
    over MAX_READ a whole reading returns only that many.
    """

    def __init__(self) -> None:
        self._known: dict[str, MapPlace] = {}
        self._read_at: float | None = None
        self._complete = False
        self.newest = 0.0
        """When the newest memory known was last seen, seconds since 1970."""

    def is_old(self, now: float) -> bool:
        """Whether the memory must be read again in any case. now: seconds of the monotonic clock."""
        return self._read_at is None or now - self._read_at > ANEW_S

    def is_missing_some(self, count: int) -> bool:
        """Whether the memory, which holds `count`, must be read again after what was seen since was read."""
        return self._complete and len(self._known) != count

    def replace(self, memories: Iterable[MapPlace], now: float) -> None:
        """Take over a whole reading, or as much of it as is wanted; if reading raises, nothing changes."""
        memories = iter(memories)
        read = list(itertools.islice(memories, MAX_READ))
        self._complete = next(memories, None) is None
        self._known, self._read_at, self.newest = {}, now, 0.0
        self.update(read)

    def update(self, memories: Iterable[MapPlace]) -> None:
        """Take over what was seen since `newest`."""
        for memory in memories:
            self._known[memory.id] = memory
            self.newest = max(self.newest, memory.last_seen)

    def doubt(self) -> None:
        """What is known may be out of date: the next reading is a whole one."""
        self._read_at = None

    def shown(self) -> list[MapPlace]:
        """The places in the current map, newest first, MAX_PLACES at most."""
        placed = [place for place in self._known.values() if place.pose is not None]
        return sorted(placed, key=lambda place: (-place.last_seen, place.id))[:MAX_PLACES]
