# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The embedder gives unit vectors of every kind of query, and starts only with what it was configured to use."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from visual_byte_core.bundle.bundle import Bundle, write_bundle
from visual_byte_core.embedding import embedder as embedder_module
from visual_byte_core.embedding import processor as processor_module
from visual_byte_core.embedding.embedder import QUERIES_KEPT, Embedder
from visual_byte_core.embedding.processor import Processor, this_processor
from visual_byte_core.errors import BundleError, InvalidImage, InvalidSound, InvalidText
from visual_byte_core.names import ClassName
from visual_byte_core.rendering.photo import render_photo, with_middles
from visual_byte_core.rendering.settings import PhotoSettings, RendererSettings
from visual_byte_core.rendering.speech import render_speech
from visual_byte_core.rendering.text import render_text
from visual_byte_testing.fixtures_bundle import RATE, SIZE, chirp, photo
from visual_byte_testing.pixel_bundle import write_pixel_bundle


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
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.engine.finder import Finder
from visual_byte_core.memory.memory import Memory, Observation
kind = dict(memories=[1], false_accept_rates=[.1], thresholds=[[.9]],
            probability=dict(intercept=0, score=1, log_memories=0))
embedder = Embedder({str(convnext_bundle.path)!r}, threads=1)
with Memory({str(tmp_path / "memory")!r}, embedder.bundle.id) as memory:
    photo = np.full((48, 64, 3), 200, np.uint8)
    memory.remember(embedder.embed_photo(photo), Observation(captured_at=1.0))
    answer = Finder(memory, dict(image=kind, text=kind)).find(embedder.embed_photo(photo), "image")
    embedder.embed_text("mug"), embedder.embed_speech(np.sin(np.arange(8000) / 5), 16000)
unwanted = {{"torch", "torchvision", "torchaudio", "timm", "onnx", "transformers", "matplotlib", "sklearn"}}
print(json.dumps([answer.status, sorted(unwanted & set(sys.modules))]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ["FOUND", []]


def rebuilt(tmp_path: Path, change: Callable[[onnx.ModelProto], object]) -> Bundle:
    """A bundle whose network was changed by another program."""
    whole = write_pixel_bundle(tmp_path / "pixels", [ClassName("apple", "apple")])
    network = onnx.load(whole.onnx_path)
    change(network)
    (tmp_path / "network.onnx").write_bytes(network.SerializeToString())
    return write_bundle(
        tmp_path / "bundle", name="other", backbone="b", renderer=whole.renderer, class_names=[],
        onnx_path=tmp_path / "network.onnx", quantization={},
    )  # fmt: skip


def rename_input(network: onnx.ModelProto) -> None:
    network.graph.input[0].name = network.graph.node[0].input[0] = "image"


def rename_output(network: onnx.ModelProto) -> None:
    for node in network.graph.node:
        node.input[:] = ["features" if name == "embedding" else name for name in node.input]
        node.output[:] = ["features" if name == "embedding" else name for name in node.output]
    network.graph.output[0].name = "features"


def other_width(network: onnx.ModelProto) -> None:
    weights = next(tensor for tensor in network.graph.initializer if tensor.name == "projection")
    weights.CopyFrom(numpy_helper.from_array(np.ones((weights.dims[0], 256), np.float32), "projection"))
    network.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 256
    del network.graph.output[1], network.graph.node[4]


def second_input(network: onnx.ModelProto) -> None:
    network.graph.input.append(onnx.helper.make_tensor_value_info("mask", onnx.TensorProto.FLOAT, ["n"]))


def half_input(network: onnx.ModelProto) -> None:
    network.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    network.graph.node.insert(0, onnx.helper.make_node("Cast", ["pixels"], ["float"], to=onnx.TensorProto.FLOAT))
    network.graph.node[1].input[0] = "float"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (rename_input, r"got input image tensor\(float\)"),
        (rename_output, r"and output features tensor\(float\)"),
        (other_width, r"\['n', 512\], got .* output embedding tensor\(float\) \['n', 256\]"),
        (second_input, r"got input pixels .*, mask tensor\(float\)"),
        (half_input, r"got input pixels tensor\(uint8\)"),
    ],
)
def test_a_network_of_others_is_refused(
    tmp_path: Path, change: Callable[[onnx.ModelProto], object], found: str
) -> None:
    with pytest.raises(BundleError, match=rf"not a network of Visual Byte: expected input pixels .*{found}"):
        Embedder(rebuilt(tmp_path, change))


@pytest.mark.parametrize("place", ["weights.bin", "../weights.bin", "absolute"])
def test_weights_in_another_file_are_not_read(tmp_path: Path, place: str) -> None:
    def move_out(network: onnx.ModelProto) -> None:
        tensor = next(tensor for tensor in network.graph.initializer if tensor.name == "projection")
        for folder in (tmp_path, tmp_path / "bundle"):
            folder.mkdir(exist_ok=True)
            (folder / "weights.bin").write_bytes(tensor.raw_data)
        location = str(tmp_path / "weights.bin") if place == "absolute" else place
        for key, value in (("location", location), ("offset", "0"), ("length", str(len(tensor.raw_data)))):
            entry = tensor.external_data.add()
            entry.key, entry.value = key, value
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        shutil.rmtree(tmp_path / "bundle")

    bundle = rebuilt(tmp_path, move_out)
    (tmp_path / "bundle" / "weights.bin").write_bytes((tmp_path / "weights.bin").read_bytes())
    with pytest.raises(BundleError, match=r"backbone\.onnx: ONNX Runtime .* cannot load it \(.*[Ee]xternal data"):
        Embedder(bundle)


