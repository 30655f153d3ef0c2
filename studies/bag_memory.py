# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Peak memory of eval-bag on bags of different sizes: it reads a stream, so that the size makes no difference.

python studies/bag_memory.py --bundle models/starter-small --gigabytes 0.1 1
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from visual_byte_core.bags.definitions import new_message
from visual_byte_core.bags.writing import BagWriter
from visual_byte_core.bundle.bundle import load_bundle
from visual_byte_core.rendering.text import render_text

IMAGE, QUERY = "sensor_msgs/msg/Image", "visual_byte/msg/Query"
WIDTH, HEIGHT, FRAMES_A_QUERY = 640, 480, 100


def write_bag(path: Path, gigabytes: float, bundle_folder: Path) -> int:
    """Noise at 30 frames a second, and a typed name now and then. Returns the number of frames."""
    bundle = load_bundle(bundle_folder)
    frames = max(1, round(gigabytes * 1e9 / (3 * WIDTH * HEIGHT)))
    words = render_text("mug", bundle.size_of("text"), bundle.renderer.text).reshape(-1)
    with BagWriter(path) as writer:
        for number in range(frames):
            at = 1_700_000_000 * 10**9 + number * 33_333_333
            pixels = np.random.default_rng(number).bytes(3 * WIDTH * HEIGHT)
            writer.write("/image", IMAGE, at, image(np.frombuffer(pixels, np.uint8), WIDTH, HEIGHT))
            if number % FRAMES_A_QUERY == 0:
                query = new_message(
                    QUERY, id=str(number), modality="text", text="mug", renderer=bundle.renderer.digest(),
                    image=image(words, bundle.size_of("text"), bundle.size_of("text")),
                )  # fmt: skip
                writer.write("/query", QUERY, at + 1000, query)
    return frames


def image(pixels: np.ndarray, width: int, height: int) -> object:
    return new_message(IMAGE, width=width, height=height, step=3 * width, encoding="rgb8", data=pixels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--gigabytes", type=float, nargs="+", default=[0.1, 1.0])
    arguments = parser.parse_args()
    print("GB of bag  frames  peak MB  seconds")
    for gigabytes in arguments.gigabytes:
        with tempfile.TemporaryDirectory() as folder:
            frames = write_bag(Path(folder) / "bag", gigabytes, arguments.bundle)
            command = [sys.executable, "-m", "visual_byte_core", "eval-bag", str(Path(folder) / "bag")]
            command += ["--bundle", str(arguments.bundle), "--out", str(Path(folder) / "out"), "--json"]
            begun = time.monotonic()
            child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(child.pid, 0)
            if status:
                raise SystemExit("eval-bag failed")
            print(
                f"{gigabytes:9g}  {frames:6}  {usage.ru_maxrss / 1024:7.0f}  {time.monotonic() - begun:7.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
