# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The calibration of a camera, from the YAML file that camera_calibration writes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from visual_byte_core.errors import ConfigurationError

MAX_BYTES = 100_000
# What image_geometry knows, and how many coefficients each takes.
DISTORTION_MODELS = {"plumb_bob": (5,), "rational_polynomial": (8, 12, 14), "equidistant": (4,)}


@dataclass(frozen=True)
class LensCalibration:
    """As in sensor_msgs/CameraInfo.

    Attributes:
        width: in pixels, at which the camera was calibrated.
        height: likewise.
        distortion_model: by its name in sensor_msgs/distortion_models.
        d: distortion coefficients.
        k: 3x3 matrix by rows.
        r: 3x3 matrix by rows.
        p: 3x4 matrix by rows.
    """

    width: int
    height: int
    distortion_model: str
    d: tuple[float, ...]
    k: tuple[float, ...]
    r: tuple[float, ...]
    p: tuple[float, ...]


def read_lens_calibration(url: str) -> LensCalibration:
    """Read a file of camera_calibration.

    Args:
        url: its path, or file:///path.

    Raises:
        ConfigurationError: not there, not YAML, or a value missing or of the wrong size.
    """
    path = Path(url.removeprefix("file://"))
    if "://" in str(url.removeprefix("file://")) or (url.startswith("file://") and not path.is_absolute()):
        raise ConfigurationError(f"camera_info_url {url!r}: expected the path of a file, or file:///path")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigurationError(f"{path}: over {MAX_BYTES} bytes; expected the YAML of camera_calibration")
        values = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror}); check camera_info_url") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: no YAML; expected the file that camera_calibration writes") from error
    return _Reading(path, values).calibration()


class _Reading:
    def __init__(self, path: Path, values: Any) -> None:
        self._path, self._values = path, values

    def calibration(self) -> LensCalibration:
        if not isinstance(self._values, dict):
            raise self._wrong("the file", "names and values, as camera_calibration writes them", self._values)
        model = self._values.get("distortion_model")
        if not isinstance(model, str) or model not in DISTORTION_MODELS:
            raise self._wrong("distortion_model", f"one of {', '.join(DISTORTION_MODELS)}", model)
        calibration = LensCalibration(
            width=self._pixels("image_width"),
            height=self._pixels("image_height"),
            distortion_model=model,
            d=self._numbers("distortion_coefficients", DISTORTION_MODELS[model]),
            k=self._numbers("camera_matrix", (9,)),
            r=self._numbers("rectification_matrix", (9,)),
            p=self._numbers("projection_matrix", (12,)),
        )
        if calibration.k[0] <= 0 or calibration.k[4] <= 0:
            raise self._wrong("camera_matrix", "focal lengths over 0", list(calibration.k))
        return calibration

    def _pixels(self, name: str) -> int:
        value = self._values.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= 100_000:
            raise self._wrong(name, "a number of pixels", value)
        return value

    def _numbers(self, name: str, lengths: tuple[int, ...]) -> tuple[float, ...]:
        matrix = self._values.get(name)
        data = matrix.get("data") if isinstance(matrix, dict) else None
        expected = f"`data` with {' or '.join(map(str, lengths))} numbers"
        if not isinstance(data, list) or len(data) not in lengths:
            raise self._wrong(name, expected, data)
        if not all(isinstance(n, int | float) and not isinstance(n, bool) and math.isfinite(n) for n in data):
            raise self._wrong(name, expected, data)
        return tuple(float(number) for number in data)

    def _wrong(self, name: str, expected: str, got: object) -> ConfigurationError:
        return ConfigurationError(f"{self._path}: {name}: expected {expected}, got {str(got)[:80]}")
