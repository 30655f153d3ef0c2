# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Sounds of a data set that are too quiet to learn from: found by their level, spoken again, and their images made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from visual_byte_core.dataset.class_folders import sounds_below
from visual_byte_core.dataset.image_cache import cached_images, drop_images, render_images, stale_images
from visual_byte_core.dataset.unreadable import LIMIT, too_many_unreadable
from visual_byte_core.dataset.voice_record import read_record, recorded_voice
from visual_byte_core.dataset.voices import Utterance, speak
from visual_byte_core.errors import DataError, InvalidSound
from visual_byte_core.names import LANGUAGES, ClassName, slugify, spell
from visual_byte_core.rendering.settings import RendererSettings
from visual_byte_core.rendering.speech import read_sound

# What collecting writes names and other words to; background noise may be as quiet as it is.
FOLDERS = (
    *(f"audio{suffix}" for suffix in ("", "_calibrate", "_eval_tts", "_eval_human")),
    *(f"distractors{suffix}" for suffix in ("", "_calibrate", "_eval")),
)
DIGITAL_SILENCE = -120.0  # dBFS, in place of minus infinity; one step of 16 bits is -90


@dataclass(frozen=True)
class Threshold:
    """A sound is quiet when it stays under one of them, in dB of full scale (a sine of full scale has -3 dB RMS)."""

    peak: float = -30.0
    rms: float = -50.0


@dataclass(frozen=True)
class Loudness:
    """Of one sound file, all of it, leading silence too.

    peak, rms: dB of full scale, at least -120; seconds; images: how many in the caches were made of it; problem: why
    it cannot be read, or empty.
    """

    path: Path
    peak: float = DIGITAL_SILENCE
    rms: float = DIGITAL_SILENCE
    seconds: float = 0.0
    images: int = 0
    problem: str = ""

    def is_quiet(self, threshold: Threshold) -> bool:
        """Whether it can be judged, and peak or RMS is below the threshold."""
        return not self.problem and (self.peak < threshold.peak or self.rms < threshold.rms)


@dataclass(frozen=True)
class Repair:
    """spoken: sounds that were made again; refused: for each sound that cannot be, its path and why."""

    spoken: tuple[Path, ...]
    refused: tuple[tuple[Path, str], ...]


def survey(root: Path) -> list[Loudness]:
    """Measure every spoken sound of a data set, sorted by path. Raises DataError if there is none."""
    sounds = [sound for folder in FOLDERS for sound in sounds_below(root / folder)]
    if not sounds:
        raise DataError(f"{root}: no sounds in {', '.join(FOLDERS)}; collect first, or set data.root to a data set")
    return measure(sounds, root)


def measure(sounds: Sequence[Path], root: Path) -> list[Loudness]:
    """The loudness of sounds below `root`; one that cannot be read is reported by its `problem`."""
    return [_measure(sound, root) for sound in tqdm(sounds, desc="measuring", unit="sound", disable=len(sounds) < 500)]


def check_readable(measured: Sequence[Loudness]) -> None:
    """Raises DataError when over 5 % of the sounds cannot be read."""
    broken = [loudness for loudness in measured if loudness.problem]
    if too_many_unreadable(len(broken), len(measured)):
        raise DataError(
            f"{len(broken)} of {len(measured)} sounds cannot be read, over {LIMIT}; repair or"
            f" delete them; the first: {broken[0].problem}"
        )


def repair(sounds: Iterable[Path], root: Path, names: Sequence[ClassName]) -> Repair:
    """Speak the sounds again, each by its own voice; recordings of people, and of unknown names, stay as they are.

    Raises:
        DataError: an engine is missing or fails; sounds that were repaired before stay repaired.
    """
    record, known = read_record(root), {name.slug: name for name in names}
    utterances: list[Utterance] = []
    refused: list[tuple[Path, str]] = []
    for sound in sounds:
        voice = recorded_voice(sound.stem, record, root) if sound.suffix == ".wav" else None
        words = _words(sound, root, known)
        if voice and words:
            utterances.append(Utterance(words, voice, sound))
        elif voice:
            refused.append((sound, "its folders tell no known name and language: check data.names"))
        else:
            refused.append((sound, "a recording, which no voice can speak again: record it again, or delete it"))
    speak(utterances, overwrite=True)
    return Repair(tuple(u.path for u in utterances), tuple(refused))


def regenerate(sounds: Iterable[Path], root: Path, renderer: RendererSettings) -> int:
    """Make the stale images of the sounds again and delete those that cannot be; how many were made.

    Raises:
        DataError: a cache has other renderer settings, or the disk is full; the images stay as they were.
    """
    stale = [sound for sound in sounds if stale_images(sound, root)]
    made = render_images(stale, root, renderer).images
    drop_images([sound for sound in stale if stale_images(sound, root)], root)
    return made


def _measure(sound: Path, root: Path) -> Loudness:
    images = len(cached_images(sound, root))
    try:
        samples, rate = read_sound(sound)
    except InvalidSound as error:
        return Loudness(sound, images=images, problem=" ".join(str(error).split()))
    power = np.mean(np.square(samples, dtype=np.float64)) if samples.size else 0.0
    return Loudness(
        sound, _decibels(np.abs(samples).max(initial=0.0)), _decibels(np.sqrt(power)), len(samples) / rate, images
    )


def _decibels(amplitude: float) -> float:
    return max(DIGITAL_SILENCE, 20 * float(np.log10(amplitude))) if amplitude > 0 else DIGITAL_SILENCE


def _words(sound: Path, root: Path, names: dict[str, ClassName]) -> str:
    """What a sound says, by its folders; empty if they do not tell."""
    top, *folders = sound.relative_to(root).parts[:-1]
    if len(folders) not in (2, 3):
        return ""
    slug, language, *synonym = folders
    if top.startswith("distractors"):
        return slug.replace("_", " ")
    if slug not in names or language not in LANGUAGES or not getattr(names[slug], language):
        return ""
    said = {slugify(word): word for word in names[slug].synonyms}
    return said.get(synonym[0], "") if synonym else spell(names[slug], language)
