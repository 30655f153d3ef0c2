# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""How long one camera frame takes with a bundle: python studies/embed.py models/starter

Milliseconds a frame of 640x480, at 1 and 2 threads, with rendering and without: the network is called one image
at a time, as on a robot. The rounds of both thread counts alternate, so that a busy machine slows both alike.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.errors import VisualByteError
from visual_byte_core.rendering.photo import render_photo

THREADS = (1, 2)
WARM_UP = 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bundle", type=Path, nargs="+", help="bundle folder")
    parser.add_argument("--frames", type=int, default=300, help="frames measured (default: 300)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    try:
        results = [measure(bundle, arguments.frames) for bundle in arguments.bundle]
    except VisualByteError as error:
        print(error, file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(results, indent=2))
    else:
        print_table(results)
    return 0


def measure(folder: Path, frames: int) -> dict[str, object]:
    """Latencies in ms, size in MB, and the most memory the process has used so far in MB."""
    embedders = {threads: Embedder(folder, threads=threads) for threads in THREADS}
    bundle = embedders[THREADS[0]].bundle
    frame = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    rendered = render_photo(frame, bundle.size, bundle.renderer.photo)[None]
    steps: dict[str, Callable[[], object]] = {"render": lambda: render_photo(frame, bundle.size, bundle.renderer.photo)}
    for threads, embedder in embedders.items():
        steps[f"network, {threads} threads"] = lambda embedder=embedder: embedder.embed(rendered)
        steps[f"frame, {threads} threads"] = lambda embedder=embedder: embedder.embed_photo(frame)
    seconds: dict[str, list[float]] = {step: [] for step in steps}
    for _ in range(WARM_UP + frames):
        for step, run in steps.items():
            begun = time.perf_counter()
            run()
            seconds[step].append(time.perf_counter() - begun)
    return {
        "bundle": bundle.id,
        "size_pixels": bundle.size,
        "network_mb": bundle.onnx_path.stat().st_size / 1e6,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        "latency_ms": {
            step: dict(zip(("p50", "p95"), map(float, np.percentile(values[WARM_UP:], (50, 95)) * 1e3), strict=True))
            for step, values in seconds.items()
        },
    }


def print_table(results: list[dict]) -> None:
    for result in results:
        print(f"{result['bundle']}: {result['size_pixels']} pixels, network {result['network_mb']:.2f} MB, ", end="")
        print(f"process at most {result['peak_memory_mb']:.0f} MB")
        for step, times in result["latency_ms"].items():
            print(f"  {step:20} p50 {times['p50']:6.2f} ms   p95 {times['p95']:6.2f} ms")


if __name__ == "__main__":
    sys.exit(main())
