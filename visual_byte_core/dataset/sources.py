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

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tqdm import tqdm

from visual_byte_core.dataset.cache import sounds_below
from visual_byte_core.dataset.collect_config import CollectConfig
from visual_byte_core.dataset.photos import collect_photos
from visual_byte_core.dataset.pseudo_words import pseudo_words
from visual_byte_core.dataset.voice_config import pseudo_word_voices, voices_of_parts
from visual_byte_core.dataset.voice_record import record_voices
from visual_byte_core.dataset.voices import Utterance, Voice, speak
from visual_byte_core.errors import DataError
from visual_byte_core.names import ClassName, read_names, slugify, spell

PARTS = ("", "_calibrate", "_eval")


@dataclass(frozen=True)
class Collected:
    """How many files were written; existing ones stay and do not count.

    unreadable: a line for each photo left out; without_photos: slugs of the names that no source shows.
    """

    photos: int
    spoken: int
    recordings: int
    noises: int
    unreadable: tuple[str, ...] = ()
    without_photos: tuple[str, ...] = ()


def collect(config: CollectConfig, *, overwrite: bool = False) -> Collected:
    """Build or complete the data set that `config` describes.

    Raises:
        DataError: a source is missing or holds no photo of a known name, or the voices of two parts overlap.
        InvalidNames: see `read_names`.
    """
    names = {name.slug: name for name in read_names(config.names)}
    out = Path(config.out)
    record_voices(out, voices_of_parts(config.voices))
    photos = collect_photos(config.photos, set(names), out, partial(_write, overwrite=overwrite))
    spoken = speak(_utterances(config, list(names.values()), out), overwrite=overwrite)
    recordings = _collect_recordings(Path(config.recordings), names, out, overwrite) if config.recordings else 0
    noises = _collect_noise(Path(config.noise), out, overwrite) if config.noise else 0
    return Collected(photos.written, spoken, recordings, noises, photos.unreadable, photos.without_photos)


def _write(target: Path, data: bytes, overwrite: bool) -> bool:
    """Whole or not at all, but not synchronised: tens of thousands of files that can be made again."""
    if target.exists() and not overwrite:
        return False
    unfinished = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(data)
        unfinished.replace(target)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise DataError(f"{target}: cannot be written ({error.strerror}); make room and collect again") from error
    return True


def _utterances(config: CollectConfig, names: list[ClassName], out: Path) -> Iterator[Utterance]:
    for language, parts in voices_of_parts(config.voices).items():
        for folder, voices in zip(("audio", "audio_calibrate", "audio_eval_tts"), parts, strict=True):
            for name in names:
                yield from _said_by(voices, spell(name, language), out / folder / name.slug / language)
    if not config.pseudo_words:
        return
    # Invented words sound English; each part has its own, so that none is calibrated or judged on after it was learned.
    spellings = [name.en for name in names]
    for number, (part, voices) in enumerate(zip(PARTS, pseudo_word_voices(config.voices), strict=True)):
        count = config.pseudo_words if part == "" else config.pseudo_words // 4
        for i, word in enumerate(pseudo_words(spellings, count, seed=number)):
            chosen = [voices[(i * 3 + j) % len(voices)] for j in range(config.voices_a_pseudo_word)]
            yield from _said_by(chosen, word, out / f"distractors{part}" / slugify(word) / "en")


def _said_by(voices: list[Voice], words: str, folder: Path) -> Iterator[Utterance]:
    return (Utterance(words, voice, folder / f"{voice.name}.wav") for voice in voices)


def _collect_recordings(manifest: Path, names: dict[str, ClassName], out: Path, overwrite: bool) -> int:
    """Recordings of people, by a manifest with the columns file, word, speaker, source and optionally grocery."""
    try:
        with open(manifest, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise DataError(
            f"{manifest}: cannot be read ({error.strerror}); expected the manifest of recordings"
        ) from error
    speakers = {(row["source"], row["speaker"]) for row in rows}
    alone = {source for source, _ in speakers if sum(s == source for s, _ in speakers) == 1}
    written = 0
    for row in tqdm(rows, desc="recordings", unit="clip"):
        folder = _recording_folder(row, names, row["source"] in alone)
        target = out / folder / "en" / Path(row["file"]).name
        written += _write(target, (manifest.parent / row["file"]).read_bytes(), overwrite)
    return written


def _collect_noise(folder: Path, out: Path, overwrite: bool) -> int:
    sounds = sounds_below(folder)
    if not sounds:
        raise DataError(f"{folder}: no sounds; expected WAV, FLAC or OGG files of background noise")
    return sum(
        _write(out / f"noise{PARTS[_part(path.name)]}" / path.name, path.read_bytes(), overwrite) for path in sounds
    )


def _recording_folder(row: dict[str, str], names: dict[str, ClassName], one_speaker: bool) -> str:
    word = slugify(row["word"])
    slug = word if word in names else slugify(row["grocery"]) if row.get("grocery") else ""
    if slug in names:
        # A source with one speaker is split by clip, or nothing of it would be left to learn from.
        part = _part(row["file"] if one_speaker else row["speaker"])
        return f"{('audio', 'audio_calibrate', 'audio_eval_human')[part]}/{slug}"
    return f"distractors{PARTS[_part(word)]}/{word}"


def _part(key: str) -> int:
    """0, 1 or 2 for training, calibration, evaluation: 60, 20 and 20 % of the keys, always the same ones."""
    return (0, 0, 0, 1, 2)[int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) % 5]
