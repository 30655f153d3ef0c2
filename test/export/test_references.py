# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The gate: the shipped bundles embed as their float32 networks did, and no renderer or operator changes unseen."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from visual_byte_core.embedding.embedder import Embedder, session_options
from visual_byte_core.errors import DataError
from visual_byte_core.export.references import Agreement, References, agreement, reference_inputs
from visual_byte_core.rendering import photo, speech
from visual_byte_core.rendering.normalize import normalize
from visual_byte_testing.paths import BANANA, GOLDEN, ROOT

PHOTOS, SOUND = ROOT / "examples" / "photos", BANANA
BUNDLES = ["starter", "starter-small"]
MOVED = 2e-5  # of the mean cosine; AVX2 and AVX-512 VNNI differ by a tenth of it

Embed = Callable[[np.ndarray], np.ndarray]


@functools.cache
def references(name: str) -> References:
    return References.load(GOLDEN / f"references_{name}.npz")


@functools.cache
def embedder(name: str) -> Embedder:
    return Embedder(ROOT / "models" / name, threads=1)


def measured(name: str, embed: Embed | None = None, **renderer: object) -> Agreement:
    """With another network, or settings of the renderer other than the bundle's."""
    bundle = embedder(name).bundle
    inputs = reference_inputs(PHOTOS, SOUND, bundle.class_names, dataclasses.replace(bundle.renderer, **renderer))
    return agreement(references(name), inputs, embed or embedder(name).embed)


def passes(found: Agreement) -> bool:
    return (
        found.mean_cosine >= 0.99
        and found.min_cosine >= 0.97
        and found.same_top_1 >= 0.99
        and found.same_top_1_strict >= 0.92
        and found.moved <= MOVED
        and found.changed_pixels <= 0.01
    )


@pytest.mark.parametrize("name", BUNDLES)
def test_a_shipped_bundle_embeds_as_its_float32_network_did(name: str) -> None:
    found = measured(name)
    assert passes(found), found


@pytest.mark.parametrize("name", BUNDLES)
def test_a_shipped_network_is_small(name: str) -> None:
    facts = embedder(name).bundle.quantization
    assert facts["int8_bytes"] == embedder(name).bundle.onnx_path.stat().st_size <= 0.45 * facts["float32_bytes"]


def edited(change: Callable[[onnx.GraphProto], None]) -> Embed:
    """starter-small with a changed graph."""
    network = onnx.load(ROOT / "models" / "starter-small" / "backbone.onnx")
    change(network.graph)
    session = onnxruntime.InferenceSession(network.SerializeToString(), session_options(1))
    return lambda images: session.run(["embedding"], {"pixels": normalize(images)})[0]


def other_epsilon(graph: onnx.GraphProto) -> None:
    """Of the normalizations, as another opset or exporter might have it."""
    epsilons = [one for node in graph.node for one in node.attribute if one.name == "epsilon"]
    assert epsilons
    for epsilon in epsilons:
        epsilon.f = 1e-2


def no_gelu(graph: onnx.GraphProto) -> None:
    """One activation of twelve."""
    node = next(node for node in graph.node if node.op_type == "Gelu")
    node.op_type = "Relu"
    del node.attribute[:]


def wider_scale(graph: onnx.GraphProto) -> None:
    """One quantized product whose input has a range of 3 times."""
    product = next(node for node in graph.node if node.op_type == "MatMul")
    dequantize = next(node for node in graph.node if node.output[0] == product.input[0])
    tensor = next(tensor for tensor in graph.initializer if tensor.name == dequantize.input[1])
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(3), tensor.name))


@pytest.mark.parametrize("change", [other_epsilon, no_gelu, wider_scale])
def test_a_changed_operator_is_seen(change: Callable[[onnx.GraphProto], None]) -> None:
    found = measured("starter-small", edited(change))
    assert not passes(found), found
    assert found.changed_pixels == 0 or found.changed_pixels < 0.01


def test_the_unchanged_graph_passes_on_this_way_too() -> None:
    found = measured("starter-small", edited(lambda graph: None))
    assert passes(found), found


def test_changed_settings_of_renderers_are_seen() -> None:
    renderer = embedder("starter-small").bundle.renderer
    for changed in (
        {"text": dataclasses.replace(renderer.text, waves=255)},
        {"photo": dataclasses.replace(renderer.photo, fit="letterbox")},
        {"speech": dataclasses.replace(renderer.speech, trim_db=20.0)},
    ):
        found = measured("starter-small", **changed)
        assert found.changed_pixels > 0.01 and not passes(found), changed


def test_changed_code_of_renderers_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(photo.cv2, "INTER_AREA", cv2.INTER_LINEAR)
        assert not passes(measured("starter-small"))
    with monkeypatch.context() as patch:
        patch.setattr(speech.np, "log1p", np.sqrt)
        assert not passes(measured("starter-small"))
    assert passes(measured("starter-small"))


def test_another_normalization_is_seen() -> None:
    session = onnxruntime.InferenceSession(embedder("starter-small").bundle.onnx_path)

    def half_range(images: np.ndarray) -> np.ndarray:
        pixels = (images.astype(np.float32) / 127.5 - 1).transpose(0, 3, 1, 2)
        return session.run(["embedding"], {"pixels": np.ascontiguousarray(pixels)})[0]

    assert not passes(measured("starter-small", half_range))


def test_other_inputs_are_refused() -> None:
    inputs = list(measured_inputs())[1:]
    with pytest.raises(
        DataError, match=r"made of other inputs; write them again with tools/write_golden_embeddings\.py"
    ):
        agreement(references("starter-small"), iter(inputs), embedder("starter-small").embed)


def test_a_file_that_holds_none_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", x=np.zeros(2))
    with pytest.raises(DataError, match=r"other\.npz: not readable as references"):
        References.load(tmp_path / "other.npz")


def measured_inputs() -> list[tuple[str, np.ndarray]]:
    bundle = embedder("starter-small").bundle
    return list(reference_inputs(PHOTOS, SOUND, bundle.class_names, bundle.renderer))
