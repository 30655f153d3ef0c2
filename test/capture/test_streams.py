# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Cameras in the network: what fails is said in time, comes back by itself, and holds nobody up."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from visual_byte_core.capture.camera import CameraFrames, without_password
from visual_byte_core.capture.frame import Frame
from visual_byte_core.capture.frame_player import FramePlayer, PlayerReport
from visual_byte_core.capture.frame_sources import FrameSettings, open_frames
from visual_byte_core.capture.source_state import SourceState
from visual_byte_core.errors import DeviceError
from visual_byte_core.rendering.photo import decode_photo
from visual_byte_testing.network_camera import NetworkCamera, jpeg_of, network_camera
from visual_byte_testing.paths import ROOT
from visual_byte_testing.waiting import wait_until

LOG = logging.getLogger("streams")
WELL_UNDER_TEN = 7.0  # seconds; FFmpeg gives up after ten

SYSTEM_PYTHON = "/usr/bin/python3"


@contextmanager
def playing(
    camera: NetworkCamera, rate: float = 0.0, silent_after_s: float = 0.5
) -> Iterator[tuple[FramePlayer, list[Frame]]]:
    shown: list[Frame] = []
    settings = FrameSettings(device=camera.address, rate=rate, silent_after_s=silent_after_s)
    player = FramePlayer(settings, shown.append, LOG)
    player.start()
    try:
        yield player, shown
    finally:
        player.close()


def lost(player: FramePlayer) -> PlayerReport:
    wait_until(lambda: player.report().status.state is SourceState.LOST)
    return player.report()


def goes_on(shown: list[Frame]) -> None:
    before = len(shown)
    wait_until(lambda: len(shown) >= before + 3)


def test_jpegs_are_passed_on_as_they_come() -> None:
    with network_camera() as camera, playing(camera) as (player, shown):
        goes_on(shown)
        assert {frame.jpeg for frame in shown} == {camera.jpeg}
        assert (shown[0].image == decode_photo(camera.jpeg, "x")).all() and shown[0].channel_order == "rgb"
        assert shown[0].name.startswith(f"{camera.address}#")
        times = [frame.captured_at for frame in shown]
        assert times == sorted(times) and time.monotonic() - 5 < times[0]
        report = player.report()
        assert (report.status.state, report.resolution) == (SourceState.PLAYING, (64, 48))
        assert report.rate > 1 and report.age < 1 and report.status.returns == 0


def test_a_camera_that_is_unplugged_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    with network_camera() as camera, playing(camera) as (player, shown):
        goes_on(shown)
        camera.unplug()
        report = lost(player)
        assert "stopped delivering frames; check the address" in report.status.reason
        wait_until(lambda: "cannot be opened" in player.report().status.reason)
        camera.plug_in()
        goes_on(shown)
        assert player.report().status.state is SourceState.PLAYING and player.report().status.returns == 1
        assert caplog.text.count("stopped delivering frames") == 1


def test_it_is_tried_less_and_less_often() -> None:
    with network_camera() as camera, playing(camera) as (player, shown):
        goes_on(shown)
        camera.unplug()
        pauses = [lost(player).status.next_try_s]
        while len(pauses) < 3:
            next_try = player.report().status.next_try_s
            if next_try > pauses[-1] + 0.3:
                pauses.append(next_try)
        assert pauses == pytest.approx([0.5, 1.0, 2.0], abs=0.3)


@pytest.mark.parametrize(
    ("does", "says"),
    [("hang", "sends nothing|no more frames"), ("garbage", "stopped delivering frames|cannot be opened")],
)
def test_a_stream_that_breaks_is_lost_and_comes_back(does: str, says: str) -> None:
    with network_camera() as camera, playing(camera) as (player, shown):
        goes_on(shown)
        camera.does = does
        began = time.monotonic()
        assert re.search(says, lost(player).status.reason)
        assert time.monotonic() - began < WELL_UNDER_TEN
        camera.does = "play"
        goes_on(shown)
        assert player.report().status.state is not SourceState.LOST


def test_a_stream_may_change_its_size() -> None:
    with network_camera() as camera, playing(camera) as (player, shown):
        goes_on(shown)
        camera.jpeg = jpeg_of(128, 96)
        wait_until(lambda: player.report().resolution == (128, 96))
        assert shown[-1].image.shape == (96, 128, 3) and player.report().status.returns == 0


def test_a_damaged_picture_is_named_once_and_skipped(caplog: pytest.LogCaptureFixture) -> None:
    with network_camera("spoil") as camera, playing(camera) as (player, shown):
        goes_on(shown)
        wait_until(lambda: player.report().unreadable > 3)
        assert player.report().status.state is not SourceState.LOST and caplog.text.count("(skipped)") <= 3


