# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The Fast DDS profile reaches the processes that send whole frames, and never takes the place of the user's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from visual_byte_ros.dds_profile import VARIABLE, profile_path, use_profile

SEGMENT_BYTES = 16777216  # segment_size in config/fastdds_profile.xml


def largest_segment(module: str) -> int:
    """Bytes of the largest shared-memory segment that Fast DDS has mapped in a node's process."""
    command = [sys.executable, "-m", module, "--ros-args", "-p", "autostart:=false"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        for line in process.stderr:  # it speaks once it is there
            if "autostart is false" in line:
                return max(mapped_segments(process.pid))
        raise AssertionError(f"{module} ended with {process.wait()}")
    finally:
        process.terminate()
        process.communicate()


def mapped_segments(pid: int) -> list[int]:
    maps = [line.split() for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
    ranges = [columns[0].split("-") for columns in maps if columns[-1].startswith("/dev/shm/fastrtps_")]
    return [int(end, 16) - int(begin, 16) for begin, end in ranges]


@pytest.fixture(autouse=True)
def _no_profile_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "")  # so that it is put back even if a test sets it
    monkeypatch.delenv(VARIABLE)


def test_camera_node_gets_a_segment_that_holds_whole_frames() -> None:
    assert largest_segment("visual_byte_ros.camera_node") >= SEGMENT_BYTES


def test_a_node_that_sends_no_frames_leaves_shared_memory_to_others() -> None:
    assert 0 < largest_segment("visual_byte_ros.text_node") < SEGMENT_BYTES


def test_the_users_own_profile_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = tmp_path / "own.xml"
    own.write_text(profile_path().read_text().replace(str(SEGMENT_BYTES), "1048576"))
    monkeypatch.setenv(VARIABLE, str(own))
    assert str(own) in use_profile()
    assert 1048576 <= largest_segment("visual_byte_ros.camera_node") < SEGMENT_BYTES


def test_it_says_which_profile_is_used() -> None:
    assert str(profile_path()) in use_profile()
