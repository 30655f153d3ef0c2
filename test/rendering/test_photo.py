# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Photos of every kind become one square image, or are refused by name."""

from __future__ import annotations

import base64
from pathlib import Path

import cv2
import numpy as np
import pytest

from visual_byte_core.errors import ConfigurationError, InvalidImage
from visual_byte_core.rendering.normalize import MEAN, STD, normalize
from visual_byte_core.rendering.photo import decode_photo, read_photo, render_photo, with_middles
from visual_byte_core.rendering.settings import PhotoSettings
from visual_byte_testing.paths import GOLDEN, ROOT

PHOTO = sorted((ROOT / "examples" / "photos" / "banana").glob("*.jpg"))[0]


def test_photo_agrees_with_its_golden_image() -> None:
    rendered = render_photo(read_photo(PHOTO), 96)
    golden = cv2.imread(str(GOLDEN / "photo_96.png"))[:, :, ::-1]
    # libjpeg may differ by a level between builds of OpenCV.
    assert np.abs(rendered.astype(int) - golden).max() <= 3


def test_bgr_and_rgb_give_the_same_picture() -> None:
    image = read_photo(PHOTO)
    assert (render_photo(image, 64) == render_photo(image[:, :, ::-1], 64, channel_order="bgr")).all()


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 200, 3), (33, 47), (20, 30, 1), (20, 30, 4), (900, 10, 3)])
@pytest.mark.parametrize("fit", ["crop", "letterbox"])
def test_any_shape_becomes_square(shape: tuple[int, ...], fit: str) -> None:
    image = np.full(shape, 200, np.uint8)
    rendered = render_photo(image, 48, PhotoSettings(fit))
    assert rendered.shape == (48, 48, 3) and rendered.dtype == np.uint8
    assert (rendered == 200).all(axis=2).any() and rendered.max() == 200


def test_crop_takes_the_centre_and_letterbox_keeps_the_ends() -> None:
    image = np.zeros((40, 120, 3), np.uint8)
    image[:, 40:80] = 255
    assert (render_photo(image, 40) == 255).all()
    boxed = render_photo(image, 120, PhotoSettings("letterbox"))
    assert (boxed[:40] == 0).all() and (boxed[60, 60] == 255).all() and (boxed[60, 5] == 0).all()


def test_a_large_frame_is_reduced_by_halves_first_and_looks_the_same() -> None:
    frame = cv2.resize(read_photo(PHOTO), (640, 480), interpolation=cv2.INTER_CUBIC)
    at_once = cv2.resize(np.ascontiguousarray(frame[:, 80:560]), (64, 64), interpolation=cv2.INTER_AREA)
    difference = np.abs(render_photo(frame, 64).astype(int) - at_once)
    assert difference.mean() < 1 and difference.max() <= 12


def test_the_middle_is_enlarged_and_mirrored() -> None:
    image = np.zeros((1, 64, 64, 3), np.uint8)
    image[:, 16:48, 16:32] = 255  # the left half of the middle
    whole, middle = with_middles(image, 0.5)
    np.testing.assert_array_equal(whole, image[0])
    assert middle.shape == whole.shape and middle.dtype == np.uint8
    assert (middle[:, 40:] == 255).all() and (middle[:, :24] == 0).all()
    np.testing.assert_array_equal(with_middles(image, 1.0)[1:], image[:, :, ::-1])


@pytest.mark.parametrize("share", [-0.1, 0.2, 1.1])
def test_a_middle_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ConfigurationError, match="photo.middle must be 0 or 0.3 to 1"):
        PhotoSettings(middle=share)


def test_sixteen_bits_and_floats_are_scaled_to_eight() -> None:
    assert (render_photo(np.full((8, 8, 3), 65535, np.uint16), 32) == 255).all()
    assert (render_photo(np.full((8, 8), 32896, np.uint16), 32) == 128).all()
    assert (render_photo(np.full((8, 8, 3), 0.5, np.float32), 32) == 128).all()


def test_sixteen_bit_and_four_channel_files_are_read(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "deep.png"), np.full((10, 12), 40000, np.uint16))
    cv2.imwrite(str(tmp_path / "alpha.png"), np.dstack([np.full((10, 12), v, np.uint8) for v in (10, 20, 30, 255)]))
    assert (read_photo(tmp_path / "deep.png") == 156).all()
    assert (read_photo(tmp_path / "alpha.png") == (30, 20, 10)).all()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "0 bytes"),
        (PHOTO.read_bytes()[:5000], "ends before its end marker"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "cannot|can decode"),
        (b"not a picture at all", "can decode"),
    ],
    ids=["empty", "truncated", "broken PNG", "text"],
)
def test_broken_file_is_refused_by_name(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "broken.jpg"
    path.write_bytes(content)
    with pytest.raises(InvalidImage, match=f"broken.jpg.*({reason})"):
        read_photo(path)


def test_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidImage, match="nothing.jpg"):
        read_photo(tmp_path / "nothing.jpg")


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((5, 5, 2), np.uint8),
        np.zeros((5,), np.uint8),
        np.zeros((5, 5, 3), np.int64),
        np.full((5, 5, 3), np.nan, np.float32),
    ],
    ids=["empty", "two channels", "one dimension", "int64", "NaN"],
)
def test_what_is_no_picture_is_refused(image: np.ndarray) -> None:
    with pytest.raises(InvalidImage):
        render_photo(image, 32)


def test_a_header_that_claims_a_huge_picture_is_refused() -> None:
    huge = np.lib.stride_tricks.as_strided(np.zeros(1, np.uint8), (200_000, 200_000), (0, 0))
    with pytest.raises(InvalidImage, match="scale it down"):
        render_photo(huge, 32)


def test_normalize_is_the_formula() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3), np.uint8)
    expected = ((images / 255 - MEAN) / STD).transpose(0, 3, 1, 2)
    normalized = normalize(images)
    assert normalized.dtype == np.float32 and normalized.flags["C_CONTIGUOUS"]
    np.testing.assert_allclose(normalized, expected, atol=1e-5)


def test_decoding_bytes_is_reading_the_file() -> None:
    assert (decode_photo(PHOTO.read_bytes(), "x") == read_photo(PHOTO)).all()


def test_a_damaged_jpeg_2000_that_ends_opencv_is_refused() -> None:
    content = base64.b64decode(
        "AAAADGpQICANCocKAAAAFGZ0eXBqcDIgAAAAAGpwMiAAAAAtanAyaAAAABZpaGRyAAAAQAAAAGAAAwcHAAAAAAAPY29scgEAAAAA"
        "ABAAADaWanAyY/9P/1EALwAAAAAAYAAAAEAAAAAAAAAAAAAAAGAAAABAAAAAAAAAAAAAAwcBAQcBAQcBAf9SAAwAAAABAAUEBAAB"
        "/1wAE0BASEhQSEhQSEhQSEhQSEhQ/2QAJQABQ3JlYXRlZCBieSBPcGVuSlBFRyB2ZXJzaW9uIDKqs9hclsS94gAAAAA2DwAB/5PP"
        "tBwH1wwTfRGLz7QcB6XQ4PNB38+0HAYnc6xC7J/H2g0faDz8wgAR1ZLyBesNItszYsXqET9Z7rN7t1vH2g8faDx+AQAR1YBuOK2f"
        "EmO7iXOkfxEdfyyI5BhAwfOFh9QPD7QcBB7+lzMLKZNN3B0XESJmX7FK5GZfsUrk"
    )
    with pytest.raises(InvalidImage, match="convert it to JPEG or PNG"):
        decode_photo(content, "damaged.jp2")
