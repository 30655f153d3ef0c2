# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Draw what training does to photos, spoken and typed names.

python tools/draw_augmentation.py --out docs/augmentation.png
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import matplotlib
import numpy as np
import torch

from visual_byte_core.rendering.photo import read_photo, render_photo
from visual_byte_core.rendering.speech import RATE, mono_at, read_sound, render_speech
from visual_byte_core.rendering.text import render_text
from visual_byte_core.training import photo_augment, sound_augment, text_augment

matplotlib.use("Agg")
from matplotlib import pyplot

ROOT = Path(__file__).resolve().parent.parent
SIZE, DRAWS = 96, 4
# Of a Hangul syllable in the Revised Romanization: first consonants, vowels, last consonants.
FIRST = ("g", "kk", "n", "d", "tt", "r", "m", "b", "pp", "s", "ss", "", "j", "jj", "ch", "k", "t", "p", "h")
VOWELS = ("a", "ae", "ya", "yae", "eo", "e", "yeo", "ye", "o", "wa", "wae", "oe", "yo", "u", "wo", "we", "wi", "yu",
          "eu", "ui", "i")  # fmt: skip
LAST = ("", "k", "k", "k", "n", "n", "n", "t", "l", "k", "m", "l", "l", "l", "p", "l", "m", "p", "p", "t", "t", "ng",
        "t", "t", "k", "t", "p", "t")  # fmt: skip
Row = tuple[str, Callable[[np.random.Generator], tuple[np.ndarray, str]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    rows = [*_photo_rows(), *_sound_rows(), *_text_rows()]
    half = (len(rows) + 1) // 2
    figure, axes = pyplot.subplots(half, 2 * DRAWS + 1, figsize=(11, 1.5 * half), layout="constrained")
    for axis in axes.flat:
        axis.axis("off")
    for number, (name, draw) in enumerate(rows):
        first = (DRAWS + 1) * (number // half)
        for column in range(DRAWS):
            image, caption = draw(np.random.default_rng([number, column]))
            axis = axes[number % half, first + column]
            axis.imshow(image)
            axis.set_title(name if column == 0 else "", fontsize=9, loc="left", weight="bold")
            axis.text(0.5, -0.04, caption, fontsize=7, ha="center", va="top", transform=axis.transAxes)
    figure.savefig(parser.parse_args().out, dpi=72)


def _photo_rows() -> list[Row]:
    photo = read_photo(sorted((ROOT / "examples" / "photos" / "lemon").iterdir())[0])
    small = render_photo(photo, SIZE)

    def row(name: str, change: Callable[[np.random.Generator], np.ndarray]) -> Row:
        return name, lambda generator: (change(generator), "")

    names = ("flip_and_colour", "any_change", "blur", "motion_blur", "low_light", "jpeg", "erase")
    return [
        row("photo_crop", lambda g: photo_augment.photo_crop(photo, SIZE, 0.12, g)),
        row("rotate", lambda g: render_photo(photo_augment.rotate(photo, SIZE, g), SIZE)),
        *[row(name, partial(getattr(photo_augment, name), small)) for name in names],
        row("reduce_resolution", lambda g: photo_augment.reduce_resolution(small, g)),
    ]


def _sound_rows() -> list[Row]:
    samples, rate = read_sound(ROOT / "test" / "data" / "banana.flac")
    sound = torch.from_numpy(mono_at(samples, rate, RATE))
    hiss = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, 3 * RATE).astype(np.float32))

    def heard(name: str, change: Callable[[np.random.Generator], torch.Tensor]) -> Row:
        return name, lambda generator: (render_speech(change(generator).numpy(), RATE, SIZE), "")

    def drawn(name: str) -> Row:
        change = getattr(sound_augment, name)
        picture = torch.from_numpy(render_speech(sound.numpy(), RATE, SIZE)[..., 0])
        return name, lambda generator: (np.repeat(change(picture, generator).numpy()[..., None], 3, axis=2), "")

    names = ("change_speed", "reverberate", "limit_band", "overdrive")
    return [
        heard("as spoken", lambda _: sound),
        *[heard(name, partial(getattr(sound_augment, name), sound)) for name in names],
        heard("add_noise", lambda g: sound_augment.add_noise(sound, hiss, g)),
        drawn("warp_time"),
        drawn("mask_spectrogram"),
    ]


def _text_rows() -> list[Row]:
    def row(name: str, change: Callable[[np.random.Generator], str]) -> Row:
        def draw(generator: np.random.Generator) -> tuple[np.ndarray, str]:
            words = change(generator)
            return render_text(words, SIZE), _romanized(words)

        return name, draw

    return [
        row("as typed", lambda _: "banana"),
        row("vary_words", lambda g: text_augment.vary_words("banana", g)),
        row("as typed in Korean", lambda _: "사과"),
        row("vary_words, Korean", lambda g: text_augment.vary_words("사과", g)),
        row("as_request", lambda g: text_augment.as_request("banana", g)),
        row("as_request, Korean", lambda g: text_augment.as_request("사과", g)),
    ]


def _romanized(words: str) -> str:
    """Hangul in Latin letters, for few machines have a font for it."""
    syllables = [divmod(ord(letter) - 0xAC00, 28) for letter in words]
    return "".join(
        FIRST[body // 21] + VOWELS[body % 21] + LAST[last] if 0 <= body < 19 * 21 else letter
        for letter, (body, last) in zip(words, syllables, strict=True)
    )


if __name__ == "__main__":
    main()
