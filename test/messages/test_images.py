# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Image messages: every encoding read to the same pixels, every contradiction refused with its reason."""

from __future__ import annotations

import array
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image

from visual_byte_core.errors import InvalidImage
from visual_byte_core.messages.images import to_rgb as convert_checked
from visual_byte_ros import image_messages

RGB = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [16, 128, 240]]], np.uint8)
GREY = np.array([[0, 51], [128, 255]], np.uint8)
GREY_RGB = np.repeat(GREY[:, :, None], 3, axis=2)
WAYS = [
    image_messages.convert_with_numpy,
    pytest.param(
        image_messages.convert_with_cv_bridge,
        marks=[
            pytest.mark.skipif(image_messages.CvBridge is None, reason="cv_bridge comes with ROS from apt only"),
            pytest.mark.unavailable_in_ci,
        ],
    ),
]


def message(pixels: np.ndarray, encoding: str, padding: int = 0, big_endian: bool = False) -> Image:
    rows = pixels.reshape(len(pixels), -1)
    if rows.dtype == np.uint16:
        rows = rows.astype(">u2" if big_endian else "<u2")
    data = b"".join(row.tobytes() + b"\xaa" * padding for row in rows)
    return Image(
        height=pixels.shape[0],
        width=pixels.shape[1],
        encoding=encoding,
        is_bigendian=big_endian,
        step=len(data) // len(pixels),
        data=array.array("B", data),
    )


def with_alpha(pixels: np.ndarray) -> np.ndarray:
    return np.dstack([pixels, np.full(pixels.shape[:2], 77, pixels.dtype)])


def wide(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.uint16) * 257


VECTORS = {
    "rgb8": (message(RGB, "rgb8"), RGB),
    "rgb8, rows padded": (message(RGB, "rgb8", padding=5), RGB),
    "bgr8": (message(RGB[:, :, ::-1], "bgr8"), RGB),
    "rgba8": (message(with_alpha(RGB), "rgba8"), RGB),
    "bgra8": (message(with_alpha(RGB[:, :, ::-1]), "bgra8"), RGB),
    "mono8": (message(GREY, "mono8"), GREY_RGB),
    "mono16": (message(wide(GREY), "mono16"), GREY_RGB),
    "mono16, big-endian": (message(wide(GREY), "mono16", big_endian=True), GREY_RGB),
    "mono16, rows padded": (message(wide(GREY), "mono16", padding=2), GREY_RGB),
    "rgb16": (message(wide(RGB), "rgb16"), RGB),
    "bgr16": (message(wide(RGB[:, :, ::-1]), "bgr16"), RGB),
    "rgba16": (message(wide(with_alpha(RGB)), "rgba16"), RGB),
    "bgra16": (message(wide(with_alpha(RGB[:, :, ::-1])), "bgra16"), RGB),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", VECTORS)
def test_encodings(way, name) -> None:
    sent, expected = VECTORS[name]
    image_messages.check(sent)
    np.testing.assert_array_equal(way(sent), expected)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_bayer_patterns_name_the_first_pixels(way, pattern) -> None:
    """A picture that is red all over lights the red sensor cells only."""
    mosaic = np.zeros((8, 8), np.uint8)
    row, column = divmod(pattern.index("r"), 2)
    mosaic[row::2, column::2] = 200
    np.testing.assert_array_equal(way(message(mosaic, f"bayer_{pattern}8"))[3, 3], [200, 0, 0])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("encoding", "luma"), [("yuv422", 1), ("yuv422_yuy2", 0), ("uyvy", 1), ("yuyv", 0)])
def test_yuv_is_grey_where_it_has_no_colour(way, encoding, luma) -> None:
    pixels = np.full((2, 4, 2), 128, np.uint8)
    pixels[:, :, luma] = 126
    rgb = way(message(pixels, encoding)).astype(int)
    assert np.ptp(rgb) == 0 and rgb[0, 0, 0] == pytest.approx((126 - 16) * 255 / 219, abs=1)


def changed(**fields) -> Image:
    altered = message(RGB, "rgb8")
    for name, value in fields.items():
        setattr(altered, name, value)
    return altered


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (changed(encoding="rgb9"), "encoding 'rgb9'"),
        (changed(encoding=""), "encoding ''"),
        (changed(encoding="32FC1"), "encoding '32FC1'"),
        (changed(height=0), "2x0"),
        (changed(width=0, step=0), "0x2"),
        (changed(step=5), "step is 5 bytes"),
        (changed(step=0), "step is 0 bytes"),
        (changed(step=7), "12 bytes of data"),
        (changed(height=3), "12 bytes of data"),
        (changed(data=array.array("B")), "0 bytes of data"),
        (changed(width=2**32 - 1, height=2**32 - 1), "4294967295x4294967295"),
        (message(np.zeros((2, 3, 2), np.uint8), "yuv422"), "yuv422"),
    ],
)
def test_contradictions_are_refused(bad, says) -> None:
    with pytest.raises(InvalidImage, match=says) as refused:
        image_messages.to_rgb(bad)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8"])
