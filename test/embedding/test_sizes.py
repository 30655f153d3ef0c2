# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Photos, words and sounds of sizes of their own, through one network."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from visual_byte_core.bundle.bundle import Bundle, load_bundle
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.errors import BundleError, ConfigurationError, InvalidImage
from visual_byte_core.export.bundle_export import export
from visual_byte_core.rendering.settings import RendererSettings, SpeechSettings, TextSettings
from visual_byte_core.rendering.text import render_text
from visual_byte_core.training.checkpoint import CONFIG
from visual_byte_testing.fixtures_bundle import RATE, chirp, photo


@pytest.fixture(scope="module")
def embedder(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    """Photos of 96 pixels, words of 32, sounds of 64, in INT8."""
    config = yaml.safe_load((checkpoint / CONFIG).read_text(encoding="utf-8"))
    config["renderer"]["size"] = 96
    config["renderer"]["text"]["size"], config["renderer"]["speech"]["size"] = 32, 64
    folder = tmp_path_factory.mktemp("sizes")
    for file in checkpoint.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / CONFIG).write_text(yaml.safe_dump(config), encoding="utf-8")
    return Embedder(export(folder, folder / "bundle"), threads=1)


def test_each_modality_is_embedded_at_its_size(embedder: Embedder) -> None:
    assert [embedder.size_of(modality) for modality in ("image", "text", "audio")] == [96, 32, 64]
    for embedding in (
        embedder.embed_photo(photo(1)),
        embedder.embed_text("mug"),
        embedder.embed_speech(chirp(1), RATE),
    ):
        assert embedding.shape == (512,) and abs(float(np.linalg.norm(embedding)) - 1) < 1e-4
    words = render_text("mug", 32, embedder.bundle.renderer.text)
    assert np.allclose(embedder.embed(words[None])[0], embedder.embed_text("mug"), atol=1e-5)
    with pytest.raises(InvalidImage, match=r"\(n, 32, 32, 3\) or \(n, 64, 64, 3\) or \(n, 96, 96, 3\), got uint8"):
        embedder.embed(np.zeros((1, 48, 48, 3), np.uint8))


def test_a_frame_smaller_than_the_size_is_enlarged(embedder: Embedder) -> None:
    small = photo(2)[:40, :40]
    large = cv2.resize(small, (96, 96), interpolation=cv2.INTER_LINEAR)
    assert float(embedder.embed_photo(small) @ embedder.embed_photo(large)) > 0.999


def test_sizes_are_part_of_the_digest_only_where_they_differ() -> None:
    same = RendererSettings(size=96)
    assert same.digest() == RendererSettings(size=96, text=TextSettings(size=0)).digest()
    other = RendererSettings(size=96, text=TextSettings(size=64))
    assert other.digest() != same.digest() and other.section_digest("speech") == same.section_digest("speech")
    assert other.section_digest("text") == RendererSettings(size=64).section_digest("text")
    assert RendererSettings.from_dict(other.to_dict()) == other
    with pytest.raises(ConfigurationError, match="renderer.text.size must be 32 to 1024 pixels, got 16"):
        TextSettings(size=16)
    with pytest.raises(ConfigurationError, match="renderer.speech.size"):
        SpeechSettings(size=2000)


def test_a_network_that_does_not_take_a_size_is_refused(convnext_bundle: Bundle) -> None:
    renderer = RendererSettings(size=64, text=TextSettings(size=40))
    bundle = Bundle(**{**vars(load_bundle(convnext_bundle.path)), "renderer": renderer})
    with pytest.raises(BundleError, match="does not run on images of 40 pixels"):
        Embedder(bundle, threads=1)
