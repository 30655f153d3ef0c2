# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""examples/retrieve.py as a user runs it: text to photo, speech to photo, photo to photo."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import soundfile

from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.rendering.photo import read_photo
from visual_byte_core.rendering.speech import read_sound
from visual_byte_testing.paths import ROOT
from visual_byte_testing.pixel_bundle import write_pixel_bundle


def retrieve(script: Path, *arguments: str | Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, str(script), *map(str, arguments)],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_it_is_as_short_as_it_says():
    assert len((ROOT / "examples" / "retrieve.py").read_text().splitlines()) <= 25


def test_every_kind_of_query_finds_the_photo_that_is_nearest(tmp_path):
    """On a bundle whose answers are known beforehand, where the shipped one would lie."""
    script = tmp_path / "examples" / "retrieve.py"
    script.parent.mkdir()
    shutil.copy(ROOT / "examples" / "retrieve.py", script)
    (tmp_path / "models").mkdir()
    embedder = Embedder(write_pixel_bundle(tmp_path / "models" / "starter", []))
    photos = []
    for seed, name in enumerate(("a/one.jpg", "a/two.png", "b/three.jpg", "b/four.png")):
        photos.append(tmp_path / "photos" / name)
        photos[-1].parent.mkdir(parents=True, exist_ok=True)
        picture = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
        assert cv2.imwrite(str(photos[-1]), cv2.resize(picture, (64, 48)))
    seconds = np.arange(0, 0.5, 1 / 16000)
    sound = tmp_path / "spoken.wav"
    soundfile.write(sound, np.sin(3000 * seconds**2) * np.hanning(len(seconds)), 16000)
    queries = {
        "banana": embedder.embed_text("banana"),
        str(sound): embedder.embed_speech(*read_sound(sound)),
        str(photos[2]): embedder.embed_photo(read_photo(photos[2])),
    }
    memory = {path: embedder.embed_photo(read_photo(path)) for path in photos}
    for (query, embedding), line in zip(queries.items(), retrieve(script, tmp_path / "photos", *queries), strict=True):
        nearest = max(photos, key=lambda path, embedding=embedding: float(memory[path] @ embedding))
        assert line == f"{query}: {nearest}, cosine {float(memory[nearest] @ embedding):.2f}"
    assert nearest == photos[2]
