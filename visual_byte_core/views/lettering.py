# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Words in pictures for people: in whatever script a font of the machine has, else as code points.

OpenCV's own font is ASCII only. Pillow brings a font with Latin letters; for Hangul one of the fonts below is used
where it is installed (`apt install fonts-nanum`). None comes with this package.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from pathlib import Path

from PIL import ImageDraw, ImageFont

FONTS = (  # of the Debian packages fonts-nanum, fonts-noto-cjk, fonts-unfonts-core, fonts-baekmuk, fonts-droid-fallback
    "/usr/share/fonts/truetype/nanum/NanumGothic.ttf",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/unfonts-core/UnDotum.ttf",
    "/usr/share/fonts/truetype/baekmuk/dotum.ttf",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
)
NO_CHARACTER = "\U0010ffff"
MAX_CHARACTERS = 300  # that are looked at; no line of a picture holds more
ELLIPSIS = "..."

Colour = tuple[int, int, int]


class Lettering:
    """Writes with one font.

    Args:
        font: path of a font file; "" for Pillow's own, None for the first of FONTS that is there.
    """

    def __init__(self, font: str | None = None) -> None:
        self._path = next((path for path in FONTS if Path(path).is_file()), "") if font is None else font

    def write(self, draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, colour: Colour) -> None:
        """One line, `at` its upper left corner; size: pixels of the letters' height."""
        draw.text(at, text, fill=colour, font=_font(self._path, size))

    def width(self, text: str, size: int) -> int:
        """In pixels."""
        return round(_font(self._path, size).getlength(text))

    def line(self, text: str, size: int, width: int) -> str:
        """The text as one line of at most `width` pixels, cut off with dots if it is longer."""
        text = self._readable(text)
        if self.width(text, size) <= width:
            return text
        short, long = 0, len(text)  # the longest beginning that fits lies in [short, long)
        while long - short > 1:
            middle = (short + long) // 2
            short, long = (middle, long) if self.width(text[:middle] + ELLIPSIS, size) <= width else (short, middle)
        return text[:short].rstrip() + ELLIPSIS

    def lines(self, text: str, size: int, width: int, max_lines: int) -> list[str]:
        """The text in at most `max_lines` lines, broken between words; the last is cut off if there is more."""
        words = self._readable(text).split()
        found: list[str] = []
        while words and len(found) < max_lines - 1:
            taken = 1
            while taken < len(words) and self.width(" ".join(words[: taken + 1]), size) <= width:
                taken += 1
            found.append(self.line(" ".join(words[:taken]), size, width))
            words = words[taken:]
        return [*found, self.line(" ".join(words), size, width)] if words else found

    def _readable(self, text: str) -> str:
        composed = unicodedata.normalize("NFC", text[:MAX_CHARACTERS])
        pieces = [self._character(character) for character in composed]
        return " ".join("".join(pieces).split()) + (ELLIPSIS if len(text) > MAX_CHARACTERS else "")

    def _character(self, character: str) -> str:
        if character.isspace() or unicodedata.category(character).startswith("C"):
            return " "
        return character if _has(self._path, character) else f" U+{ord(character):04X} "


@lru_cache(maxsize=32)
def _font(path: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.truetype(path, size) if path else ImageFont.load_default(size)


@lru_cache(maxsize=4096)
def _has(path: str, character: str) -> bool:
    """A character that a font lacks is drawn as the font's own sign for that."""
    mask, missing = (_font(path, 16).getmask(one) for one in (character, NO_CHARACTER))
    return bool(mask.size != missing.size or bytes(mask) != bytes(missing))
