# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The configuration of `visual-byte collect`: one YAML file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from visual_byte_core.configuration import load_configuration
from visual_byte_core.dataset.voice_config import VoiceSource
from visual_byte_core.errors import ConfigurationError

KINDS = ("folder", "cifar_sheets", "cifar_binary")


@dataclass(frozen=True)
class PhotoSource:
    """Photos of many classes.

    kind: `folder` (path/<slug>/*.jpg), `cifar_sheets` (path/<slug>.webp, full of 32x32 tiles) or `cifar_binary`
    (cifar-100-binary.tar.gz or its unpacked folder); split: of `cifar_binary`, `train` or `test`.
    train, calibrate, evaluate: how many photos of each class go where, in this order from the first; -1 is all
    the rest and may stand once.
    """

    path: str
    kind: str = "folder"
    train: int = -1
    calibrate: int = 0
    evaluate: int = 0
    split: str = "train"

    def __post_init__(self) -> None:
        counts = (self.train, self.calibrate, self.evaluate)
        if self.kind not in KINDS or self.split not in ("train", "test") or min(counts) < -1 or counts.count(-1) > 1:
            raise ConfigurationError(
                f"photos {self.path}: kind is {', '.join(KINDS)}, split train or test, -1 may stand once; got {self}"
            )

    def parts(self, total: int) -> list[tuple[int, int]]:
        """First and last (exclusive) photo of each part; parts follow each other and never overlap."""
        counts = [self.train, self.calibrate, self.evaluate]
        rest = max(0, total - sum(count for count in counts if count > 0))
        ends, start = [], 0
        for count in counts:
            end = min(total, start + (rest if count == -1 else count))
            ends.append((start, end))
            start = end
        return ends


@dataclass(frozen=True)
class CollectConfig:
    """A data set.

    out: its folder; names: CSV of names; photos: where they come from; voices: by language how many training
    voices of espeak-ng, or a list of voices of any engines; recordings: manifest of recordings of people, or empty;
    noise: folder of background sounds, or empty; pseudo_words: invented words to train against;
    voices_a_pseudo_word: voices of each.
    """

    out: str
    names: str
    photos: tuple[PhotoSource, ...]
    voices: dict[str, int] | tuple[VoiceSource, ...] = field(default_factory=lambda: {"en": 40})
    recordings: str = ""
    noise: str = ""
    pseudo_words: int = 0
    voices_a_pseudo_word: int = 4


def load_collect_config(path: str | Path, overrides: list[str] | None = None) -> CollectConfig:
    """Read the YAML, such as config/collect_starter.yaml. Errors: see `load_configuration`."""
    return load_configuration(CollectConfig, path, overrides)
