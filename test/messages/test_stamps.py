# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A stamp of 0 is "no value" of a topic, never of one message; what lies years away is told once."""

from __future__ import annotations

import re

from visual_byte_core.messages.stamps import LiveStamps, describe_gap
from visual_byte_testing.paths import ROOT

NOW = 1_700_000_000.0


def test_a_topic_without_stamps_is_stamped_now() -> None:
    told: list[str] = []
    stamps = LiveStamps(told.append)
    assert [stamps.seconds("image", 0.0, NOW + i) for i in range(3)] == [NOW, NOW + 1, NOW + 2] and not told


def test_zero_is_a_time_where_there_are_others() -> None:
    told: list[str] = []
    stamps = LiveStamps(told.append)
    assert [stamps.seconds("image", stamp, NOW) for stamp in (-0.5, 0.0, 0.5)] == [-0.5, 0.0, 0.5]
    assert len(told) == 1 and "53.9 years before this machine's clock" in told[0]
    assert stamps.seconds("query", 0.0, NOW) == NOW  # each topic by itself


def test_a_first_frame_at_zero_is_not_put_years_away_without_a_word() -> None:
    told: list[str] = []
    stamps = LiveStamps(told.append)
    stamps.seconds("image", 0.0, NOW)
    stamps.seconds("image", 0.1, NOW)
    assert any("53.9 years before those just before on the same topic" in one for one in told)
    before = len(told)
    for stamp in (0.2, 0.0, 0.3):
        stamps.seconds("image", stamp, NOW)
    assert len(told) == before


def test_stamps_of_the_far_future_are_told() -> None:
    told: list[str] = []
    LiveStamps(told.append).seconds("image", NOW + 1e9, NOW)
    assert "31.7 years after this machine's clock" in told[0]
    assert describe_gap(NOW, NOW + 3600) == "" and describe_gap(NOW + 2 * 86400, NOW) == "2 days after"


def test_stamps_become_seconds_in_one_place() -> None:
    """Code that multiplies `nanosec` has a second opinion of what a stamp is."""
    folders = ("visual_byte_core", "visual_byte_ros", "examples")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    own = [str(path.relative_to(ROOT)) for path in files if re.search(r"\bnanosec \* ?1", path.read_text())]
    assert own == ["visual_byte_core/messages/stamps.py"]