def test_round_trip(encoding) -> None:
    pixels = RGB if encoding == "rgb8" else cv2.cvtColor(RGB, cv2.COLOR_RGB2BGR)
    sent = image_messages.to_message(pixels, encoding)
    assert isinstance(sent.data, array.array) and sent.step == 6
    np.testing.assert_array_equal(image_messages.to_rgb(sent), RGB)


def test_a_picture_that_does_not_lie_in_one_piece() -> None:
    mirrored = RGB[:, ::-1]
    np.testing.assert_array_equal(image_messages.to_rgb(image_messages.to_message(mirrored)), mirrored)


def test_one_pixel() -> None:
    np.testing.assert_array_equal(image_messages.to_rgb(image_messages.to_message(RGB[:1, :1])), RGB[:1, :1])


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8"])
def test_a_compressed_message_has_the_same_colours(encoding: str) -> None:
    red = np.zeros((40, 60, 3), np.uint8)
    red[:, :, 0 if encoding == "rgb8" else 2] = 255
    message = image_messages.to_compressed_message(red, encoding, quality=95)
    assert message.format == f"{encoding}; jpeg compressed bgr8"
    rgb = image_messages.frame_to_rgb(message)
    assert rgb.shape == (40, 60, 3) and rgb[20, 30, 0] > 240 and rgb[20, 30, 1:].max() < 15
    larger = image_messages.to_compressed_message(
        np.random.default_rng(1).integers(0, 256, (40, 60, 3), np.uint8), quality=95
    )
    assert len(image_messages.to_compressed_message(image_messages.frame_to_rgb(larger), quality=10).data) < len(
        larger.data
    )


def jpeg(width: int = 8, height: int = 8) -> bytes:
    return cv2.imencode(".jpg", np.zeros((height, width, 3), np.uint8))[1].tobytes()


def of_another_size(data: bytes, width: int, height: int) -> bytes:
    """The JPEG with another size in its header."""
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + data[at + 4 :]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "0 bytes of format 'jpeg' are neither JPEG nor PNG"),
        (b"GIF89a", "6 bytes of format 'jpeg' are neither JPEG nor PNG"),
        (jpeg()[:-30], "ends before its end marker"),
        (b"\xff\xd8\xff\xd9", "no picture"),
        (of_another_size(jpeg(), 8000, 8000), "8000x8000 is over 33177600 pixels"),
        (of_another_size(jpeg(), 65535, 65535), "over 33177600 pixels"),
    ],
)
def test_a_compressed_message_that_is_no_picture(data: bytes, says: str) -> None:
    with pytest.raises(InvalidImage, match=says):
        image_messages.frame_to_rgb(CompressedImage(format="jpeg", data=data))


def planar(encoding: str, height: int = 8, width: int = 12, padding: int = 4) -> SimpleNamespace:
    """A picture of one colour, whose rows are longer than they must be."""
    rgb = np.full((height, width, 3), (200, 80, 40), np.uint8)
    y, u, v = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420)[0, 0], None, None
    planes = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420).reshape(-1)
    u, v = planes[height * width], planes[height * width * 5 // 4]
    chroma = np.empty((height // 2, width), np.uint8)
    chroma[:, 0::2], chroma[:, 1::2] = (u, v) if encoding == "nv12" else (v, u)
    rows = np.concatenate([np.full((height, width), y, np.uint8), chroma])
    rows = np.pad(rows, ((0, 0), (0, padding)))
    return SimpleNamespace(height=height, width=width, encoding=encoding, is_bigendian=0, step=width + padding,
                           data=rows.tobytes())  # fmt: skip


@pytest.mark.parametrize("encoding", ["nv12", "nv21"])
def test_colour_that_follows_the_brightness_is_read(encoding: str) -> None:
    image = convert_checked(planar(encoding))
    assert image.shape == (8, 12, 3) and np.abs(image.astype(int) - (200, 80, 40)).max() <= 4
    for wrong in ({"width": 11}, {"height": 7}):
        with pytest.raises(InvalidImage, match="shares colour among 2x2"):
            convert_checked(SimpleNamespace(**{**vars(planar(encoding)), **wrong}))
    with pytest.raises(InvalidImage, match="expected step 16 times 12 rows"):
        convert_checked(SimpleNamespace(**{**vars(planar(encoding)), "data": bytes(16 * 8)}))


def test_pixels_that_opencv_named_are_bgr_and_depth_is_refused_by_name() -> None:
    pixels = np.tile(np.array([40, 80, 200], np.uint8), (2, 2, 1))
    message = SimpleNamespace(height=2, width=2, encoding="8UC3", is_bigendian=0, step=6, data=pixels.tobytes())
    assert (convert_checked(message) == (200, 80, 40)).all()
    for encoding in ("16UC1", "32FC1", "bayer_rggb16", "h264"):
        message.encoding = encoding
        with pytest.raises(InvalidImage, match=f"encoding '{encoding}' is not known; publish one of rgb8"):
            convert_checked(message)
