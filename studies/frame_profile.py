# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Where the time of one camera frame goes: python studies/frame_profile.py models/starter models/starter-small

Tables for each bundle: the steps from an image message of 640 x 480 to a memory; what else is done with frames and
names; the operators of the network, as ONNX Runtime's profiler sees them; and ONNX Runtime's own options, each beside
the one that is used. Milliseconds are of the processor, all threads together, and medians; steps and options are run in
turn.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import onnxruntime

from visual_byte_core.embedding.embedder import Embedder, session_options
from visual_byte_core.embedding.frame_embedder import FrameEmbedder
from visual_byte_core.embedding.frame_pictures import cells, halved
from visual_byte_core.embedding.regions import RegionSettings, windows
from visual_byte_core.engine.frame_intake import MERGED_AT_ONCE, FrameIntake
from visual_byte_core.engine.observed_frame import ObservedFrame
from visual_byte_core.engine.settings import EngineSettings
from visual_byte_core.memory.match import Match
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.merging import coarse_jpeg
from visual_byte_core.memory.observation import Observation
from visual_byte_core.memory.store import Store
from visual_byte_core.messages.images import to_rgb
from visual_byte_core.rendering.normalize import normalize
from visual_byte_core.rendering.photo import read_photo, render_photo, with_middles
from visual_byte_core.rendering.text import render_text
from visual_byte_core.rendering.thumbnail import reduced, to_jpeg

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bundle", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=200, help="rounds measured (default: 200)")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    onnxruntime.set_default_logger_severity(3)  # it tells of every option that is set a second time
    for folder in arguments.bundle:
        embedder = Embedder(folder, threads=1, log=logging.getLogger("bench"))
        print(f"\n### {embedder.bundle.id}\n")
        with tempfile.TemporaryDirectory() as memories:
            print_steps(in_turn(frame_steps(embedder, Path(memories)), arguments.rounds))
        print_medians(in_turn(other_steps(embedder), arguments.rounds))
        print_operators(embedder, arguments.rounds)
        print_options(embedder, arguments.rounds)


def frame_of_camera() -> np.ndarray:
    """uint8 (480, 640, 3) RGB: one of the photos, with a camera's noise."""
    photo = read_photo(sorted((ROOT / "examples/photos/banana").glob("*.jpg"))[0])
    noise = np.random.default_rng(0).normal(0, 3, (480, 640, 3))
    return np.clip(cv2.resize(photo, (640, 480), interpolation=cv2.INTER_CUBIC) + noise, 0, 255).astype(np.uint8)


def frame_steps(embedder: Embedder, folder: Path) -> dict[str, Callable[[], object]]:
    """What is done with each frame, in its order; in brackets what holds several of these, or was saved."""
    frame, bundle = frame_of_camera(), embedder.bundle
    message = SimpleNamespace(
        height=480, width=640, encoding="rgb8", is_bigendian=0, step=1920, data=frame.tobytes()
    )  # fmt: skip
    small = halved(frame, bundle.size)
    rendered, picture = render_photo(small, bundle.size, bundle.renderer.photo)[None], reduced(small)
    middle = bundle.renderer.photo.middle
    views = with_middles(rendered, middle) if middle else rendered
    pixels, before = normalize(views), cells(picture)
    embedding = embedder.embed_photos(rendered)[0]
    memory, growing, whole = (
        Memory(folder / name, bundle.id, dimension=bundle.dimension) for name in ("merged", "new", "whole")
    )
    others = np.random.default_rng(0).standard_normal((10_000, bundle.dimension)).astype(np.float32)
    numbers, at = iter(range(10_000)), iter(range(10**9))
    memory.remember(embedding, Observation(captured_at=1e9), picture)
    jpeg, known = to_jpeg(picture), memory.search(embedding, 1)[0]
    intake = FrameIntake(embedder, whole, EngineSettings(), lambda run, _: run())
    return {
        "message to array": lambda: to_rgb(message),
        "halved": lambda: halved(frame, bundle.size),
        "thumbnail": lambda: reduced(small),
        "compared with the frame before": lambda: cv2.absdiff(cells(picture), before).max(),
        "cropped and reduced": lambda: render_photo(small, bundle.size, bundle.renderer.photo),
        "with its middle": lambda: with_middles(rendered, middle) if middle else rendered,
        "normalized": lambda: normalize(views),
        "network": lambda: embedder.run(pixels),
        "(memory, merged, alone behind the network)": lambda: memory.remember(
            embedding, Observation(captured_at=1e9 + next(at)), picture
        ),
        "memory, merged, of eight": lambda: [
            memory.remember(embedding, Observation(captured_at=1e9 + next(at)), picture) for _ in range(MERGED_AT_ONCE)
        ],
        "(memory, new, with its JPEG)": lambda: growing.remember(
            others[next(numbers)], Observation(captured_at=1e9), picture
        ),
        "(the frame copied)": frame.copy,
        "(saved: a JPEG made)": lambda: to_jpeg(picture),
        "(saved: a JPEG read and compared)": lambda: coarse_jpeg(jpeg),
        "(saved: a memory read from its database)": lambda: memory._store.matches([1]),
        "(saved: and described there)": lambda: describe(memory._store, known),
        "(saved: the thumbnail in one step)": lambda: cv2.resize(frame, (160, 120), interpolation=cv2.INTER_AREA),
        "(saved: the frame cropped and reduced)": lambda: render_photo(frame, bundle.size, bundle.renderer.photo),
        "(a frame in the worker, of eight)": lambda: [
            intake.take(ObservedFrame(frame, Observation(1e9 + next(at))), Future()) for _ in range(MERGED_AT_ONCE)
        ],
    }


