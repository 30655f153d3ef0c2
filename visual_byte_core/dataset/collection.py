# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""`visual-byte collect`: photos, synthesized speech and recordings become one data set in the method's layout.

    image/<slug>/*            image_calibrate/...      image_eval/...        photos
    audio/<slug>/<language>/* audio_calibrate/...      audio_eval_tts/...    names, spoken by disjoint voices
    audio_eval_human/...                                                     names, recorded from people
    distractors/<slug>/<language>/*  distractors_calibrate/...  distractors_eval/...   words that have no photos
    noise/*                 noise_calibrate/*         noise_eval/*           background sounds

What training, calibration and evaluation see never meets: photos by their number, voices by their speaker,
words by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from visual_byte_core.dataset.collect_config import CollectConfig
from visual_byte_core.dataset.filing import Filed
from visual_byte_core.dataset.photo_collector import SPLIT_SUFFIXES, PhotoCollector, SourceReport
from visual_byte_core.dataset.pseudo_words import pseudo_words
from visual_byte_core.dataset.sound_collector import SoundCollector
from visual_byte_core.dataset.voice_record import record_voices
from visual_byte_core.dataset.voice_sources import pseudo_word_voices, voices_of_splits
from visual_byte_core.dataset.voices import Utterance, Voice, speak
from visual_byte_core.names import ClassName, read_names, slugify, spell


@dataclass(frozen=True)
class Collected:
    """How many photos and spoken names were written; existing ones stay and do not count.

    recordings, noises: what became of them.

    sources: what each source of photos gave; unreadable: files left out, with the reason; without_photos: slugs that
    have no photo to learn from.
    """

    photos: int
    spoken: int
    recordings: Filed
    noises: Filed
    sources: tuple[SourceReport, ...]
    unreadable: tuple[str, ...]
    without_photos: tuple[str, ...]


def collect(config: CollectConfig, *, overwrite: bool = False) -> Collected:
    """Build or complete the data set that `config` describes. Image search comes last.

    Raises:
        DataError: a source is missing, damaged or holds no photo of a known name, over 5 % of its files cannot be read,
            the voices of two splits overlap, or the disk is full. What was written stays, and the next call resumes.
        HttpError: a service does not answer; likewise.
        InvalidNames: see `read_names`.
    """
    names = {name.slug: name for name in read_names(config.names)}
    out = Path(config.out)
    record_voices(out, voices_of_splits(config.voices))
    photos, sounds = PhotoCollector(out, names, overwrite=overwrite), SoundCollector(out, overwrite=overwrite)
    sources = [photos.collect(source) for source in config.photos if source.kind != "web"]
    spoken = speak(_utterances(config, list(names.values()), out), overwrite=overwrite)
    recordings = sounds.recordings(Path(config.recordings), names) if config.recordings else Filed()
    noises = sounds.noise(Path(config.noise)) if config.noise else Filed()
    sources += [photos.collect(source) for source in config.photos if source.kind == "web"]
    return Collected(
        sum(source.written for source in sources),
        spoken,
        recordings,
        noises,
        tuple(sources),
        (*(reason for source in sources for reason in source.unreadable), *sounds.unreadable),
        tuple(slug for slug in names if not any((out / "image" / slug).glob("*"))),
    )


def _utterances(config: CollectConfig, names: list[ClassName], out: Path) -> Iterator[Utterance]:
    for language, splits in voices_of_splits(config.voices).items():
        for folder, voices in zip(("audio", "audio_calibrate", "audio_eval_tts"), splits, strict=True):
            for name in names:
                yield from _said_by(voices, spell(name, language), out / folder / name.slug / language)
    if not config.pseudo_words:
        return
    # Invented words sound English; each split has its own, so that none is calibrated or judged on after it was
    # learned.
    spellings = [name.en for name in names]
    for number, (suffix, voices) in enumerate(zip(SPLIT_SUFFIXES, pseudo_word_voices(config.voices), strict=True)):
        count = config.pseudo_words if suffix == "" else config.pseudo_words // 4
        for i, word in enumerate(pseudo_words(spellings, count, seed=number)):
            chosen = [voices[(i * 3 + j) % len(voices)] for j in range(config.voices_a_pseudo_word)]
            yield from _said_by(chosen, word, out / f"distractors{suffix}" / slugify(word) / "en")


def _said_by(voices: list[Voice], words: str, folder: Path) -> Iterator[Utterance]:
    return (Utterance(words, voice, folder / f"{voice.name}.wav") for voice in voices)
