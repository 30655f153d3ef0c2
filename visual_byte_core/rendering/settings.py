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

MODALITIES = ("text", "audio", "image")
TEXT_RENDERERS = ("smooth", "hash", "semantic", "smooth+sentence")
SPEECH_METHODS = (1, 2)
# The texts that need a sentence model, and the method's own model for them.
SENTENCE_RENDERERS = ("semantic", "smooth+sentence")
SENTENCE_MODEL = "sentence-transformers/static-similarity-mrl-multilingual-v1"


@dataclass(frozen=True)
class PhotoSettings:
    """How a photo becomes square, and what of it is embedded."""

    fit: str = "crop"
    """`crop` takes the centre square; `letterbox` keeps everything and pads with black."""
    middle: float = 0.0
    """A photo's embedding is the mean of its own and that of its middle, mirrored: share of the side that counts as the
    middle, 0.3 to 1, or 0 for the photo's own alone."""

    def __post_init__(self) -> None:
        _one_of("photo.fit", self.fit, ("crop", "letterbox"))
        if self.middle and not 0.3 <= self.middle <= 1:
            raise ConfigurationError(f"photo.middle must be 0 or 0.3 to 1, got {self.middle}")


@dataclass(frozen=True)
class TextSettings:
    """How words become a texture."""

    renderer: str = "smooth"
    """`smooth` (near words, near textures), `smooth+sentence` (near in meaning too), `hash` (every text its own
    pattern) or `semantic` (hash patches of the pieces, their similarities and the sentence embedding)."""
    waves: int = 256
    """Number of waves that `smooth` spreads the n-grams over, 16 to 4096."""
    ngrams: tuple[int, ...] = (1, 2, 3)
    """Lengths of the character n-grams that `smooth` counts."""
    sentence_model: str = SENTENCE_MODEL
    """For `semantic` and `smooth+sentence`: a folder of sentence-transformers, a name of its hub, or, in a bundle, the
    name of the model that the bundle holds."""
    sentence_dimension: int = 256
    """How many values of the sentence embedding are used, from the first; 0 for all. Models trained for it (Matryoshka)
    lose little by it."""
    sentence_share: float = 0.5
    """Share of the picture's power, 0..1, that `smooth+sentence` gives to the meaning."""
    size: int = 0
    """Side of the texture in pixels; 0: that of a photo."""

    def __post_init__(self) -> None:
        _one_of("text.renderer", self.renderer, TEXT_RENDERERS)
        _check_size("text.size", self.size)
        if not 16 <= self.waves <= 4096 or not self.ngrams or min(self.ngrams) < 1:
            raise ConfigurationError(
                f"text.waves must be 16 to 4096 and text.ngrams positive, got {self.waves}, {self.ngrams}"
            )
        if not self.sentence_model or self.sentence_dimension < 0 or not 0 <= self.sentence_share <= 1:
            raise ConfigurationError(
                "text.sentence_model must be named, sentence_dimension 0 or more and sentence_share 0 to 1, got"
                f" {self.sentence_model!r}, {self.sentence_dimension}, {self.sentence_share}"
            )

    @property
    def needs_sentence_model(self) -> bool:
        """Whether `render_text` fails without a sentence model."""
        return self.renderer in SENTENCE_RENDERERS


@dataclass(frozen=True)
class SpeechSettings:
    """How a spoken name becomes an image; `seconds`, `warp` and `rms` are of method 2 alone."""

    seconds: float = 2.0
    """Length of the frame that the name is stretched to."""
    warp: str = "spectrogram"
    """`spectrogram` resizes the spectrogram, which keeps the pitch; `waveform` stretches the samples."""
    trim_db: float = 30.0
    """What lies this many decibels under the loudest frame counts as silence at both ends."""
    rms: float = 10.0
    """Root mean square that the trimmed samples are scaled to; 10 lets the logarithm show weak consonants."""
    shortest: float = 0.1
    """Least seconds of sound after trimming that can hold a name."""
    longest: float = 5.0
    """Most seconds of sound after trimming that can hold a name."""
    method: int = 2
    """2 draws the log-mel spectrogram; 1 the last state of a Whisper encoder, which no robot runs."""
    whisper: str = "openai/whisper-tiny"
    """For method 1, a folder of transformers or a name of its hub."""
    size: int = 0
    """Side of the image in pixels; 0: that of a photo."""

    def __post_init__(self) -> None:
        _check_size("speech.size", self.size)
        if self.method not in SPEECH_METHODS or not self.whisper:
            raise ConfigurationError(
                f"speech.method must be 1 or 2 and speech.whisper named, got {self.method}, {self.whisper!r}"
            )
        _one_of("speech.warp", self.warp, ("spectrogram", "waveform"))
        if min(self.seconds, self.trim_db, self.rms, self.shortest) <= 0 or self.longest <= self.shortest:
            raise ConfigurationError("speech settings must be positive, and longest above shortest")


@dataclass(frozen=True)
class RendererSettings:
    """All renderer settings of a bundle."""

    size: int = 224
    """Side in pixels of a photo, and of words and sounds that have none of their own, 32 to 1024."""
    photo: PhotoSettings = field(default_factory=PhotoSettings)
    """See `PhotoSettings`."""
    text: TextSettings = field(default_factory=TextSettings)
    """See `TextSettings`."""
    speech: SpeechSettings = field(default_factory=SpeechSettings)
    """See `SpeechSettings`."""

    def __post_init__(self) -> None:
        _check_size("size", self.size or -1)

    def size_of(self, modality: str) -> int:
        """Side in pixels of the images of a modality, `text`, `audio` or `image`."""
        own = {"text": self.text.size, "audio": self.speech.size, "image": 0}
        return own[modality] or self.size

    def to_dict(self) -> dict[str, Any]:
        """Plain values, fit for YAML and JSON."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RendererSettings:
        """The inverse of `to_dict`; unknown names and wrong types raise ConfigurationError."""
        return build(cls, values, "renderer.")

    def digest(self) -> str:
        """16 hex characters that change when any setting with an influence does."""
        return _digest_of(self.to_dict())

    def section_digest(self, section: str) -> str:
        """The same for what decides one modality alone: its size and the settings of `photo`, `text` or `speech`."""
        values: dict[str, Any] = {section: self.to_dict()[section]}
        values["size"] = values[section].pop("size", 0) or self.size
        return _digest_of(values)


def _digest_of(values: dict[str, Any]) -> str:
    """What has no influence is left out, so that bundles from before a setting existed keep their digest."""
    photo, text, speech = values.get("photo"), values.get("text"), values.get("speech")
    for part in (text, speech):
        if part and not part.get("size"):
            part.pop("size", None)
    if photo and not photo["middle"]:
        del photo["middle"]
    if text and text["renderer"] != "smooth+sentence":
        del text["sentence_share"]
    if text and text["renderer"] not in SENTENCE_RENDERERS:
        del text["sentence_model"], text["sentence_dimension"]
    if speech and speech["method"] == 2:
        del speech["method"], speech["whisper"]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def _check_size(name: str, size: int) -> None:
    if size and not 32 <= size <= 1024:
        raise ConfigurationError(f"renderer.{name} must be 32 to 1024 pixels, got {max(0, size)}")


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigurationError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")
