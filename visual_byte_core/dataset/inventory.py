# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What a data set holds of each class."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from visual_byte_core.dataset.class_folders import photos_of, sounds_below
from visual_byte_core.names import ClassName


@dataclass(frozen=True)
class ClassCounts:
    """Files of one class: photos and spoken names for training, calibration and evaluation; human: by people."""

    slug: str
    photos: int
    photos_calibrate: int
    photos_evaluate: int
    english: int
    korean: int
    speech_calibrate: int
    speech_evaluate: int
    human_evaluate: int


def inventory(root: Path, names: Iterable[ClassName]) -> list[ClassCounts]:
    """Count, class by class, in the order of the names."""
    return [
        ClassCounts(
            name.slug,
            *(_photos(root / folder / name.slug) for folder in ("image", "image_calibrate", "image_eval")),
            *(len(sounds_below(root / "audio" / name.slug / language)) for language in ("en", "ko")),
            *(
                len(sounds_below(root / folder / name.slug))
                for folder in ("audio_calibrate", "audio_eval_tts", "audio_eval_human")
            ),
        )
        for name in names
    ]


def _photos(folder: Path) -> int:
    return len(photos_of(folder))
