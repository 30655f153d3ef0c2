# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The configuration of `visual-byte collect`: one YAML file."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from visual_byte_core.errors import ConfigurationError


@dataclass(frozen=True)
class PhotoSource:
    """Photos of many classes.

    kind: `folder` (path/<slug>/*.jpg) or `cifar_sheets` (path/<slug>.webp, full of 32x32 tiles).
    train, calibrate, evaluate: how many photos of each class go where, in this order from the first; -1 is all the rest and may
    stand once.
    """

    path: str
    kind: str = "folder"
    train: int = -1
    calibrate: int = 0
    evaluate: int = 0

    def __post_init__(self) -> None:
        counts = (self.train, self.calibrate, self.evaluate)
        if self.kind not in ("folder", "cifar_sheets") or min(counts) < -1 or counts.count(-1) > 1:
            raise ConfigurationError(f"photos {self.path}: kind is folder or cifar_sheets, and -1 may stand once, got {self}")

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

    out: its folder; names: CSV of names; photos: where they come from; voices: training voices by language; recordings: manifest
    of recordings of people, or empty; noise: folder of background sounds, or empty; pseudo_words: invented words to train against; voices_a_pseudo_word: voices of each.
    """

    out: str
    names: str
    photos: tuple[PhotoSource, ...]
    voices: dict[str, int] = field(default_factory=lambda: {"en": 40})
    recordings: str = ""
    noise: str = ""
    pseudo_words: int = 0
    voices_a_pseudo_word: int = 4


def load_collect_config(path: str | Path, overrides: list[str] | None = None) -> CollectConfig:
    """Read the YAML; `$NAME` in paths is the environment's; overrides as `out=DIR`.

    Raises:
        ConfigurationError: no YAML, unknown or missing names, or an unset variable.
    """
    try:
        values: dict[str, Any] = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path}: cannot be read as YAML ({' '.join(str(error).split())})") from error
    for override in overrides or []:
        name, _, value = override.partition("=")
        values[name] = yaml.safe_load(value)
    try:
        photos = tuple(PhotoSource(**{**source, "path": _expand(source["path"])}) for source in values.pop("photos"))
        return CollectConfig(photos=photos, **{k: _expand(v) if isinstance(v, str) else v for k, v in values.items()})
    except (TypeError, KeyError) as error:
        raise ConfigurationError(f"{path}: {error}; see config/collect_starter.yaml for what a file holds") from error


def _expand(path: str) -> str:
    expanded = os.path.expandvars(path)
    if "$" in expanded:
        raise ConfigurationError(f"{path}: the environment variable is not set; export VISUAL_BYTE_DATA=FOLDER")
    return expanded
