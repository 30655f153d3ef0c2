# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A thing that moved has its new place and its history; what is another thing, or in another map, stays apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from visual_byte_core.memory.match import Place
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.merging import MergeSettings
from visual_byte_core.memory.observation import Observation
from visual_byte_core.messages.poses import Pose
from visual_byte_testing.memory_child import BUNDLE, DIMENSION, embedding_of, thumbnail_of

KITCHEN, TABLE, SHELF = ((x, y, 0.0, 0.0, 0.0, 0.0, 1.0) for x, y in ((0.0, 0.0), (0.5, 0.5), (4.0, 0.0)))
MUG = Observation(captured_at=1000.0, map_id="home", thumbnail=thumbnail_of(1), pose=KITCHEN)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory(tmp_path / "memory", BUNDLE, dimension=DIMENSION) as memory:
        yield memory


def see(memory: Memory, at: float, pose: Pose | None, **changes: object) -> bool:
    """Whether the observation was merged."""
    return memory.remember(embedding_of(1), replace(MUG, captured_at=at, pose=pose, **changes)).merged


def test_a_thing_that_moved_has_its_new_place_and_keeps_its_history(memory: Memory) -> None:
    assert [see(memory, *observation) for observation in ((1000.0, KITCHEN), (1300.0, TABLE), (5000.0, SHELF))] == [
        False,
        True,
        True,
    ]
    assert see(memory, 5001.0, None) and see(memory, 5100.0, SHELF)
    (match,) = memory.search(embedding_of(1))
    assert match.places == (Place(TABLE, 1000.0, 1300.0), Place(SHELF, 5000.0, 5100.0))
    assert (match.pose, match.first_seen, match.last_seen, match.times) == (SHELF, 1000.0, 5100.0, 5)


def test_the_history_is_bounded_and_keeps_the_latest_places(memory: Memory) -> None:
    for number in range(30):
        see(memory, 1000.0 + 100 * number, (3.0 * number, *KITCHEN[1:]))
    (match,) = memory.search(embedding_of(1))
    assert [place.pose[0] for place in match.places] == [3.0 * number for number in range(21, 30)]
    assert match.times == 30 and match.first_seen == 1000.0


def test_a_place_is_known_from_the_first_pose_on(memory: Memory) -> None:
    see(memory, 1000.0, None)
    assert memory.search(embedding_of(1))[0].places == ()
    assert see(memory, 1010.0, SHELF)
    assert memory.search(embedding_of(1))[0].places == (Place(SHELF, 1010.0, 1010.0),)


def test_an_older_sighting_that_comes_late_moves_nothing(memory: Memory) -> None:
    see(memory, 1000.0, KITCHEN)
    assert see(memory, 900.0, SHELF)
    (match,) = memory.search(embedding_of(1))
    assert match.places == (Place(KITCHEN, 1000.0, 1000.0),) and match.first_seen == 900.0


def test_what_may_not_have_moved_is_another_memory(memory: Memory) -> None:
    see(memory, 1000.0, KITCHEN)
    assert not see(memory, 1000.0 + 90_000, KITCHEN), "a day is over"
    assert not see(memory, 1100.0, None), "without a pose a minute counts"
    assert not see(memory, 1001.0, KITCHEN, map_id="office"), "poses of two maps have nothing in common"
    assert not see(memory, 1001.0, KITCHEN, pose_frame="odom"), "poses of two frames have nothing in common"
    assert not see(memory, 1001.0, KITCHEN, thumbnail=thumbnail_of(2)), "another mug"
    assert memory.count() == 6


def test_moving_can_be_switched_off(tmp_path: Path) -> None:
    with Memory(tmp_path / "memory", BUNDLE, dimension=DIMENSION, merge=MergeSettings(moved_within_s=0.0)) as memory:
        see(memory, 1000.0, KITCHEN)
        assert see(memory, 1059.0, SHELF) and not see(memory, 1200.0, SHELF)


def test_a_taught_thing_is_seen_without_its_name_and_a_nameless_one_is_named(memory: Memory) -> None:
    see(memory, 1000.0, KITCHEN)
    assert see(memory, 1001.0, KITCHEN, label="mug") and see(memory, 1002.0, SHELF)
    (match,) = memory.search(embedding_of(1))
    assert (match.label, match.pose, match.times) == ("mug", SHELF, 3)
    assert not see(memory, 1003.0, SHELF, label="cup")
