# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Photos that are there already, also when they were scaled, compressed or lightly retouched since."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

NEAR = 8  # of 64 bits: scaling and JPEG change up to 4, and photos of different things differ in 10 and more


def perceptual_hash(image: Image) -> int:
    """64 bits: the signs of the lowest frequencies of the grey picture against their median (imagehash's pHash)."""
    import imagehash

    return int(str(imagehash.phash(image)), 16)


def hash_of_file(path: Path) -> int | None:
    """The hash of a photo; None if it is no picture."""
    import PIL.Image

    try:
        with PIL.Image.open(path) as image:
            return perceptual_hash(image)
    except (OSError, SyntaxError, PIL.Image.DecompressionBombError):  # SyntaxError: Pillow's word for a broken PNG
        return None


class SeenPhotos:
    """Hashes of photos; `near` finds one that shows the same."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}

    def add(self, photo: int | None, name: str) -> None:
        """Take in a photo's hash, which `near` may then find; None, of a photo without one, is passed over."""
        if photo is not None:
            self._names.setdefault(photo, name)

    def near(self, photo: int) -> str | None:
        """The name of a photo whose hash differs in at most NEAR bits."""
        return next((name for seen, name in self._names.items() if (seen ^ photo).bit_count() <= NEAR), None)
