# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Picture files as people and cameras leave them: longer than the picture, cut, turned, transparent."""

from __future__ import annotations

import io
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from visual_byte_core.data_files import PHOTO_SUFFIXES
from visual_byte_core.errors import InvalidImage
from visual_byte_core.messages.images import decompress
from visual_byte_core.rendering.jpeg import structure_of
from visual_byte_core.rendering.photo import decode_photo, read_photo


def scene(width: int = 96, height: int = 64) -> np.ndarray:
    """Another colour everywhere, so that nothing of it looks alike turned."""
    y, x = np.mgrid[:height, :width]
    rough = np.random.default_rng(0).integers(0, 40, (height, width, 3))
    return (np.dstack([2 * x, 3 * y, 200 - x - y]) + rough).clip(0, 255).astype(np.uint8)


def encoded(kind: str, picture: Image.Image | None = None, **options: object) -> bytes:
    file = io.BytesIO()
    (picture or Image.fromarray(scene())).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    "tail", [bytes(1), bytes(4096), b"MotionPhoto_Data\0\0\0\x18ftypmp42" + bytes(range(255)) * 80]
)
@pytest.mark.parametrize("progressive", [False, True])
def test_a_whole_jpeg_with_bytes_behind_it_is_read(tail: bytes, progressive: bool) -> None:
    jpeg = encoded("JPEG", progressive=progressive)
    whole = decode_photo(jpeg, "a")
    assert np.array_equal(decode_photo(jpeg + tail, "a"), whole)
    assert np.array_equal(decompress(SimpleNamespace(format="jpeg", data=jpeg + tail)), whole)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
@pytest.mark.parametrize("end", [b"", b"\xff\xd9", bytes(64) + b"\xff\xd9", b"\xff\xd8\xff\xd9"])
@pytest.mark.parametrize("kind", ["baseline", "progressive", "grey", "restarts", "cmyk"])
def test_a_jpeg_that_was_cut_is_refused_whatever_it_ends_with(share: float, end: bytes, kind: str) -> None:
    picture = Image.fromarray(scene()).convert({"grey": "L", "cmyk": "CMYK"}.get(kind, "RGB"))
    options = (
        {"progressive": True} if kind == "progressive" else {"restart_marker_rows": 1} if kind == "restarts" else {}
    )
    jpeg = encoded("JPEG", picture, **options)
    decode_photo(jpeg, "a")
    with pytest.raises(InvalidImage, match=r"a: (the JPEG|no picture)"):
        decode_photo(jpeg[: int(share * len(jpeg))] + end, "a")


def test_a_picture_whose_corner_is_as_grey_as_what_is_missing_is_read() -> None:
    grey = np.full((64, 96, 3), 128, np.uint8)
    assert (decode_photo(encoded("JPEG", Image.fromarray(grey)), "a") == 128).all()


def test_the_end_marker_of_a_thumbnail_is_not_that_of_the_picture() -> None:
    exif = Image.Exif()
    exif[0x010E] = "x" * 300 + "\xff\xd9"
    jpeg = encoded("JPEG", exif=exif)
    assert structure_of(jpeg).end == len(jpeg) and structure_of(jpeg[:-1]).end == 0


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "TIFF", "GIF", "JPEG2000", "PPM", "AVIF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_of_no_format_a_cut_file_is_a_picture(kind: str, share: float) -> None:
    content = encoded(kind)
    assert decode_photo(content, "a").shape == (64, 96, 3)
    with pytest.raises(InvalidImage, match="^a: "):
        decode_photo(content[: int(share * len(content))], "a")


