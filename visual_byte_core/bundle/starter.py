# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The bundle that comes with Visual Byte."""

from __future__ import annotations

import os
from pathlib import Path

from visual_byte_core.errors import BundleError

CHECKOUT = Path(__file__).resolve().parents[2]


def starter_bundle() -> Path:
    """The bundle that comes with Visual Byte: beside the package in a clone, under share/ where colcon installed it.

    Raises BundleError if it is in neither place.
    """
    prefixes = [Path(prefix) for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]
    places = [CHECKOUT / "models" / "starter", *(prefix / "share/visual_byte/models/starter" for prefix in prefixes)]
    for place in places:
        if (place / "bundle.yaml").exists():
            return place
    raise BundleError(f"no bundle in {', '.join(map(str, places))}; name one with --bundle")
