# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Which places are shown, and when the memory is read again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from visual_byte_core.views import map_places
from visual_byte_core.views.map_places import ANEW_S, MAX_PLACES, MapPlace, MapPlaces


def place(number: int, *, placed: bool = True, label: str = "") -> MapPlace:
    pose = (float(number), 0.0, 0.0, 0.0, 0.0, 0.0, 1.0) if placed else None
    return MapPlace(f"{number:036d}", label, pose, float(number))


def test_the_newest_places_come_first_and_are_bounded() -> None:
    places = MapPlaces()
    places.replace([place(number, placed=number % 2 == 0) for number in range(4)], now=0.0)
    assert [shown.last_seen for shown in places.shown()] == [2.0, 0.0] and places.newest == 3.0
    places.replace([place(number) for number in range(1500)], now=0.0)
    assert len(places.shown()) == MAX_PLACES and places.shown()[0].last_seen == 1499.0


def test_it_is_read_anew_when_something_is_missing_and_after_a_while() -> None:
    places = MapPlaces()
    assert places.is_old(0.0)
    places.replace([place(1), place(2)], now=0.0)
    assert not places.is_old(ANEW_S) and places.is_old(ANEW_S + 1)
    places.update([place(2), place(3)])
    assert not places.is_missing_some(3)
    assert places.is_missing_some(2)  # one was forgotten
    assert places.is_missing_some(4)  # one came with an older stamp
    places.doubt()
    assert places.is_old(0.0) and len(places.shown()) == 3


def test_of_a_large_memory_only_so_many_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_places, "MAX_READ", 10)
    places = MapPlaces()
    places.replace(map(place, range(1_000_000_000)), now=0.0)  # would never end
    assert len(places.shown()) == 10 and not places.is_missing_some(1_000_000_000)


def test_a_reading_that_fails_changes_nothing() -> None:
    def broken() -> Iterator[MapPlace]:
        yield place(5)
        raise OSError("cut")

    places = MapPlaces()
    places.replace([place(1)], now=0.0)
    with pytest.raises(OSError, match="cut"):
        places.replace(broken(), now=1.0)
    assert places.shown() == [place(1)] and not places.is_missing_some(1)


def test_a_place_without_a_label_is_named_by_its_id() -> None:
    assert place(1, label="mug").name == "mug" and place(1).name == "00000000"