TURNS = {
    1: lambda p: p, 2: lambda p: p[:, ::-1], 3: lambda p: p[::-1, ::-1], 4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1), 6: np.rot90, 7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
    8: lambda p: np.rot90(p, -1),
}  # fmt: skip


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_pictures_are_turned_as_their_orientation_says(orientation: int, kind: str) -> None:
    """A camera that was turned stores the scene turned the other way, and how to turn it back."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless = {"lossless": True} if kind == "WEBP" else {}
    stored = Image.fromarray(np.ascontiguousarray(TURNS[orientation](scene())))
    upright = decode_photo(encoded(kind, stored, exif=exif, **lossless), "a")
    assert upright.shape == (64, 96, 3)
    assert np.abs(upright.astype(int) - scene()).mean() < 12
    message = SimpleNamespace(format="jpeg", data=encoded("JPEG", stored, exif=exif))
    assert decompress(message).shape == (64, 96, 3)


def test_a_deep_tiff_is_turned_too() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    deep = Image.fromarray(np.ascontiguousarray(np.rot90(scene()[:, :, 0].astype(np.uint16) * 257)))
    upright = decode_photo(encoded("TIFF", deep, exif=exif), "a")
    assert np.array_equal(upright[:, :, 0], scene()[:, :, 0])


@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0" + bytes(range(256))])
def test_a_broken_exif_block_costs_the_turn_and_not_the_photo(exif: bytes) -> None:
    assert decode_photo(encoded("JPEG", exif=exif), "a").shape == (64, 96, 3)


def transparent() -> Image.Image:
    """The scene with a transparent upper half, whose hidden colours nobody sees."""
    alpha = np.full((64, 96), 255, np.uint8)
    alpha[:32] = 0
    return Image.fromarray(np.dstack([scene(), alpha]))


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("PNG", "RGBA"),
        ("PNG", "LA"),
        ("PNG", "P"),
        ("WEBP", "RGBA"),
        ("TIFF", "RGBA"),
        ("GIF", "RGBA"),
        ("AVIF", "RGBA"),
    ],
)
def test_what_is_transparent_is_white(kind: str, mode: str) -> None:
    picture = transparent().quantize(64) if mode == "P" else transparent().convert(mode)
    shown = decode_photo(encoded(kind, picture, **({"lossless": True} if kind == "WEBP" else {})), "a")
    assert (shown[:31] >= 250).all() and shown[34:].mean() < 200


def test_pictures_that_look_alike_are_read_alike() -> None:
    on_white = transparent()
    white = Image.new("RGBA", on_white.size, "white")
    flat = Image.alpha_composite(white, on_white).convert("RGB")
    assert np.array_equal(decode_photo(encoded("PNG", on_white), "a"), np.asarray(flat))
    half = np.asarray(transparent()).copy()
    half[:, :, 3] = 128
    mixed = np.asarray(Image.alpha_composite(white, Image.fromarray(half)).convert("RGB")).astype(int)
    assert np.abs(decode_photo(encoded("PNG", Image.fromarray(half)), "a") - mixed).max() <= 1


def test_grey_with_a_transparent_level_and_deep_colour_with_alpha() -> None:
    grey = Image.fromarray(scene()[:, :, 0])
    shown = decode_photo(encoded("PNG", grey, transparency=int(scene()[0, 0, 0])), "a")
    assert (shown[scene()[:, :, 0] == scene()[0, 0, 0]] == 255).all()
    deep = np.zeros((8, 8, 4), np.uint16)
    deep[:4, :, 3] = 65535
    shown = decode_photo(cv2.imencode(".png", deep)[1].tobytes(), "a")
    assert (shown[:4] == 0).all() and (shown[4:] == 255).all()


def test_every_suffix_of_the_list_can_be_read(tmp_path) -> None:
    kinds = {".jfif": "JPEG", ".jpe": "JPEG", ".tif": "TIFF", ".pbm": "PPM", ".pgm": "PPM", ".pnm": "PPM"}
    Image.init()
    for suffix in PHOTO_SUFFIXES:
        path = tmp_path / f"photo{suffix}"
        path.write_bytes(encoded(kinds.get(suffix) or Image.registered_extensions()[suffix]))
        assert read_photo(path).shape == (64, 96, 3), suffix


def test_nothing_of_a_decoder_reaches_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    jpeg = encoded("JPEG")
    for broken in (jpeg[: len(jpeg) // 2] + b"\xff\xd9", encoded("PPM")[:900], encoded("JPEG2000")[:500]):
        with pytest.raises(InvalidImage):
            decode_photo(broken, "a")
    written = capfd.readouterr().err
    assert "OpenCV" not in written and "ERROR" not in written
