# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Words become textures: stable everywhere, near for near words, in any script."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import cv2
import numpy as np
import pytest

from visual_byte_core.errors import InvalidText
from visual_byte_core.rendering.hash_texture import PATTERNS, Digest, hash_texture, perturb_texture
from visual_byte_core.rendering.settings import RendererSettings, SpeechSettings, TextSettings
from visual_byte_core.rendering.smooth_texture import wave_weights
from visual_byte_core.rendering.text import MAX_CHARACTERS, canonical_words, render_text
from visual_byte_testing.paths import GOLDEN, ROOT

HASH, SMOOTH = TextSettings(renderer="hash"), TextSettings(renderer="smooth")
# One word for each family of patterns.
WORDS_OF_PATTERNS = {name: next(w for w in map(str, range(1000)) if Digest(w).integer(len(PATTERNS)) == i)
                     for i, name in enumerate(PATTERNS)}  # fmt: skip


@pytest.mark.parametrize("renderer", ["hash", "smooth"])
def test_text_agrees_with_its_golden_image(renderer: str) -> None:
    rendered = render_text("oat milk", 96, TextSettings(renderer=renderer))
    golden = cv2.imread(str(GOLDEN / f"text_{renderer}_96.png"))[:, :, ::-1]
    # Whole numbers make `hash`; a cosine may round the other way on another processor.
    assert np.abs(rendered.astype(int) - golden).max() <= (0 if renderer == "hash" else 1)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_family_of_patterns_shows_two_colours_and_repeats(pattern: str) -> None:
    texture = hash_texture(WORDS_OF_PATTERNS[pattern], 80)
    colours, counts = np.unique(texture.reshape(-1, 3), axis=0, return_counts=True)
    assert len(colours) == 2 and counts.min() > 80 * 80 * 0.04
    assert np.abs(colours[0].astype(int) - colours[1]).sum() >= 128
    assert (texture == hash_texture(WORDS_OF_PATTERNS[pattern], 80)).all()


def test_another_process_with_another_hash_seed_gives_the_same_bytes() -> None:
    program = (
        "import hashlib; from visual_byte_core.rendering.text import render_text;"
        "from visual_byte_core.rendering.settings import RendererSettings, SpeechSettings, TextSettings;"
        "print([hashlib.sha256(render_text('사과 mug', 64, TextSettings(renderer=r)).tobytes()).hexdigest()"
        " for r in ('hash', 'smooth')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    here = [hashlib.sha256(render_text("사과 mug", 64, s).tobytes()).hexdigest() for s in (HASH, SMOOTH)]
    assert done.stdout.strip() == str(here)


@pytest.mark.parametrize(
    ("near", "far"),
    [
        (("banana", "bananas"), ("banana", "kiwi")),
        (("oat milk", "oat mlik"), ("oat milk", "telephone")),
        (("고양이", "고양이들"), ("고양이", "자동차")),
        (("μήλο", "μήλα"), ("μήλο", "τραπέζι")),
    ],
)
def test_smooth_puts_near_words_near(near: tuple[str, str], far: tuple[str, str]) -> None:
    def cosine(pair: tuple[str, str]) -> float:
        a, b = (wave_weights(words, 256, (1, 2, 3)) for words in pair)
        return float(a @ b)

    assert cosine(near) > cosine(far) + 0.15


def test_hash_puts_near_words_anywhere() -> None:
    assert np.abs(hash_texture("banana", 64).astype(int) - hash_texture("bananas", 64)).mean() > 20


@pytest.mark.parametrize("kind", range(3))
def test_a_perturbed_texture_is_another_one_and_valid(kind: int) -> None:
    texture = hash_texture("mug", 48)
    seed = next(s for s in range(50) if np.random.default_rng(s).integers(3) == kind)
    changed = perturb_texture(texture, np.random.default_rng(seed))
    assert changed.shape == texture.shape and changed.dtype == np.uint8 and (changed != texture).any()


@pytest.mark.parametrize("words", ["🍌", "شاي", "חלב 3%", "a" * MAX_CHARACTERS, "Çilek", "ß", "한", "\u202eabc"])
@pytest.mark.parametrize("settings", [HASH, SMOOTH], ids=["hash", "smooth"])
def test_any_script_is_rendered(words: str, settings: TextSettings) -> None:
    rendered = render_text(words, 48, settings)
    assert rendered.shape == (48, 48, 3) and rendered.std() > 5


@pytest.mark.parametrize("words", ["", "   ", "\n\t", "\u200b\u202e"])
def test_nothing_to_render_is_refused(words: str) -> None:
    with pytest.raises(InvalidText, match="empty"):
        render_text(words, 48)


def test_ten_thousand_characters_are_refused() -> None:
    with pytest.raises(InvalidText, match="10000 characters"):
        render_text("x" * 10_000, 48)


def test_settings_that_came_later_leave_the_digests_of_older_bundles() -> None:
    assert RendererSettings().digest() == "21bcebc5d5e02483" and RendererSettings(64).digest() == "5396ba7c3bd29d7b"
    unused = TextSettings(sentence_model="another", sentence_dimension=0, sentence_share=1.0)
    assert RendererSettings(text=unused).digest() == RendererSettings().digest()
    spoken = SpeechSettings(whisper="another")
    assert RendererSettings(speech=spoken).digest() == RendererSettings().digest()


def test_settings_that_came_later_count_where_they_are_used() -> None:
    different = [
        RendererSettings(**parts)
        for parts in (
            {},
            {"text": TextSettings(renderer="semantic")},
            {"text": TextSettings(renderer="smooth+sentence")},
            {"text": TextSettings(renderer="smooth+sentence", sentence_share=0.4)},
            {"text": TextSettings(renderer="smooth+sentence", sentence_model="another")},
            {"text": TextSettings(renderer="smooth+sentence", sentence_dimension=0)},
            {"speech": SpeechSettings(method=1)},
            {"speech": SpeechSettings(method=1, whisper="another")},
        )
    ]
    assert len({settings.digest() for settings in different}) == len(different)
    assert [RendererSettings.from_dict(settings.to_dict()) for settings in different] == different


def test_case_width_and_blanks_make_no_difference() -> None:
    assert canonical_words("  Oat\tMILK\u200b ") == canonical_words("ｏａｔ milk") == "oat milk"
