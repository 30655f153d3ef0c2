# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The bundles that come with Visual Byte."""

from __future__ import annotations

from pathlib import Path

from visual_byte_core.files import expanded
from visual_byte_core.resources import shipped, shipped_names


def starter_bundle() -> Path:
    """The bundle that is used where none is named.

    Raises:
        ConfigurationError: the installation lacks it.
    """
    return shipped("models/starter")


def bundle_folder(text: str | Path) -> Path:
    """The folder `text`; if there is none, the bundle of that name which comes with Visual Byte, if there is one.

    Raises:
        ConfigurationError: `~` without a home folder.
    """
    folder = expanded(text)
    names = shipped_names("models/*/bundle.yaml") if not folder.exists() else []
    return shipped(f"models/{text}") if str(text) in names else folder
