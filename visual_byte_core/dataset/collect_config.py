# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The configuration of `visual-byte collect`: one YAML file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from visual_byte_core.configuration import load_configuration
from visual_byte_core.dataset.image_search import LICENCES, PROVIDERS
from visual_byte_core.dataset.voice_sources import VoiceSource
from visual_byte_core.errors import ConfigurationError

KINDS = ("folder", "cifar_binary", "cifar_sheets", "web")


@dataclass(frozen=True)
class WebSearch:
    """What is searched for photos of each class."""

    providers: tuple[str, ...] = ("openverse",)
    """`openverse` and `flickr`, asked in this order."""
    photos: int = 40
    """How many of each class are wanted."""
    licences: tuple[str, ...] = ("cc0", "pdm", "by", "by-sa")
    """Creative Commons codes that are taken."""
    words: dict[str, str] = field(default_factory=dict)
    """By slug more words for its query."""
    side: int = 512
    """Photos are stored with at most this many pixels a side."""
    contact: str = ""
    """Page or mail address for the services, part of the user agent; empty for none."""

    def __post_init__(self) -> None:
        problem = next((text for wrong, text in self._problems() if wrong), "")
        if problem:
            raise ConfigurationError(f"photos.search: {problem}")

    def _problems(self) -> Iterator[tuple[bool, str]]:
        strangers = sorted(set(self.providers) - set(PROVIDERS))
        yield bool(strangers) or not self.providers, f"providers are {', '.join(PROVIDERS)}, got {self.providers}"
        others = sorted(set(self.licences) - set(LICENCES))
        yield bool(others) or not self.licences, f"licences are {', '.join(LICENCES)}, got {self.licences}"
        yield self.photos < 1, f"photos of each class are 1 or more, got {self.photos}"
        yield self.side < 64, f"side is 64 pixels or more, got {self.side}"
        yield not self.contact.isprintable(), "contact is one line"


@dataclass(frozen=True)
class PhotoSource:
    """Photos of many classes.

    `train`, `calibrate` and `evaluate` say how many photos of each class go where, in this order from the first;
    -1 is all the rest and may stand once.
    """

    path: str
    """Of the folder or archive."""
    kind: str = "folder"
    """`folder` (path/<slug>/*.jpg), `cifar_binary` (path is the official cifar-100-binary.tar.gz or its folder),
    `cifar_sheets` (path/<slug>.webp, full of 32x32 tiles) or `web` (searched for and kept in path/<slug>/)."""
    train: int = -1
    """Photos of each class to train with."""
    calibrate: int = 0
    """Photos of each class to calibrate with."""
    evaluate: int = 0
    """Photos of each class to evaluate with."""
    split: str = "train"
    """Of `cifar_binary`: `train` or `test`."""
    url: str = ""
    """Of `cifar_binary`: where to fetch the archive if it is not there; empty to fetch none."""
    search: WebSearch | None = None
    """Of `web`: what is searched."""

    def __post_init__(self) -> None:
        problem = next((text for wrong, text in self._problems() if wrong), "")
        if problem:
            raise ConfigurationError(f"photos {self.path}: {problem}")

    def _problems(self) -> Iterator[tuple[bool, str]]:
        counts = (self.train, self.calibrate, self.evaluate)
        yield self.kind not in KINDS, f"kind is one of {', '.join(KINDS)}, got {self.kind}"
        yield min(counts) < -1 or counts.count(-1) > 1, f"counts are 0 or more, and -1 may stand once, got {counts}"
        yield self.split not in ("train", "test"), f"split is train or test, got {self.split}"
        yield self.split != "train" and self.kind != "cifar_binary", "split is for kind cifar_binary"
        yield bool(self.url) and self.kind != "cifar_binary", "url is for kind cifar_binary"
        yield (self.search is not None) != (self.kind == "web"), "search belongs to kind web, which needs it"

    def splits(self, total: int) -> list[tuple[int, int]]:
        """First and last (exclusive) photo of each split; splits follow each other and never overlap."""
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
    """A data set."""

    out: str
    """Its folder."""
    names: str
    """CSV of names, or `starter` for those of the starter bundle."""
    photos: tuple[PhotoSource, ...]
    """Where they come from."""
    voices: dict[str, int] | tuple[VoiceSource, ...] = field(default_factory=lambda: {"en": 40})
    """By language how many training voices of espeak-ng, or a list of voices of any engines."""
    recordings: str = ""
    """Manifest of recordings of people; empty for none."""
    noise: str = ""
    """Folder of background sounds; empty for none."""
    clips: str = ""
    """Folder that keeps what voices have said; empty for the user's."""
    check_clips: bool = False
    """Take out spoken clips that a Whisper cannot place."""
    whisper: str = ""
    """Its folder; empty for the package with tiny.en."""
    words: str = ""
    """File of English words without photos, one a line, to train against; empty for none."""
    pseudo_words: int = 0
    """How many invented words to train against."""
    voices_a_pseudo_word: int = 4
    """Voices that say each of them."""


def load_collect_config(path: str | Path, overrides: list[str] | None = None) -> CollectConfig:
    """Read the YAML, such as resources/config/collect_starter.yaml. Errors: see `load_configuration`."""
    return load_configuration(CollectConfig, path, overrides)
