# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Picture files as they are meant to be looked at: whole, upright, and on white where they are transparent.

On white, because pages and catalogues show them so, and pictures that look alike are to be embedded alike.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from visual_byte_core.errors import InvalidImage
from visual_byte_core.log import quiet_libraries
from visual_byte_core.rendering.jpeg import MISSING, SOI, structure_of, with_more_data

ORIENTATION = 0x0112
EIGHT_BIT = ("1", "CMYK", "L", "LA", "P", "PA", "RGB", "RGBA")  # as Pillow names pixels of 8 bits and fewer
# OpenCV reads AVIF and GIF not at all, or not in every version that a robot may have; a damaged JPEG 2000 ends it.
BY_PILLOW = ("AVIF", "GIF", "JPEG2000")
AS_STORED = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
# What Pillow raises of a header, an EXIF block or data that are none.
BROKEN = (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, KeyError, IndexError, TypeError,
          OverflowError, ZeroDivisionError, MemoryError, RuntimeError, NotImplementedError)  # fmt: skip


# What decoders say of a broken file is said by our errors, with its name.
warnings.filterwarnings("ignore", module=r"PIL\.")
if hasattr(cv2, "setLogLevel"):
    cv2.setLogLevel(0)


@dataclass(frozen=True)
class _Header:
    """orientation: 1 to 8 as EXIF numbers them. by_pillow: OpenCV would lose its transparency, or cannot read it."""

    orientation: int
    by_pillow: bool


def decode_picture(data: bytes, name: str, max_pixels: int) -> np.ndarray:
    """Decode a file's content; `name` is for the message only.

    Returns:
        uint8, uint16 or float32 (height, width) or (height, width, 3), BGR; turned as its EXIF orientation says, on
        white where it is transparent. Of several pictures in a file the first.

    Raises:
        InvalidImage: no bytes, cut, no picture, or one whose header says that it has over `max_pixels`.
    """
    if not data:
        raise InvalidImage(f"{name}: 0 bytes, expected a JPEG or PNG; copy the file again")
    is_jpeg = data.startswith(SOI)
    if is_jpeg:
        data, in_doubt = _whole_jpeg(data, name)
    header = _read_header(data, name, max_pixels)
    if header.by_pillow:
        return _on_white(_by_pillow(data, name))
    image = _by_opencv(data, name)
    if is_jpeg and (in_doubt or _ends_grey(image)):
        _check_coded_data(data, image, name)
    return _upright(_on_white(image), header.orientation)


def _whole_jpeg(data: bytes, name: str) -> tuple[bytes, bool]:
    """The picture without what lies behind it, and whether its coded data may end early. Raises InvalidImage."""
    structure = structure_of(data)
    if not structure.end:
        raise InvalidImage(f"{name}: the JPEG ends before its end marker; copy the file again")
    if structure.components and not structure.has_all_scans:
        raise InvalidImage(f"{name}: the JPEG lacks some of its scans; copy the file again")
    # Of other than grey and colour pictures it is not known what a decoder makes of nothing.
    return data[: structure.end], structure.progressive or len(structure.components) not in (1, 3)


def _ends_grey(image: np.ndarray) -> bool:
    """Whether the last pixel has the grey that a decoder gives to what is missing."""
    return bool((image[-1, -1] == MISSING).all())


def _check_coded_data(data: bytes, image: np.ndarray, name: str) -> None:
    """With more data before its end marker a whole picture stays the same; one that was cut shows them."""
    if not np.array_equal(_by_opencv(with_more_data(data, len(data)), name), image):
        raise InvalidImage(f"{name}: the JPEG has an end marker, but not all of its picture; copy the file again")


def _read_header(data: bytes, name: str, max_pixels: int) -> _Header:
    """Refuse by its header, before memory is taken for its pixels, a picture that is too large."""
    try:
        with Image.open(io.BytesIO(data)) as header:
            width, height = header.size
            kind, mode, transparent = header.format, header.mode, "transparency" in header.info
            orientation = _orientation(header)
    except Image.DecompressionBombError as error:
        raise InvalidImage(f"{name}: is over {max_pixels} pixels; scale it down") from error
    except BROKEN as error:
        raise InvalidImage(f"{name}: no picture that OpenCV can decode; convert it to JPEG or PNG") from error
    if width * height > max_pixels:
        raise InvalidImage(f"{name}: {width}x{height} is over {max_pixels} pixels; scale it down")
    if kind == "TIFF":  # OpenCV turns it in spite of its flag, and mixes its colours with black where it has alpha
        return _Header(1, mode in EIGHT_BIT)
    return _Header(orientation, kind in BY_PILLOW or (transparent and mode in ("1", "L")))


def _orientation(header: Image.Image) -> int:
    try:
        found = header.getexif().get(ORIENTATION, 1)
    except BROKEN:
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _by_opencv(data: bytes, name: str) -> np.ndarray:
    try:
        with quiet_libraries():
            image = cv2.imdecode(np.frombuffer(data, np.uint8), AS_STORED)
    except cv2.error as error:
        raise InvalidImage(f"{name}: OpenCV cannot decode it ({error.err}); convert it to JPEG or PNG") from error
    if image is None or image.ndim not in (2, 3) or image.size == 0:
        raise InvalidImage(f"{name}: no picture that OpenCV can decode; convert it to JPEG or PNG")
    return image


def _by_pillow(data: bytes, name: str) -> np.ndarray:
    """Upright already."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            rgba = np.asarray(ImageOps.exif_transpose(picture).convert("RGBA"))
    except BROKEN as error:
        raise InvalidImage(f"{name}: cannot be decoded; copy the file again, or convert it to JPEG or PNG") from error
    return cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA)


def _on_white(image: np.ndarray) -> np.ndarray:
    """Without its alpha channel: (h, w, 2 or 4) -> (h, w) or (h, w, 3)."""
    if image.ndim != 3 or image.shape[2] not in (2, 4):
        return image
    colour, alpha = image[:, :, :-1], image[:, :, -1:]
    full = np.iinfo(image.dtype).max if image.dtype.kind == "u" else 1.0
    if (alpha == full).all():
        mixed = colour
    elif image.dtype.kind == "u":
        wide, share = colour.astype(np.uint64), alpha.astype(np.uint64)
        mixed = ((wide * share + full * (full - share) + full // 2) // full).astype(image.dtype)
    else:
        mixed = colour * alpha + (1 - alpha)
    return np.ascontiguousarray(mixed[:, :, 0] if mixed.shape[2] == 1 else mixed)


def _upright(image: np.ndarray, orientation: int) -> np.ndarray:
    """Turn and mirror as EXIF says: 1 is upright, 3 upside down, 6 to be turned to the right, 8 to the left."""
    turned = np.swapaxes(image, 0, 1) if orientation >= 5 else image
    if orientation in (2, 3, 6, 7):
        turned = turned[:, ::-1]
    if orientation in (3, 4, 7, 8):
        turned = turned[::-1]
    return np.ascontiguousarray(turned)