def describe(store: Store, match: Match) -> None:
    store.describe(1, match)
    store._write_described()


def other_steps(embedder: Embedder) -> dict[str, Callable[[], object]]:
    frame, bundle = frame_of_camera(), embedder.bundle
    still, moving = FrameEmbedder(embedder, None, 4.0), FrameEmbedder(embedder, None, 4.0)
    shifts = iter(range(10**9))
    side = windows(480, 640, RegionSettings().size)
    cut = [render_photo(frame[y : y + h, x : x + w], bundle.size) for x, y, w, h in side]
    words = render_text("banana", bundle.size_of("text"), bundle.renderer.text)
    embedder.embed_query(words, "text")
    return {
        "a frame, embedded": lambda: embedder.embed_photo(frame),
        "an unchanged frame, skipped": lambda: still.embed(frame),
        "a changed frame, not skipped": lambda: moving.embed(np.roll(frame, 40 * (next(shifts) % 8), axis=1)),
        "np.roll alone": lambda: np.roll(frame, 40, axis=1),
        f"{len(cut)} windows of a frame, one batch": lambda: embedder.embed(np.stack(cut)),
        f"{len(cut)} windows, one by one": lambda: [embedder.embed(one[None]) for one in cut],
        "a name rendered": lambda: render_text("banana", bundle.size_of("text"), bundle.renderer.text),
        "a name asked before, `embed_query`": lambda: embedder.embed_query(words, "text"),
    }