def test_an_operator_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    def rename(network: onnx.ModelProto) -> None:
        network.graph.node[0].domain = "somebody.elses"
        network.opset_import.append(onnx.helper.make_opsetid("somebody.elses", 1))

    with pytest.raises(BundleError, match=r"cannot load it \(.*somebody\.elses:AveragePool.* is not a registered"):
        Embedder(rebuilt(tmp_path, rename))


def test_a_network_of_two_gibibytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    bundle = write_pixel_bundle(tmp_path / "pixels", [ClassName("apple", "apple")])
    os.truncate(bundle.onnx_path, 2**31)
    with pytest.raises(BundleError, match=r"backbone\.onnx: 2\.0 GiB, expected under 2"):
        Embedder(bundle.path)


def test_more_threads_than_cores_are_not_started_and_told(
    convnext_bundle: Bundle, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(embedder_module, "this_processor", lambda: Processor(1, frozenset({"avx2"})))
    one = Embedder(convnext_bundle, threads=4)
    assert one._session.get_session_options().intra_op_num_threads == 1
    assert [record.message for record in caplog.records] == [
        "threads: 4 asked for, this process may use 1 of the machine's cores"
    ]


def test_a_processor_without_avx2_is_told(
    convnext_bundle: Bundle, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(embedder_module, "this_processor", lambda: Processor(1, frozenset({"sse4_2"})))
    Embedder(convnext_bundle, threads=1)
    assert "no AVX2" in caplog.text


def test_the_processor_is_read_from_the_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nflags\t\t: fpu sse4_2 avx avx2\n\nprocessor\t: 1\n")
    monkeypatch.setattr(processor_module, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(processor_module.platform, "machine", lambda: "x86_64")
    old = this_processor()
    assert old.cores == len(os.sched_getaffinity(0)) and old.flags == {"fpu", "sse4_2", "avx", "avx2"}
    assert old.saturates and not old.lacks_avx2
    assert not Processor(1, frozenset({"avx2", "avx_vnni"})).saturates
    monkeypatch.setattr(processor_module.platform, "machine", lambda: "aarch64")
    assert this_processor().flags is None and not this_processor().saturates and not this_processor().lacks_avx2


def test_half_a_gigabyte_suffices(convnext_bundle: Bundle) -> None:
    program = f"""
import resource
resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))
import numpy as np
from visual_byte_core.embedding.embedder import Embedder
print(Embedder({str(convnext_bundle.path)!r}, threads=2).embed_photo(np.zeros((480, 640, 3), np.uint8)).shape)
"""
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "2"}  # each reserves address space
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert (done.stdout, done.returncode) == ("(512,)\n", 0), done.stderr


def test_a_query_asked_before_is_not_computed_again(convnext_bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = Embedder(convnext_bundle, threads=1)
    first, other = embedder.embed_text("mug"), embedder.embed_text("lamp")
    np.testing.assert_array_equal(first, embedder.embed(render_text("mug", SIZE)[None])[0])
    assert not np.array_equal(first, other) and not first.flags.writeable
    computed: list[int] = []
    monkeypatch.setattr(embedder, "embed", lambda images: computed.append(len(images)) or np.zeros((1, 512), "f4"))
    np.testing.assert_array_equal(embedder.embed_text("mug"), first)
    assert computed == []
    for number in range(QUERIES_KEPT - 1):
        embedder.embed_text(f"name {number}")
    embedder.embed_text("mug")  # used since, so kept
    assert len(computed) == QUERIES_KEPT - 1 and len(embedder._queries) == QUERIES_KEPT
    embedder.embed_text("lamp")
    assert len(computed) == QUERIES_KEPT and len(embedder._queries) == QUERIES_KEPT


def test_a_photo_is_embedded_with_its_middle_if_the_bundle_says_so(convnext_bundle: Bundle) -> None:
    renderer = convnext_bundle.renderer
    with_middle = replace(convnext_bundle, renderer=replace(renderer, photo=replace(renderer.photo, middle=0.7)))
    alone, both = Embedder(convnext_bundle, threads=1), Embedder(with_middle, threads=1)
    photos = np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 3), np.uint8)
    expected = sum(np.split(alone.embed(with_middles(photos, 0.7)), 2))
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(both.embed_photos(photos), expected, atol=2e-3)
    np.testing.assert_allclose(both.embed_photo(photos[0]), expected[0], atol=2e-3)
    np.testing.assert_allclose(both.embed_query(photos[0], "image"), expected[0], atol=2e-3)
    np.testing.assert_array_equal(both.embed_query(photos[0], "text"), alone.embed(photos[:1])[0])
    np.testing.assert_allclose(both.add_middles(photos, alone.embed(photos)), expected, atol=2e-3)
    for none in (both.embed_photos(photos[:0]), both.add_middles(photos[:0], alone.embed(photos[:0]))):
        assert none.shape == (0, 512)
    np.testing.assert_array_equal(alone.embed_photos(photos), alone.embed(photos))
    np.testing.assert_array_equal(alone.add_middles(photos, expected), expected)


def test_another_middle_is_another_renderer_and_none_is_that_of_old_bundles() -> None:
    assert RendererSettings(photo=PhotoSettings(middle=0.7)).digest() != RendererSettings().digest()
    assert RendererSettings(size=64).digest() == "5396ba7c3bd29d7b"
