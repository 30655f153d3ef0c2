# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""espeak-ng through ctypes, one process a clip: only the first clip of a process is reproducible."""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from visual_byte_core.errors import DataError

RATE = 22050
_SYNCHRONOUS, _DONT_EXIT = 2, 0x8000
_UTF8, _END_PAUSE = 1, 0x1000
_RATE_PARAMETER, _PITCH_PARAMETER = 1, 3
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


_NAME = re.compile(r"espeak_([^_]+)_([^_]+)_(\d+)_(\d+)")


@dataclass(frozen=True)
class EspeakVoice:
    """One voice of espeak-ng.

    Attributes:
        language: an espeak-ng language such as `en-us`.
        variant: one of its variants, or empty.
        rate: words a minute.
        pitch: 0 to 99.
    """

    language: str
    variant: str = ""
    rate: int = 160
    pitch: int = 50
    leading_silence_s: float = 0.0

    engine: ClassVar[str] = "espeak"
    own_process: ClassVar[bool] = True

    @classmethod
    def called(cls, speaker: str, leading_silence_s: float) -> EspeakVoice:
        """The voice of espeak-ng's own notation, such as `en-us` or `en-us+m3`."""
        language, _, variant = speaker.partition("+")
        return cls(language, variant, leading_silence_s=leading_silence_s)

    @classmethod
    def named(cls, name: str) -> EspeakVoice | None:
        """The voice, without leading silence, that has this `name`; None if it is not a name of espeak-ng's."""
        match = _NAME.fullmatch(name)
        if not match:
            return None
        language, variant, rate, pitch = match.groups()
        return cls(language, "" if variant == "plain" else variant, int(rate), int(pitch))

    @property
    def name(self) -> str:
        return f"espeak_{self.language}_{self.variant or 'plain'}_{self.rate}_{self.pitch}"

    @property
    def speaker(self) -> str:
        # The variant is the throat; language, rate and pitch are only how it speaks.
        return f"espeak {self.variant or 'plain'}"

    def check(self) -> None:
        _data(self.variant)

    def synthesize(self, words: str) -> tuple[np.ndarray, int]:
        return synthesize(words, self.language, self.variant, self.rate, self.pitch), RATE


_ACCENTS = ("en-us", "en", "en-gb-x-rp", "en-gb-x-gbclan", "en-us-nyc", "en-gb-x-gbcwmd")
# fmt: off
_VARIANTS = (
    "", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "f1", "f2", "f3", "f4", "croak", "Andy", "Alex", "linda",
    "belinda", "steph", "rob", "max", "edward", "Denis", "paul", "Mario", "Alicia", "shelby", "ian",
)
# fmt: on
_RATES, _PITCHES = (150, 175, 130, 195, 160), (50, 40, 62, 35, 70, 55, 45)


def training_voices(language: str = "en", count: int = 40) -> list[EspeakVoice]:
    """The first `count` training voices: accents, variants, rates and pitches mixed."""
    accents = _ACCENTS if language == "en" else (language,)
    return [
        EspeakVoice(accents[i % len(accents)], _VARIANTS[i % len(_VARIANTS)], _RATES[i % 5], _PITCHES[i % 7])
        for i in range(count)
    ]


# No speaker of one split speaks in another, and evaluation has an accent of its own.
# Many, as what a few throats score is luck: with four, probabilities of spoken names were off by .07, with 20 by .04.
# fmt: off
_CALIBRATION_VARIANTS = (
    "Gene", "Marco", "anika", "Hugo", "benjamin", "caleb", "david", "grandma", "gustave", "Jacky", "john", "Lee",
    "pablo", "quincy", "robert", "sandro", "travis", "steph2", "zac", "Nguyen",
)
# fmt: on
_EVALUATION_VARIANTS = ("Annie", "grandpa", "Michael", "Andrea", "victor", "aunty")


def calibration_voices(language: str = "en") -> list[EspeakVoice]:
    """Voices to set thresholds on."""
    accents = ("en-us", "en") if language == "en" else (language,)
    return [EspeakVoice(accents[i % len(accents)], v, 165, 50) for i, v in enumerate(_CALIBRATION_VARIANTS)]


def evaluation_voices(language: str = "en") -> list[EspeakVoice]:
    """Voices to report on; in English half of them with an accent that no other split has."""
    accents = ("en-029", "en-us") if language == "en" else (language,)
    return [EspeakVoice(accents[i % len(accents)], v, 165, 50) for i, v in enumerate(_EVALUATION_VARIANTS)]


def synthesize(words: str, language: str, variant: str, rate: int, pitch: int) -> np.ndarray:
    """Speak words: float32 (n,) in -1..1 at 22,050 Hz. Call it once a process.

    Raises:
        DataError: espeak-ng is not installed, or does not know the language or the variant.
    """
    data = _data(variant)
    import espeakng_loader

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    if library.espeak_Initialize(_SYNCHRONOUS, 0, str(data).encode(), _DONT_EXIT) != RATE:
        raise DataError(f"espeak-ng did not start with its data in {data}; reinstall espeakng-loader")
    chunks: list[np.ndarray] = []
    callback = _CALLBACK(lambda samples, count, _: _collect(chunks, samples, count))
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(f"{language}+{variant}".rstrip("+").encode()) != 0:
        raise DataError(f"espeak-ng has no voice for the language {language!r}")
    library.espeak_SetParameter(_RATE_PARAMETER, rate, 0)
    library.espeak_SetParameter(_PITCH_PARAMETER, pitch, 0)
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # breathy voices draw noise, by default seeded with the time
    text = words.encode()
    library.espeak_Synth(text, len(text) + 1, 0, 0, 0, _UTF8 | _END_PAUSE, None, None)
    library.espeak_Synchronize()
    return np.concatenate(chunks).astype(np.float32) / 32768 if chunks else np.zeros(0, np.float32)


def _data(variant: str) -> Path:
    """espeak-ng's data, which hold the variant. Raises DataError."""
    try:
        import espeakng_loader
    except ImportError as error:
        raise DataError("espeak-ng is not installed; run: pip install 'visual_byte[tts]'") from error
    data = Path(espeakng_loader.get_data_path())
    # espeak-ng would silently take its default voice for a variant that it does not have.
    if variant and not (data / "voices" / "!v" / variant).is_file():
        raise DataError(f"espeak-ng has no variant {variant!r}; see the folder {data / 'voices' / '!v'}")
    return data


def _collect(chunks: list[np.ndarray], samples: ctypes._Pointer[ctypes.c_short], count: int) -> int:
    if samples and count:
        chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
    return 0
