# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A bundle in ONNX Runtime beside the same network in LiteRT:

    python studies/litert.py models/starter out/litert-int8 ...

The folders are those of `visual-byte export --target litert-...`, and this runs where the extra export-mobile is
installed. Milliseconds of the processor, one thread, one image, all in turn; cosines are to the first folder's,
which is best litert-fp32, on the photos in examples/photos.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.rendering.normalize import normalize
from visual_byte_core.rendering.photo import read_photo, render_photo

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("folder", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=300)
    arguments = parser.parse_args()
    embedder = Embedder(arguments.bundle, threads=1)
    photos = sorted((ROOT / "examples/photos").rglob("*.jpg"))
    images = [render_photo(read_photo(path), embedder.size, embedder.bundle.renderer.photo) for path in photos]
    pixels = [normalize(image[None]) for image in images]
    run: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        f"{embedder.bundle.id}, ONNX Runtime": lambda one: embedder.run(one)[0]
    }
    sizes = [embedder.bundle.onnx_path.stat().st_size]
    for folder in arguments.folder:
        run[f"{folder.name}, LiteRT"] = litert(folder / "backbone.tflite")
        sizes.append((folder / "backbone.tflite").stat().st_size)
    found = {name: np.stack([embed(one) for one in pixels]) for name, embed in run.items()}
    exact = list(found.values())[1]
    seconds: dict[str, list[float]] = {name: [] for name in run}
    for number in range(arguments.rounds):
        for name, embed in run.items():
            begun = time.thread_time()
            embed(pixels[number % len(pixels)])
            seconds[name].append(time.thread_time() - begun)
    print("| network | mean cosine | lowest | MB | processor ms |\n| --- | --- | --- | --- | --- |")
    for (name, embeddings), size in zip(found.items(), sizes, strict=True):
        lengths = np.linalg.norm(embeddings, axis=1) * np.linalg.norm(exact, axis=1)
        cosines = np.sum(embeddings * exact, axis=1) / lengths
        milliseconds = np.median(seconds[name]) * 1e3
        print(f"| {name} | {cosines.mean():.5f} | {cosines.min():.4f} | {size / 1e6:.2f} | {milliseconds:.2f} |")


def litert(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    pixels, embedding = (one[0]["index"] for one in (interpreter.get_input_details(), interpreter.get_output_details()))

    def embed(one: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(pixels, one)
        interpreter.invoke()
        return interpreter.get_tensor(embedding)[0]

    return embed


if __name__ == "__main__":
    main()
