# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A camera's calibration as camera_calibration writes it."""

from __future__ import annotations

CALIBRATION = """\
image_width: 64
image_height: 48
camera_name: eye
camera_matrix:
  rows: 3
  cols: 3
  data: [50.5, 0., 32., 0., 51., 24., 0., 0., 1.]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [0.1, -0.2, 0.001, 0.002, 0.0]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1, 0, 0, 0, 1, 0, 0, 0, 1]
projection_matrix:
  rows: 3
  cols: 4
  data: [50., 0., 32., 0., 0., 50., 24., 0., 0., 0., 1., 0.]
"""
