# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Voices that speak names into files: those to train on, those to evaluate on, never the same."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from visual_byte_core.dataset import espeak
from visual_byte_core.errors import DataError


@dataclass(frozen=True)
class Voice:
    """One espeak-ng voice.

    language: an espeak-ng language such as `en-us`; variant: one of its variants, or empty; rate: words a minute;
    pitch: 0 to 99.
    """

    language: str
    variant: str = ""
    rate: int = 160
    pitch: int = 50

    @property
    def name(self) -> str:
        """Unique, and fit for a file name."""
        return f"espeak_{self.language}_{self.variant or 'plain'}_{self.rate}_{self.pitch}"


@dataclass(frozen=True)
class Utterance:
    """Words to be spoken by a voice into a file."""

    words: str
    voice: Voice
    path: Path


_ACCENTS = ("en-us", "en", "en-gb-x-rp", "en-gb-x-gbclan", "en-us-nyc", "en-gb-x-gbcwmd")
# fmt: off
_VARIANTS = (
    "", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "f1", "f2", "f3", "f4", "croak", "Andy", "Alex", "linda",
    "belinda", "steph", "rob", "max", "edward", "Denis", "paul", "Mario", "Alicia", "shelby", "ian",
)
# fmt: on
_RATES, _PITCHES = (150, 175, 130, 195, 160), (50, 40, 62, 35, 70, 55, 45)


def training_voices(language: str = "en", count: int = 40) -> list[Voice]:
    """The first `count` training voices: accents, variants, rates and pitches mixed."""
    accents = _ACCENTS if language == "en" else (language,)
    return [
        Voice(accents[i % len(accents)], _VARIANTS[i % len(_VARIANTS)], _RATES[i % 5], _PITCHES[i % 7])
        for i in range(count)
    ]


# No speaker of one part speaks in another, and evaluation has an accent of its own.
_CALIBRATION_VARIANTS = ("Gene", "Marco", "anika", "Hugo")
_EVALUATION_VARIANTS = ("Annie", "grandpa", "Michael", "Andrea", "victor", "aunty")


def calibration_voices(language: str = "en") -> list[Voice]:
    """Voices to set thresholds on."""
    accents = ("en-us", "en") if language == "en" else (language,)
    return [Voice(accents[i % len(accents)], v, 165, 50) for i, v in enumerate(_CALIBRATION_VARIANTS)]


def evaluation_voices(language: str = "en") -> list[Voice]:
    """Voices to report on; in English half of them with an accent that no other part has."""
    accents = ("en-029", "en-us") if language == "en" else (language,)
    return [Voice(accents[i % len(accents)], v, 165, 50) for i, v in enumerate(_EVALUATION_VARIANTS)]


def check_disjoint(training: Iterable[Voice], evaluation: Iterable[Voice]) -> None:
    """Raises DataError when a speaker (language and variant) is on both sides."""
    both = {(v.language, v.variant) for v in training} & {(v.language, v.variant) for v in evaluation}
    if both:
        raise DataError(f"voices for training and evaluation must differ; on both sides: {sorted(both)}")


def speak(utterances: Iterable[Utterance], *, overwrite: bool = False, processes: int | None = None) -> int:
    """Write every utterance as 16-bit WAV, espeak-ng's 22,050 Hz; existing files stay unless `overwrite`.

    Returns:
        How many files were written. The same utterance gives the same bytes every time.

    Raises:
        DataError: espeak-ng is missing or does not know a voice; files written before stay.
    """
    wanted = [u for u in utterances if overwrite or not u.path.exists()]
    # A fork server gives each clip a fresh process for the price of a fork, whatever threads the caller has.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", __name__])
    # The pool looks for finished processes ten times a second, so it takes many of them to keep the cores busy.
    with context.Pool(processes or 8 * (os.cpu_count() or 1), maxtasksperchild=1) as pool:
        written: Iterator[Path] = pool.imap_unordered(_speak_one, wanted, chunksize=1)
        for _ in tqdm(written, total=len(wanted), desc="speaking", unit="clip", disable=len(wanted) < 20):
            pass
    return len(wanted)


def _speak_one(utterance: Utterance) -> Path:
    voice = utterance.voice
    samples = espeak.synthesize(utterance.words, voice.language, voice.variant, voice.rate, voice.pitch)
    if not np.any(samples):
        raise DataError(f"{utterance.path}: the voice {voice.name} says nothing for {utterance.words!r}")
    utterance.path.parent.mkdir(parents=True, exist_ok=True)
    partial = utterance.path.with_name(f".{utterance.path.name}.part")
    soundfile.write(partial, samples, espeak.RATE, format="WAV", subtype="PCM_16")
    os.replace(partial, utterance.path)
    return utterance.path
