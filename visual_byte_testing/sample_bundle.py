# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A bundle for tests of nodes: untrained, yet it tells pictures apart, and only the same one passes its threshold."""

from __future__ import annotations

from pathlib import Path

from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.names import ClassName
from visual_byte_testing.pixel_bundle import write_pixel_bundle

CALIBRATION = {
    modality: {
        "memories": [10, 1000],
        "false_accept_rates": [0.01, 0.5],
        "thresholds": [[0.999, 0.999], [0.999, 0.999]],
        "probability": {"intercept": -5.0, "score": 10.0, "log_memories": 0.0},
    }
    for modality in ("text", "audio", "image")
}


def write_sample_bundle(folder: Path) -> Bundle:
    return write_pixel_bundle(folder, [ClassName("apple", "apple", "사과")], CALIBRATION)