def test_a_picture_too_large_is_refused_by_its_header() -> None:
    with network_camera() as camera, playing(camera) as (player, shown):
        goes_on(shown)
        size = camera.jpeg.index(b"\xff\xc0") + 5
        camera.jpeg = camera.jpeg[:size] + b"\xff\xff\xff\xff" + camera.jpeg[size + 4 :]  # 65535 x 65535
        wait_until(lambda: player.report().unreadable > 0)
        camera.jpeg = jpeg_of(64, 48)
        goes_on(shown)


def test_a_silent_address_holds_up_neither_opening_nor_stopping() -> None:
    with network_camera("silent") as camera:
        began = time.monotonic()
        with playing(camera) as (player, shown):
            assert time.monotonic() - began < WELL_UNDER_TEN and player.report().status.state is SourceState.OPENING
            began = time.monotonic()
        assert time.monotonic() - began < WELL_UNDER_TEN
        assert not shown


def test_a_hanging_stream_holds_up_no_stop() -> None:
    with network_camera() as camera, playing(camera, silent_after_s=10.0) as (player, shown):
        goes_on(shown)
        camera.does = "hang"
        began = time.monotonic()
        player.close()
        assert time.monotonic() - began < WELL_UNDER_TEN


def test_an_address_that_refuses_is_named_at_once() -> None:
    with network_camera() as camera:
        camera.unplug()
        with pytest.raises(DeviceError, match="cannot be opened; check its address"):
            open_frames(FrameSettings(device=camera.address))


def test_a_camera_is_read_no_faster_than_asked() -> None:
    with network_camera() as camera, playing(camera, rate=5.0) as (_, shown):
        wait_until(lambda: len(shown) >= 3)
        numbers = [int(frame.name.rpartition("#")[2]) for frame in shown]
        assert numbers[1] - numbers[0] > 1  # the camera delivers about 100 frames a second, one in twenty is due


def test_frames_that_nobody_took_in_time_are_counted() -> None:
    with network_camera() as camera:
        frames = CameraFrames(camera.address, 0.0, (0, 0), 2.0, wait_s=5.0)
        wait_until(lambda: frames.dropped > 3)
        newest = frames.read()
        assert newest and int(newest.name.rpartition("#")[2]) > 3
        frames.close()
        wait_until(lambda: frames.closed)


def test_a_password_is_not_shown() -> None:
    assert without_password("rtsp://me:secret@host:554/a@b:c") == "rtsp://me:***@host:554/a@b:c"
    assert without_password("http://host:80/x?y=a:b@c") == "http://host:80/x?y=a:b@c"
    assert without_password("/dev/video0") == "/dev/video0"


class RtspServer:
    """Of GStreamer, in a process of the system's Python."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.start()

    def start(self) -> None:
        ours = ("LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
        environment = {key: value for key, value in os.environ.items() if key not in ours}
        command = [SYSTEM_PYTHON, str(ROOT / "visual_byte_testing" / "rtsp_server.py"), str(self.port)]
        self._process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout
        if self._process.stdout.readline() != "ready\n":
            self.end()
            pytest.skip("GStreamer's RTSP server comes from apt: gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good")

    def pause(self, on: bool) -> None:
        self._process.send_signal(signal.SIGSTOP if on else signal.SIGCONT)

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def rtsp() -> Iterator[RtspServer]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    if not Path(SYSTEM_PYTHON).exists():
        pytest.skip(f"there is no {SYSTEM_PYTHON} to run GStreamer's RTSP server")
    server = RtspServer(port)
    yield server
    server.end()


@pytest.mark.unavailable_in_ci
def test_an_rtsp_camera_that_goes_hangs_and_comes_back(rtsp: RtspServer) -> None:
    shown: list[Frame] = []
    settings = FrameSettings(device=f"rtsp://me:secret@127.0.0.1:{rtsp.port}/mjpeg", silent_after_s=1.0)
    player = FramePlayer(settings, shown.append, LOG)
    player.start()
    try:
        goes_on(shown)
        assert shown[-1].image.shape == (480, 640, 3) and shown[-1].jpeg.startswith(b"\xff\xd8")
        rtsp.end()
        assert "secret" not in lost(player).status.reason
        rtsp.start()
        goes_on(shown)
        rtsp.pause(True)
        lost(player)
        rtsp.pause(False)
        goes_on(shown)
        assert player.report().status.returns == 2
    finally:
        player.close()
