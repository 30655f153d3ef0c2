# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The file of camera_calibration: read as it is, and refused with the name of what is wrong in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from visual_byte_core.capture.lens_calibration import read_lens_calibration
from visual_byte_core.errors import ConfigurationError
from visual_byte_testing.lens import CALIBRATION


def test_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "eye.yaml"
    path.write_text(CALIBRATION)
    calibration = read_lens_calibration(str(path))
    assert calibration == read_lens_calibration(f"file://{path}")
    assert (calibration.width, calibration.height, calibration.distortion_model) == (64, 48, "plumb_bob")
    assert calibration.d == (0.1, -0.2, 0.001, 0.002, 0.0) and calibration.k[:3] == (50.5, 0.0, 32.0)
    assert len(calibration.r) == 9 and calibration.p[5] == 50.0


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        (CALIBRATION, "a: [", "no YAML"),
        (CALIBRATION, "- 1", "the file: expected names and values"),
        (CALIBRATION, "!!python/object/apply:os.getcwd []", "no YAML"),
        ("plumb_bob", "fisheye", "distortion_model: expected one of plumb_bob"),
        ("image_width: 64", "image_width: wide", "image_width: expected a number of pixels, got wide"),
        ("image_width: 64", "image_width: 0", "image_width: expected a number of pixels, got 0"),
        ("50.5", "0.0", "camera_matrix: expected focal lengths over 0"),
        ("50.5", "'x'", "camera_matrix: expected `data` with 9 numbers"),
        ("50.5", ".nan", "camera_matrix: expected `data` with 9 numbers"),
        (", 0.002, 0.0]", "]", "distortion_coefficients: expected `data` with 5 numbers"),
        ("projection_matrix", "p", "projection_matrix: expected `data` with 12 numbers, got None"),
        (CALIBRATION, CALIBRATION + "#" * 100_000, "over 100000 bytes"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, was: str, becomes: str, says: str) -> None:
    path = tmp_path / "eye.yaml"
    path.write_text(CALIBRATION.replace(was, becomes))
    with pytest.raises(ConfigurationError, match=says) as raised:
        read_lens_calibration(str(path))
    assert str(path) in str(raised.value)


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read .No such file.*check camera_info_url"):
        read_lens_calibration(str(tmp_path / "eye.yaml"))
    for url in ("package://robot/eye.yaml", "file://eye.yaml"):
        with pytest.raises(ConfigurationError, match="expected the path of a file"):
            read_lens_calibration(url)
