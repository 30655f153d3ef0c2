# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The Fast DDS profile reaches Fast DDS, and never takes the place of the user's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from visual_byte_ros.dds_profile import VARIABLE, profile_path, use_profile

SEGMENT_BYTES = 16777216  # segment_size in config/fastdds_profile.xml

# Prints the size of the shared-memory segments that a new participant has mapped.
PARTICIPANT = """
import pathlib, rclpy
from visual_byte_ros.dds_profile import use_profile
use_profile()
rclpy.init()
node = rclpy.create_node("whole_frames")
for line in pathlib.Path("/proc/self/maps").read_text().splitlines():
    addresses, *_, path = line.split(maxsplit=5) if "/dev/shm/fastrtps_" in line else ("0-0", "")
    begin, end = (int(address, 16) for address in addresses.split("-"))
    print(end - begin)
"""


def mapped_segments() -> list[int]:
    finished = subprocess.run([sys.executable, "-c", PARTICIPANT], capture_output=True, text=True, check=True)
    return [int(line) for line in finished.stdout.split()]


def test_a_participant_gets_a_segment_that_holds_whole_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert max(mapped_segments()) >= SEGMENT_BYTES


def test_the_users_own_profile_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = tmp_path / "own.xml"
    own.write_text(profile_path().read_text().replace(str(SEGMENT_BYTES), "1048576"))
    monkeypatch.setenv(VARIABLE, str(own))
    assert str(own) in use_profile()
    assert max(mapped_segments()) < SEGMENT_BYTES


def test_it_says_which_profile_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert str(profile_path()) in use_profile()
