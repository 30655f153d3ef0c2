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

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from visual_byte_core.dataset.clip_cache import ClipCache
from visual_byte_core.dataset.clip_check import take_out_unplaced, unplaced_clips
from visual_byte_core.dataset.collect_config import CollectConfig
from visual_byte_core.dataset.filing import Filed
from visual_byte_core.dataset.photo_collector import SPLIT_SUFFIXES, PhotoCollector, SourceReport
from visual_byte_core.dataset.pseudo_words import pseudo_words, read_words
from visual_byte_core.dataset.sound_collector import SoundCollector
from visual_byte_core.dataset.voice_record import record_voices
from visual_byte_core.dataset.voice_sources import Choir, choirs, pseudo_word_voices, voices_of_splits
from visual_byte_core.dataset.voices import Utterance, Voice, speak
from visual_byte_core.names import ClassName, read_names, reserved_spellings, slugify

EVALUATION = 2  # the split


@dataclass(frozen=True)
class Collected:
    """How many photos and spoken names were written; existing ones stay and do not count.

    recordings, noises: what became of them.

    sources: what each source of photos gave; unreadable: files left out, with the reason; without_photos: slugs that
    have no photo to learn from; without_spelling: by language that is spoken how many names it has none for; reserved:
    slugs of names that no voice says for training, as they are kept for measuring; unplaced: clips that Whisper could
    not place and that were taken out now.
    """

    photos: int
    spoken: int
    recordings: Filed
    noises: Filed
    sources: tuple[SourceReport, ...]
    unreadable: tuple[str, ...]
    without_photos: tuple[str, ...]
    without_spelling: dict[str, int]
    reserved: tuple[str, ...]
    unplaced: tuple[str, ...]


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
    splits = voices_of_splits(config.voices)
    record_voices(out, splits)
    photos, sounds = PhotoCollector(out, names, overwrite=overwrite), SoundCollector(out, overwrite=overwrite)
    sources = [photos.collect(source) for source in config.photos if source.kind != "web"]
    cache = None if overwrite else ClipCache.at(config.clips)
    gone = {out / clip for clip in unplaced_clips(out)}
    wanted = (said for said in _utterances(config, splits, list(names.values()), out) if said.path not in gone)
    spoken = speak(wanted, overwrite=overwrite, cache=cache)
    unplaced = take_out_unplaced(out, config.whisper) if config.check_clips else ()
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
        {language: sum(not getattr(name, language) for name in names.values()) for language in splits},
        tuple(slug for slug, name in names.items() if not name.trainable()),
        unplaced,
    )


def _utterances(
    config: CollectConfig, languages: Iterable[str], names: list[ClassName], out: Path
) -> Iterator[Utterance]:
    reserved = reserved_spellings(names)
    for language, split in product(languages, range(len(SPLIT_SUFFIXES))):
        folder = out / ("audio", "audio_calibrate", "audio_eval_tts")[split]
        for choir in choirs(config.voices, language, split):
            for name in names:
                yield from _name_said(choir, name, language, split, folder / name.slug / language)
    for word in read_words(config.words, names) if config.words else ():
        english = Choir(tuple(voices_of_splits(config.voices).get("en", [[]])[0]), config.voices_a_pseudo_word)
        yield from _said_by(english.voices_for(word), word, out / "distractors" / slugify(word) / "en")
    if not config.pseudo_words:
        return
    # Invented words sound English; each split has its own, so that none is calibrated or judged on after it was
    # learned.
    spellings = [name.en for name in names]
    for number, (suffix, voices) in enumerate(zip(SPLIT_SUFFIXES, pseudo_word_voices(config.voices), strict=True)):
        count = config.pseudo_words if suffix == "" else config.pseudo_words // 4
        for i, word in enumerate(pseudo_words(spellings, count, seed=number)):
            chosen = [voices[(i * 3 + j) % len(voices)] for j in range(config.voices_a_pseudo_word)]
            if slugify(word) not in reserved:
                yield from _said_by(chosen, word, out / f"distractors{suffix}" / slugify(word) / "en")


def _name_said(choir: Choir, name: ClassName, language: str, split: int, folder: Path) -> Iterator[Utterance]:
    """A name by the voices that say it, then its synonyms in folders of their own; reserved ones are only judged on."""
    own = getattr(name, language)
    trainable = name.trainable(language)
    if own and (own in trainable or split == EVALUATION):
        yield from _said_by(choir.voices_for(own), own, folder)
    for synonym in name.synonyms if choir.synonyms else ():
        if synonym in trainable:
            yield from _said_by(choir.voices_for(synonym), synonym, folder / slugify(synonym))


def _said_by(voices: Iterable[Voice], words: str, folder: Path) -> Iterator[Utterance]:
    return (Utterance(words, voice, folder / f"{voice.name}.wav") for voice in voices)
