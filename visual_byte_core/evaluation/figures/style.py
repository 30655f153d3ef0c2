# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What all figures share: colours that colour-blind readers tell apart, fonts for the names, PNG and SVG files.

The same data give the same files with the same matplotlib. SVGs hold letters as outlines, so that they look the same
where a font is missing.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib

from visual_byte_core.errors import DataError

matplotlib.use("Agg")
from matplotlib import font_manager, pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font

# Okabe and Ito's colours.
BLUE, ORANGE, GREEN, SKY, VERMILLION = "#0072B2", "#E69F00", "#009E73", "#56B4E9", "#D55E00"
PURPLE, BLACK, GREY = "#CC79A7", "#000000", "#808080"
CLASS_COLOURS = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, BLACK, GREY)  # their yellow is too pale on white
MODALITY_COLOURS = {"text": BLUE, "audio": VERMILLION, "image": GREEN}
RIGHT, WRONG = ("✓", GREEN), ("✗", VERMILLION)  # a mark says it where the colour does not
DPI = 200
FONTS = ("Noto Sans CJK KR", "Noto Sans KR", "NanumGothic", "Nanum Gothic", "UnDotum", "Malgun Gothic", "AppleGothic")


@contextmanager
def house_style(texts: Iterable[str] = ()) -> Iterator[None]:
    """Draw with fonts that have every letter of `texts`.

    Raises:
        DataError: none of this machine's fonts has them.
    """
    settings: Any = {
        "font.family": _fonts_for(texts),
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "grid.alpha": 0.3,
        "svg.hashsalt": "visual-byte",
        "figure.constrained_layout.use": True,
    }
    with pyplot.rc_context(settings):
        yield


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write `name`.png and `name`.svg, each whole or not at all, and close the figure. Raises OSError."""
    written = []
    try:
        for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
            path = folder / f"{name}.{kind}"
            temporary = path.with_name(f".{path.name}.{os.getpid()}")
            try:
                figure.savefig(temporary, dpi=DPI, format=kind, bbox_inches="tight", metadata=metadata)
                os.replace(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)
            written.append(path)
    finally:
        pyplot.close(figure)
    return written


def frame(axes: Axes, colour: str = BLACK, width: float = 1.0, style: Any = "-") -> None:
    """A coloured frame around a picture, without ticks."""
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=True, color=colour, linewidth=width, linestyle=style)


def judge(axes: Axes, right: bool, text: str, size: float) -> None:
    """Frame and title of an answer; right and wrong differ in colour, mark and line."""
    mark, colour = RIGHT if right else WRONG
    frame(axes, colour, 3.0, "-" if right else (0, (2, 1)))
    axes.set_title(f"{mark} {text}", fontsize=size, color=colour, pad=3)


def short(name: str, max_characters: int) -> str:
    """The name, or its beginning, as wide as that many Latin letters; a Korean one takes the room of two."""
    widths = [2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in name]
    if sum(widths) <= max_characters:
        return name
    kept = next(i for i in range(len(name)) if sum(widths[: i + 1]) > max_characters - 1)
    return name[:kept].rstrip() + "…"


def _fonts_for(texts: Iterable[str]) -> list[str]:
    wanted = {character for text in texts for character in text if not character.isspace()}
    fonts = ["DejaVu Sans"]
    missing = wanted - _letters(font_manager.findfont("DejaVu Sans"))
    if not missing:
        return fonts
    for name, paths in _installed_fonts().items():
        if name in FONTS and missing <= _letters(paths[0]):
            for path in paths:
                font_manager.fontManager.addfont(path)
            return [*fonts, name]
    raise DataError(
        f"no font here has the letters {''.join(sorted(missing))[:10]}; install one that does (Debian, Ubuntu: apt"
        " install fonts-nanum) or take --language en"
    )


def _installed_fonts() -> dict[str, list[str]]:
    """Files of each family, asked afresh: matplotlib's own list does not know a font that was just installed."""
    families: dict[str, list[str]] = {}
    for path in sorted(font_manager.findSystemFonts()):
        try:
            families.setdefault(FT2Font(path).family_name, []).append(path)
        except RuntimeError:  # a kind of font that FreeType cannot read
            continue
    return families


def _letters(path: str) -> set[str]:
    return {chr(code) for code in FT2Font(path).get_charmap()}