def in_turn(actions: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of the processor for each, or of one of its eight; the first rounds warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for number in range(rounds + 10):
        for name, run in actions.items():
            begun = time.process_time()
            run()
            if number >= 10:
                seconds[name].append((time.process_time() - begun) / (MERGED_AT_ONCE if "of eight" in name else 1))
    return seconds


def print_steps(seconds: dict[str, list[float]]) -> None:
    medians = {name: float(np.median(values)) * 1e3 for name, values in seconds.items()}
    whole = sum(value for name, value in medians.items() if not name.startswith("("))
    print("| step | ms | share of a frame |\n| --- | --- | --- |")
    for name, value in medians.items():
        print(f"| {name} | {value:.3f} | {'' if name.startswith('(') else f'{value / whole:.0%}'} |")
    print(f"| outside the network | {whole - medians['network']:.3f} | {1 - medians['network'] / whole:.0%} |")


def print_medians(seconds: dict[str, list[float]]) -> None:
    print("\n| besides | ms |\n| --- | --- |")
    for name, values in seconds.items():
        print(f"| {name} | {np.median(values) * 1e3:.3f} |")


def print_operators(embedder: Embedder, rounds: int) -> None:
    pixels = normalize(np.full((1, embedder.size, embedder.size, 3), 128, np.uint8))
    with tempfile.TemporaryDirectory() as folder:
        options = session_options(1)
        options.enable_profiling = True
        options.profile_file_prefix = f"{folder}/profile"
        session = onnxruntime.InferenceSession(str(embedder.bundle.onnx_path), options)
        for _ in range(rounds):
            session.run(["embedding"], {"pixels": pixels})
        events = json.loads(Path(session.end_profiling()).read_text())
    total: dict[str, float] = defaultdict(float)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            total[event["args"]["op_name"]] += event["dur"]
    whole = sum(total.values())
    print("\n| operator | share of the network |\n| --- | --- |")
    for name, value in sorted(total.items(), key=lambda item: -item[1]):
        if value >= 0.01 * whole:
            print(f"| {name} | {value / whole:.0%} |")


def changed_options(
    threads: int = 1, entries: dict[str, str] | None = None, dimensions: dict[str, int] | None = None, **attributes: Any
) -> onnxruntime.SessionOptions:
    """The options that are used, changed. entries: of the configuration. dimensions: those that get a fixed size."""
    options = session_options(threads)
    for key, value in (entries or {}).items():
        options.add_session_config_entry(key, value)
    for name, size in (dimensions or {}).items():
        options.add_free_dimension_override_by_name(name, size)
    for name, value in attributes.items():
        setattr(options, name, value)
    return options


def print_options(embedder: Embedder, rounds: int) -> None:
    path, pixels = embedder.bundle.onnx_path, normalize(np.full((1, embedder.size, embedder.size, 3), 99, np.uint8))
    basic = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory() as folder:
        saved = f"{folder}/network.ort"
        onnxruntime.InferenceSession(str(path), changed_options(optimized_model_filepath=saved))
        sessions = {
            "1 thread": onnxruntime.InferenceSession(str(path), session_options(1)),
            "2 threads": onnxruntime.InferenceSession(str(path), session_options(2)),
            "2 threads, spinning": onnxruntime.InferenceSession(
                str(path), changed_options(2, {"session.intra_op.allow_spinning": "1"})
            ),
            "no arena": onnxruntime.InferenceSession(str(path), changed_options(enable_cpu_mem_arena=False)),
            "no memory pattern": onnxruntime.InferenceSession(str(path), changed_options(enable_mem_pattern=False)),
            "no prepacking": onnxruntime.InferenceSession(
                str(path), changed_options(entries={"session.disable_prepacking": "1"})
            ),
            "GELU by erf": onnxruntime.InferenceSession(
                str(path), changed_options(entries={"optimization.enable_gelu_approximation": "0"})
            ),
            "basic optimization": onnxruntime.InferenceSession(
                str(path), changed_options(graph_optimization_level=basic)
            ),
            "batch of 1 fixed": onnxruntime.InferenceSession(str(path), changed_options(dimensions={"n": 1})),
            "sides fixed": onnxruntime.InferenceSession(
                str(path), changed_options(dimensions={"32*h": embedder.size, "32*w": embedder.size})
            ),
            "ORT format": onnxruntime.InferenceSession(saved, session_options(1)),
        }
        print(f"\nORT format: {Path(saved).stat().st_size / 1e6:.2f} MB, ONNX {path.stat().st_size / 1e6:.2f} MB")
    actions: dict[str, Callable[[], object]] = {
        name: lambda session=session: session.run(["embedding"], {"pixels": pixels})
        for name, session in sessions.items()
    }
    plain = sessions["1 thread"]
    only = onnxruntime.RunOptions()
    only.only_execute_path_to_fetches = True
    actions["only the path to the embedding"] = lambda: plain.run(["embedding"], {"pixels": pixels}, only)
    actions["embedding and map"] = lambda: plain.run(None, {"pixels": pixels})
    binding = plain.io_binding()
    binding.bind_cpu_input("pixels", pixels)
    binding.bind_output("embedding")
    actions["I/O binding"] = lambda: plain.run_with_iobinding(binding)
    seconds, wall = in_turn(actions, rounds), in_turn_by_clock(actions, rounds)
    print("\n| option | processor ms | wall ms |\n| --- | --- | --- |")
    for name, values in seconds.items():
        print(f"| {name} | {np.median(values) * 1e3:.3f} | {np.median(wall[name]) * 1e3:.3f} |")


def in_turn_by_clock(actions: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(rounds):
        for name, run in actions.items():
            begun = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - begun)
    return seconds


if __name__ == "__main__":
    main()
