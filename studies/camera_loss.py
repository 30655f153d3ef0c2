# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""How soon a network camera that fails counts as lost, how soon it is back, and what a frame of it costs.

    python studies/camera_loss.py [--times 5]

The camera streams JPEGs over HTTP from this process: it is unplugged, hangs in the middle of a frame, or sends garbage,
and works again after 3 s. Prints medians and the largest of all times, in seconds; then the milliseconds to decode one
640x480 frame, and to encode it, which a camera that sends JPEG spares.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import sys
import time
from collections.abc import Callable

import cv2
from tqdm import tqdm

from visual_byte_core.capture.frame import Frame
from visual_byte_core.capture.frame_player import FramePlayer
from visual_byte_core.capture.frame_sources import FrameSettings
from visual_byte_core.capture.source_state import SourceState
from visual_byte_core.rendering.photo import decode_photo
from visual_byte_testing.network_camera import NetworkCamera, network_camera
from visual_byte_testing.paths import ROOT

AWAY_S = 3.0
FAULTS: dict[str, tuple[Callable[[NetworkCamera], None], Callable[[NetworkCamera], None]]] = {
    "unplugged": (NetworkCamera.unplug, NetworkCamera.plug_in),
    "hangs": (lambda camera: setattr(camera, "does", "hang"), lambda camera: setattr(camera, "does", "play")),
    "garbage": (lambda camera: setattr(camera, "does", "garbage"), lambda camera: setattr(camera, "does", "play")),
}


def until(condition: Callable[[], bool]) -> float:
    began = time.monotonic()
    while not condition():
        time.sleep(0.005)
    return time.monotonic() - began


def fail_once(fault: str) -> tuple[float, float]:
    """Seconds until it is lost, and until it is back after it works again."""
    fail, mend = FAULTS[fault]
    shown: list[Frame] = []
    with network_camera() as camera:
        player = FramePlayer(FrameSettings(device=camera.address), shown.append, logging.getLogger())
        player.start()
        until(lambda: len(shown) > 10)
        fail(camera)
        lost = until(lambda: player.report().status.state is SourceState.LOST)
        time.sleep(AWAY_S)
        mend(camera)
        before = len(shown)
        back = until(lambda: len(shown) > before)
        player.close()
    return lost, back


def milliseconds(act: Callable[[], object], times: int = 50) -> float:
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5, help="how often each fault is tried")
    times = parser.parse_args().times
    logging.disable(logging.CRITICAL)
    tried = {name: [fail_once(name) for _ in tqdm(range(times), desc=name, file=sys.stderr)] for name in FAULTS}
    for name, pairs in tried.items():
        for what, seconds in zip(("lost after", "back after"), zip(*pairs, strict=True), strict=True):
            print(f"{name:10} {what} {statistics.median(seconds):5.2f} s, at most {max(seconds):5.2f} s")
    photo = sorted((ROOT / "examples" / "photos").rglob("*.jpg"))[0]
    frame = cv2.resize(cv2.imread(str(photo)), (640, 480))
    time.sleep(1.0)  # for the threads of the last camera to end
    quality = [cv2.IMWRITE_JPEG_QUALITY, 90]
    jpeg = cv2.imencode(".jpg", frame, quality)[1].tobytes()
    print(f"decode {milliseconds(lambda: decode_photo(jpeg, 'frame')):.1f} ms, ", end="")
    print(f"encode {milliseconds(lambda: cv2.imencode('.jpg', frame, quality)):.1f} ms, {len(jpeg)} bytes")


if __name__ == "__main__":
    main()
