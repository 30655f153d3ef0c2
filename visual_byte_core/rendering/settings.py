# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Everything that decides what a rendered image looks like, in one value that a bundle stores."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from visual_byte_core.configuration import build
from visual_byte_core.errors import ConfigurationError


@dataclass(frozen=True)
class PhotoSettings:
    """How a photo becomes square.

    fit: `crop` takes the centre square; `letterbox` keeps everything and pads with black.
    """

    fit: str = "crop"

    def __post_init__(self) -> None:
        _one_of("photo.fit", self.fit, ("crop", "letterbox"))


@dataclass(frozen=True)
class TextSettings:
    """How words become a texture.

    renderer: `smooth` (near words, near textures) or `hash` (every text its own pattern).
    waves: number of waves that `smooth` spreads the n-grams over.
    ngrams: lengths of the character n-grams that `smooth` counts.
    """

    renderer: str = "smooth"
    waves: int = 256
    ngrams: tuple[int, ...] = (1, 2, 3)

    def __post_init__(self) -> None:
        _one_of("text.renderer", self.renderer, ("smooth", "hash"))
        if not 16 <= self.waves <= 4096 or not self.ngrams or min(self.ngrams) < 1:
            raise ConfigurationError(
                f"text.waves must be 16 to 4096 and text.ngrams positive, got {self.waves}, {self.ngrams}"
            )


@dataclass(frozen=True)
class SpeechSettings:
    """How a spoken name becomes a log-mel image.

    seconds: length of the frame that the name is stretched to.
    warp: `spectrogram` resizes the spectrogram (keeps pitch), `waveform` stretches the samples.
    trim_db: what lies this many decibels under the loudest frame counts as silence at both ends.
    rms: root mean square that the trimmed samples are scaled to; 10 lets the logarithm show weak consonants.
    shortest, longest: seconds of sound after trimming that can hold a name.
    """

    seconds: float = 2.0
    warp: str = "spectrogram"
    trim_db: float = 30.0
    rms: float = 10.0
    shortest: float = 0.1
    longest: float = 5.0

    def __post_init__(self) -> None:
        _one_of("speech.warp", self.warp, ("spectrogram", "waveform"))
        if min(self.seconds, self.trim_db, self.rms, self.shortest) <= 0 or self.longest <= self.shortest:
            raise ConfigurationError("speech settings must be positive, and longest above shortest")


@dataclass(frozen=True)
class RendererSettings:
    """All renderer settings of a bundle; `size` is the side of every image in pixels."""

    size: int = 224
    photo: PhotoSettings = field(default_factory=PhotoSettings)
    text: TextSettings = field(default_factory=TextSettings)
    speech: SpeechSettings = field(default_factory=SpeechSettings)

    def __post_init__(self) -> None:
        if not 32 <= self.size <= 1024:
            raise ConfigurationError(f"renderer.size must be 32 to 1024 pixels, got {self.size}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, fit for YAML and JSON."""
        return json.loads(json.dumps(asdict(self)))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RendererSettings:
        """The inverse of `to_dict`; unknown names and wrong types raise ConfigurationError."""
        return build(cls, values, "renderer.")

    def digest(self) -> str:
        """16 hex characters that change when any setting does."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()[:16]


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigurationError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")
