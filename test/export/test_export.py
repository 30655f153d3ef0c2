# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""From a checkpoint to ONNX and INT8: the same numbers as PyTorch, dynamic batch, only matrix products quantized."""

from __future__ import annotations

import logging
import shutil
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import yaml

from visual_byte_core.bundle.bundle import Bundle, load_bundle
from visual_byte_core.embedding import embedder as embedder_module
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.embedding.processor import Processor
from visual_byte_core.errors import BundleError, ConfigurationError, DataError
from visual_byte_core.export import bundle_export as export_module
from visual_byte_core.export.bundle_export import export, export_onnx
from visual_byte_core.export.lean_convnext import LeanConvNeXt, is_plain_convnext
from visual_byte_core.export.mobile import export_mobile
from visual_byte_core.export.quantization import cosines, quantize
from visual_byte_core.rendering.normalize import normalize
from visual_byte_core.rendering.photo import render_photo
from visual_byte_core.training.checkpoint import load_checkpoint
from visual_byte_core.training.network import VisualByteNet
from visual_byte_testing.fixtures_bundle import NAMES, SIZE, exported_before, photo


def pictures(count: int) -> np.ndarray:
    return np.stack([render_photo(photo(100 + seed), SIZE) for seed in range(count)])


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_onnx_computes_what_pytorch_computes(float32: Path, checkpoint: Path, batch: int) -> None:
    network, _, _ = load_checkpoint(checkpoint)
    pixels = normalize(pictures(batch))
    with torch.inference_mode():
        expected = [value.numpy() for value in network.with_map(torch.from_numpy(pixels))]
    session = onnxruntime.InferenceSession(str(float32), providers=["CPUExecutionProvider"])
    embedding, cells = session.run(["embedding", "embedding_map"], {"pixels": pixels})
    assert embedding.shape == (batch, 512) and cells.shape == (batch, 512, SIZE // 32, SIZE // 32)
    np.testing.assert_allclose(embedding, expected[0], atol=1e-4)
    np.testing.assert_allclose(cells, expected[1], atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(embedding, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(cells, axis=1), 1, atol=1e-5)


def test_nothing_of_this_machine_is_in_the_file(float32: Path, convnext_bundle: Bundle) -> None:
    for path in (float32, convnext_bundle.onnx_path):
        content = path.read_bytes()
        for folder in (Path(export_module.__file__).parent, Path(torch.__file__).parent, Path.home()):
            assert str(folder).encode() not in content


def test_a_network_that_computes_something_else_in_onnx_is_refused(
    checkpoint: Path, float32: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, _, _ = load_checkpoint(checkpoint)
    with torch.no_grad():
        network.projector[2].bias += 0.1  # what PyTorch is said to have written is of the network before
    before = SimpleNamespace(model_proto=onnx.load(float32))
    monkeypatch.setattr(torch.onnx, "export", lambda *arguments, **settings: before)
    with pytest.raises(BundleError, match=r"`embedding` of PyTorch .* differ by 0\.\d+"):
        export_onnx(network, [SIZE], tmp_path / "network.onnx")


def test_int8_holds_products_over_channels_only_and_stays_near(float32: Path, tmp_path: Path) -> None:
    small = quantize(float32, tmp_path / "int8.onnx", pictures(8))
    graph = onnx.load(small).graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    dequantized = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    kinds = set()
    for node in graph.node:
        if node.op_type in ("Conv", "MatMul", "Gemm"):
            name = node.input[1]
            exact = node.op_type == "Gemm"  # the projector
            if node.op_type == "Conv":
                exact = weights[dequantized.get(name, name)].dims[1] in (1, 3)  # depthwise, stem
            assert (name in weights) == exact
            assert exact or weights[dequantized[name]].data_type == onnx.TensorProto.INT8
            kinds.add((node.op_type, exact))
    assert kinds == {("Conv", True), ("MatMul", False), ("Gemm", True)}
    assert small.stat().st_size < 0.45 * float32.stat().st_size
    assert cosines(float32, small, pictures(20)[8:]).min() > 0.99


def test_int8_without_images_is_refused(float32: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="needs at least 3 rendered images to measure ranges on, got 0"):
        quantize(float32, tmp_path / "int8.onnx", pictures(1)[:0])
    with pytest.raises(BundleError, match="cannot be quantized"):
        quantize(Path(__file__), tmp_path / "int8.onnx", pictures(3))


def test_the_bundle_says_what_int8_costs(convnext_bundle: Bundle) -> None:
    facts = convnext_bundle.quantization
    assert facts["mean_cosine_to_float32"] > 0.99
    assert facts["int8_bytes"] == convnext_bundle.onnx_path.stat().st_size < facts["float32_bytes"]
    card = (convnext_bundle.path / "README.md").read_text()
    assert str(facts["int8_bytes"]) in card and "random weights" in card
    assert list(convnext_bundle.class_names) == NAMES
    assert load_bundle(convnext_bundle.path) == convnext_bundle


def test_an_export_repeats(convnext_bundle: Bundle, checkpoint: Path, tmp_path: Path) -> None:
    assert export(checkpoint, tmp_path / "again", name="untrained").id == convnext_bundle.id


@pytest.mark.usefixtures("exported_once")
def test_float32_for_comparison_and_a_card(checkpoint: Path, convnext_bundle: Bundle, tmp_path: Path) -> None:
    card = {
        "data": [{"name": "Photos of mugs", "items": 12, "licence": "CC0", "source": "our kitchen"}],
        "commands": ["visual-byte train"],
    }
    (tmp_path / "card.yaml").write_text(yaml.safe_dump(card))
    bundle = export(checkpoint, tmp_path / "float32", target="onnx-fp32", card=tmp_path / "card.yaml")
    assert bundle.quantization == {} and bundle.id != convnext_bundle.id
    text = (bundle.path / "README.md").read_text()
    assert "| Photos of mugs | 12 | CC0 | our kitchen |" in text and "    visual-byte train" in text


def test_what_is_missing_is_named(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(DataError, match=r"0 photos in image/, 0 sounds in audio/ .* needs 3 of each"):
        export(checkpoint, tmp_path / "bundle", data=tmp_path / "data")
    (tmp_path / "card.yaml").write_text("data: [{name: photos}]")
    with pytest.raises(ConfigurationError, match=r"card\.yaml: expected `data`"):
        export(checkpoint, tmp_path / "bundle", card=tmp_path / "card.yaml")
    shutil.copytree(checkpoint, tmp_path / "checkpoint")
    (tmp_path / "checkpoint" / "model.safetensors").unlink()
    with pytest.raises(DataError, match=r"model\.safetensors missing"):
        export(tmp_path / "checkpoint", tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_a_target_that_does_not_exist_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="target 'onnx-int4' is not known; expected one of onnx-int8, onnx-fp"):
        export(checkpoint, tmp_path / "bundle", target="onnx-int4")


@pytest.mark.usefixtures("exported_once")
def test_float16_is_half_the_file_and_embeds_the_same(checkpoint: Path, float32: Path, tmp_path: Path) -> None:
    bundle = export(checkpoint, tmp_path / "half", target="onnx-fp16")
    assert bundle.onnx_path.stat().st_size < 0.55 * float32.stat().st_size
    assert cosines(float32, bundle.onnx_path, pictures(6)).min() > 0.9995
    assert np.linalg.norm(Embedder(bundle, threads=1).embed(pictures(3)), axis=1) == pytest.approx(1, abs=1e-3)
    assert "float16" in (bundle.path / "README.md").read_text()


@pytest.fixture(scope="module")
def eight_bits(checkpoint: Path, float32: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    with exported_before(float32):
        return export(checkpoint, tmp_path_factory.mktemp("bundles") / "eight", reduce_range="off")


def test_eight_bits_are_nearer_and_said_to_be_for_vnni_and_arm(eight_bits: Bundle, convnext_bundle: Bundle) -> None:
    facts = eight_bits.quantization
    assert facts["weights"].endswith("all 8 bits used") and facts["processors"] == "x86-64 with VNNI, and ARM"
    seven = convnext_bundle.quantization
    assert seven["processors"] == "every processor" and "probe" not in seven
    assert facts["probe"]["text"] == "apple" and np.linalg.norm(facts["probe"]["embedding"]) == pytest.approx(
        1, abs=1e-3
    )
    card = (eight_bits.path / "README.md").read_text()
    assert "x86-64 with VNNI" in card and "probe" not in card


@pytest.mark.usefixtures("exported_once")
@pytest.mark.parametrize(("least", "bits"), [(0.99, "7"), (1.1, "all 8")])
def test_auto_gives_up_other_processors_only_for_what_seven_bits_cost(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least: float, bits: str
) -> None:
    monkeypatch.setattr(export_module, "MIN_MEAN_COSINE", least)
    bundle = export(checkpoint, tmp_path / "auto", reduce_range="auto")
    assert bundle.quantization["weights"] == f"INT8 per channel, {bits} bits used"


def remarks(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Of ours: torch's exporter traces what it does."""
    return [record for record in caplog.records if record.name == "visual_byte"]


def test_a_processor_that_saturates_is_told_what_it_costs(
    eight_bits: Bundle, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(embedder_module, "this_processor", lambda: Processor(2, frozenset({"avx2", "avx512_vnni"})))
    caplog.clear()
    Embedder(eight_bits, threads=1)
    assert not remarks(caplog)
    monkeypatch.setattr(embedder_module, "this_processor", lambda: Processor(2, frozenset({"avx2"})))
    Embedder(eight_bits, threads=1)
    (record,) = remarks(caplog)
    assert (
        "quantized for x86-64 with VNNI, and ARM, which this processor is not: the cosine of 'apple'" in record.message
    )
    assert "--reduce-range on" in record.message


def test_images_that_are_all_alike_give_no_ranges(float32: Path, tmp_path: Path) -> None:
    alike = np.repeat(pictures(1), 12, axis=0)
    with pytest.raises(BundleError, match="the 12 images to measure ranges on are all alike"):
        quantize(float32, tmp_path / "int8.onnx", alike)


@pytest.mark.unavailable_in_ci
def test_a_phone_gets_what_pytorch_computes(checkpoint: Path, tmp_path: Path) -> None:
    for package in ("litert_torch", "ai_edge_litert", "coremltools"):
        pytest.importorskip(package, reason="the extra export-mobile is not installed")
    network, config, names = load_checkpoint(checkpoint)
    for target, least in (("litert-fp32", 0.99999), ("litert-fp16", 0.9999), ("litert-int8", 0.97)):
        facts = export_mobile(network, config.renderer, names, tmp_path / target, target).facts
        assert facts["min_cosine"] > least
        assert (tmp_path / target / "backbone.tflite").stat().st_size == facts["bytes"]
    facts = export_mobile(network, config.renderer, names, tmp_path / "coreml", "coreml").facts
    assert facts["mean_cosine"] is None and facts["ran_here"].startswith("no: ")


def test_a_phone_target_without_its_packages_says_what_to_install(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, config, names = load_checkpoint(checkpoint)
    for package, target in (("litert_torch", "litert-fp32"), ("coremltools", "coreml")):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(
            BundleError, match=rf"{package} is missing .*constraints-mobile\.txt '\.\[train,export-mobile"
        ):
            export_mobile(network, config.renderer, names, tmp_path / target, target)
        assert not (tmp_path / target).exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(BundleError, match="mine holds something else than an exported network"):
        export_mobile(network, config.renderer, names, tmp_path / "mine", "coreml")


@pytest.mark.parametrize(
    "backbone", ["convnext_atto", "convnext_zepto_rms", "convnext_zepto_rms_ols", "convnextv2_atto"]
)
def test_a_convnext_written_in_fewer_operators_computes_the_same(backbone: str) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = VisualByteNet(backbone, classes=3).eval()
        for weight in network.parameters():
            if weight.ndim == 1:  # factors of norms and of the layer scale, which begin as ones
                torch.nn.init.uniform_(weight, 0.5, 1.5)
    pixels = torch.from_numpy(normalize(pictures(2)))[:, :, :64, :32]
    assert is_plain_convnext(network)
    with torch.inference_mode():
        for one, other in zip(network.with_map(pixels), LeanConvNeXt(network)(pixels), strict=True):
            np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-5)


@pytest.mark.parametrize("backbone", ["convnext_atto_rms", "convnext_tiny_hnf", "efficientnet_lite0"])
def test_what_differs_from_a_plain_convnext_is_exported_as_it_is(backbone: str) -> None:
    assert not is_plain_convnext(VisualByteNet(backbone, classes=3))


def test_a_convnext_has_no_convolution_but_the_stem_and_depthwise_ones(checkpoint: Path, tmp_path: Path) -> None:
    network, config, _ = load_checkpoint(checkpoint)
    nodes = onnx.load(export_onnx(network, [config.renderer.size], tmp_path / "network.onnx")).graph.node
    kinds = Counter(node.op_type for node in nodes)
    blocks = sum(len(stage.blocks) for stage in network.backbone.stages)
    assert kinds["Conv"] == 1 + blocks and kinds["MatMul"] == 3 + 2 * blocks and kinds["Gemm"] == 2
    assert kinds["Transpose"] <= 2 + 2 * blocks + 3
