# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The embedder gives unit vectors of every kind of query, and starts only with what it was told to use."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from fixtures_bundle import RATE, SIZE, chirp, photo
from onnx import numpy_helper
from pixel_bundle import write_pixel_bundle

from visual_byte_core.deployment.bundle import Bundle, write_bundle
from visual_byte_core.errors import BundleError, InvalidImage, InvalidSound, InvalidText
from visual_byte_core.names import ClassName
from visual_byte_core.rendering.photo import render_photo
from visual_byte_core.rendering.settings import RendererSettings
from visual_byte_core.rendering.speech import render_speech
from visual_byte_core.rendering.text import render_text
from visual_byte_core.runtime.embedder import Embedder


@pytest.fixture(scope="module")
def embedder(convnext_bundle: Bundle) -> Embedder:
    return Embedder(convnext_bundle, threads=1)


def test_every_kind_of_query_is_rendered_and_embedded(embedder: Embedder) -> None:
    pairs = [
        (embedder.embed_photo(photo(1)), render_photo(photo(1), SIZE)),
        (embedder.embed_text("banana"), render_text("banana", SIZE)),
        (embedder.embed_speech(chirp(1), RATE), render_speech(chirp(1), RATE, SIZE)),
    ]
    for embedding, image in pairs:
        assert embedding.shape == (512,) and embedding.dtype == np.float32
        assert np.linalg.norm(embedding) == pytest.approx(1, abs=1e-5)
        np.testing.assert_array_equal(embedding, embedder.embed(image[None])[0])
    assert embedder.size == SIZE


def test_channel_order_is_heeded(embedder: Embedder) -> None:
    swapped = embedder.embed_photo(photo(1)[:, :, ::-1], channel_order="bgr")
    np.testing.assert_array_equal(swapped, embedder.embed_photo(photo(1)))
    assert np.abs(swapped - embedder.embed_photo(photo(1)[:, :, ::-1])).max() > 1e-4


def test_a_batch_gives_what_single_images_give(embedder: Embedder) -> None:
    images = np.stack([render_photo(photo(seed), SIZE) for seed in range(37)])
    together = embedder.embed(images)
    assert together.shape == (37, 512)
    np.testing.assert_allclose(together, np.concatenate([embedder.embed(image[None]) for image in images]), atol=2e-3)
    assert embedder.embed(images[:0]).shape == (0, 512)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((1, SIZE, SIZE, 3), np.float32),
        np.zeros((1, SIZE, SIZE + 1, 3), np.uint8),
        np.zeros((SIZE, SIZE, 3), np.uint8),
        np.zeros((1, 3, SIZE, SIZE), np.uint8),
        None,
    ],
)
def test_images_that_were_not_rendered_are_refused(embedder: Embedder, images: np.ndarray) -> None:
    with pytest.raises(InvalidImage, match=rf"expected uint8 \(n, {SIZE}, {SIZE}, 3\), got"):
        embedder.embed(images)


def test_bad_queries_are_refused_with_their_own_errors(embedder: Embedder) -> None:
    with pytest.raises(InvalidImage):
        embedder.embed_photo(np.zeros((0, 5, 3), np.uint8))
    with pytest.raises(InvalidText):
        embedder.embed_text(" ")
    with pytest.raises(InvalidSound):
        embedder.embed_speech(np.zeros(RATE, np.float32), RATE)


def test_a_provider_that_is_not_there_is_refused(convnext_bundle: Bundle) -> None:
    installed = onnxruntime.get_available_providers()
    assert "CUDAExecutionProvider" not in installed
    with pytest.raises(BundleError, match="'CUDAExecutionProvider': not in this onnxruntime, which has .*CPUExecution"):
        Embedder(convnext_bundle, provider="CUDAExecutionProvider")


def test_a_network_of_another_size_is_refused(tmp_path: Path) -> None:
    pixels = write_pixel_bundle(tmp_path / "pixels", [])
    bundle = write_bundle(
        tmp_path / "bundle", name="wrong", backbone="b", renderer=RendererSettings(size=96), class_names=[],
        onnx_path=pixels.onnx_path, quantization={},
    )  # fmt: skip
    with pytest.raises(InvalidImage, match="its network takes 32 x 32 pixels only, got 64 x 64; export"):
        Embedder(pixels).embed_map(np.zeros((1, 64, 64, 3), np.uint8))
    with pytest.raises(BundleError, match=r"backbone\.onnx: does not run on images of 96 pixels"):
        Embedder(bundle)


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "network.onnx").write_bytes(b"no network")
    bundle = write_bundle(
        tmp_path / "bundle", name="wrong", backbone="b", renderer=RendererSettings(), class_names=[],
        onnx_path=tmp_path / "network.onnx", quantization={},
    )  # fmt: skip
    with pytest.raises(BundleError, match=r"backbone\.onnx: ONNX Runtime .* cannot load it"):
        Embedder(bundle)


def test_a_network_that_gives_nan_is_refused(tmp_path: Path) -> None:
    whole = write_pixel_bundle(tmp_path / "pixels", [ClassName("apple", "apple")])
    network = onnx.load(whole.onnx_path)
    weights = next(tensor for tensor in network.graph.initializer if tensor.name == "projection")
    broken = np.full(tuple(weights.dims), np.nan, np.float32)
    weights.CopyFrom(numpy_helper.from_array(broken, "projection"))
    onnx.save(network, tmp_path / "broken.onnx")
    bundle = write_bundle(
        tmp_path / "bundle", name="broken", backbone="b", renderer=whole.renderer, class_names=[],
        onnx_path=tmp_path / "broken.onnx", quantization={},
    )  # fmt: skip
    with pytest.raises(BundleError, match=r"expected one embedding of 512 values and unit length, got .* length nan"):
        Embedder(bundle)


def test_a_path_is_loaded_and_checked(convnext_bundle: Bundle, tmp_path: Path) -> None:
    folder = shutil.copytree(convnext_bundle.path, tmp_path / "bundle")
    assert Embedder(str(folder), threads=1).bundle.id == convnext_bundle.id
    with open(folder / "backbone.onnx", "ab") as network:
        network.write(b"\0")
    with pytest.raises(BundleError, match="not the file this bundle was written with"):
        Embedder(folder)


def test_finding_needs_nothing_of_training(convnext_bundle: Bundle, tmp_path: Path) -> None:
    """A whole round, photo in and answer out, in a fresh process."""
    program = f"""
import json, sys, numpy as np
from visual_byte_core.runtime.embedder import Embedder
from visual_byte_core.runtime.finder import Finder
from visual_byte_core.runtime.memory import Memory, Seen
kind = dict(memories=[1], false_accept_rates=[.1], thresholds=[[.9]],
            probability=dict(intercept=0, score=1, log_memories=0))
embedder = Embedder({str(convnext_bundle.path)!r}, threads=1)
with Memory({str(tmp_path / "memory")!r}, embedder.bundle.id) as memory:
    photo = np.full((48, 64, 3), 200, np.uint8)
    memory.remember(embedder.embed_photo(photo), Seen(captured_at=1.0))
    answer = Finder(memory, dict(image=kind, text=kind)).find(embedder.embed_photo(photo), "image")
    embedder.embed_text("mug"), embedder.embed_speech(np.sin(np.arange(8000) / 5), 16000)
unwanted = {{"torch", "torchvision", "torchaudio", "timm", "onnx", "transformers", "matplotlib", "sklearn"}}
print(json.dumps([answer.status, sorted(unwanted & set(sys.modules))]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ["FOUND", []]
