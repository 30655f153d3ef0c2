# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The shipped bundle, as a user meets it: alone, in the example, and in the demo."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from visual_byte_core.bundle.bundle import load_bundle
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.metrics.recall import recall_at_k
from visual_byte_core.names import overlaps, read_names
from visual_byte_core.rendering.photo import read_photo
from visual_byte_core.rendering.speech import read_sound
from visual_byte_core.rendering.text import render_text
from visual_byte_testing.paths import BANANA, ROOT

PHOTOS = ROOT / "examples" / "photos"
STARTER = ROOT / "models" / "starter"


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder(STARTER)


@pytest.fixture(scope="module")
def gallery(embedder: Embedder) -> tuple[np.ndarray, list[str]]:
    paths = sorted(PHOTOS.rglob("*.jpg"))
    return np.stack([embedder.embed_photo(read_photo(path)) for path in paths]), [path.parent.name for path in paths]


@pytest.mark.parametrize(("name", "largest"), [("starter", 20e6), ("starter-small", 6e6)])
def test_the_bundles_are_whole_small_and_know_the_shipped_names(name: str, largest: float) -> None:
    bundle = load_bundle(ROOT / "models" / name)
    assert {name.slug for name in bundle.class_names} <= {n.slug for n in read_names(ROOT / "config" / "names.csv")}
    assert bundle.size <= 112 and bundle.onnx_path.stat().st_size < largest
    assert set(bundle.calibration) == {"text", "audio", "image"}


def test_the_checkpoint_to_go_on_from_is_that_of_the_bundle(embedder: Embedder) -> None:
    import torch

    from visual_byte_core.training.checkpoint import load_checkpoint
    from visual_byte_core.training.pixels import prepare_pixels

    network, config, names = load_checkpoint(ROOT / "checkpoints" / "starter")
    assert config.renderer == embedder.bundle.renderer and names == list(embedder.bundle.class_names)
    images = np.stack(
        [render_text(name.en, config.renderer.size_of("text"), config.renderer.text) for name in names[:20]]
    )
    with torch.inference_mode():
        exact = network(prepare_pixels(torch.from_numpy(images))).numpy()
    assert np.sum(exact * embedder.embed(images), axis=1).min() > 0.98


@pytest.mark.parametrize("name", ["starter", "starter-small"])
def test_the_model_card_shows_both_precisions_and_int8_loses_at_most_a_hundredth(name: str) -> None:
    reports = [entry for entry in load_bundle(ROOT / "models" / name).metrics.values() if "float32" in entry]
    assert reports
    for report in reports:
        for pair, quantized in report["int8"]["retrieval"].items():
            exact = report["float32"]["retrieval"][pair]
            # Of some hundred queries, a few more or less are luck.
            assert quantized["r1"] >= exact["r1"] - (0.01 if exact["n"] >= 500 else 0.025), pair


def test_typed_names_find_their_photos(embedder: Embedder, gallery: tuple[np.ndarray, list[str]]) -> None:
    slugs = sorted(set(gallery[1]))
    texts = np.stack([embedder.embed_text(slug.replace("_", " ")) for slug in slugs])
    recall = recall_at_k(texts, slugs, *gallery)
    # Chance is 1 in 37. The figure itself is the demo's; here only what would be a broken renderer or network fails.
    assert recall["r1"] > 0.2 and recall["r5"] > 0.5


def test_a_recorded_name_finds_its_photo(embedder: Embedder, gallery: tuple[np.ndarray, list[str]]) -> None:
    scores = gallery[0] @ embedder.embed_speech(*read_sound(BANANA))
    assert "banana" in {gallery[1][i] for i in np.argsort(-scores)[:5]}


def test_the_example_answers_text_speech_and_photo() -> None:
    photo = next(iter(sorted((PHOTOS / "lemon").glob("*.jpg"))))
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "retrieve.py"), str(PHOTOS), "lemon", str(BANANA), str(photo)],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    text, speech, itself = done.stdout.splitlines()
    assert text.startswith("lemon: ") and speech.startswith(str(BANANA))
    assert itself.endswith(f"{photo}, cosine 1.00")


def test_what_the_demo_asks_is_what_it_says() -> None:
    names = {name.slug: name for name in load_bundle(STARTER).class_names}
    shown = {path.name for path in PHOTOS.iterdir() if path.is_dir()}
    absent = yaml.safe_load((ROOT / "examples" / "absent.yaml").read_text(encoding="utf-8"))
    assert len(shown) == 37 and shown <= set(names) and len(list(PHOTOS.rglob("*.jpg"))) == 180
    assert len(absent["trained"]) == len(absent["never_trained"]) == 12
    related = overlaps(names.values())
    assert set(absent["trained"]) <= set(names) and not any(related[slug] & shown for slug in absent["trained"])
    assert not set(absent["never_trained"]) & {name.en.lower() for name in names.values()}


def test_the_demo_remembers_every_photo_and_asks_every_name(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "examples" / "demo.py"), "--out", str(tmp_path / "demo")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=280)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    result = json.loads((tmp_path / "demo" / "result.json").read_text())
    assert result["typed"]["n"] == result["spoken"]["n"] == 37
    assert result["not_found"]["known_absent"]["asked"] == result["not_found"]["never_trained"]["asked"] == 24
    assert 0 < result["memories"] <= 180 and result["bundle"] == load_bundle(STARTER).id
    assert result["typed"]["r1"] > 0.2 and result["spoken"]["r1"] > 0.2
    assert set(result["latency_ms"]) == {"typed", "spoken", "frame"}
    assert result["embedding_node_peak_mb"] < 400
    assert "banana" in done.stdout and "typed R@1" in done.stdout
    picture = cv2.imread(str(tmp_path / "demo" / "matches.png"))
    assert picture.shape[0] > 2000 and picture.std() > 20
