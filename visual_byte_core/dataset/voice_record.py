# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Who has spoken in a data set: told by the names of the clips, or by the record beside them.

    voices.yaml     name of a clip without its suffix: {engine, speaker, and the voice's own settings}

holds the voices whose names do not say everything about them.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from visual_byte_core.configuration import build
from visual_byte_core.dataset.voice_engines.espeak import EspeakVoice
from visual_byte_core.dataset.voice_sources import ENGINES, SPLITS
from visual_byte_core.dataset.voices import Voice
from visual_byte_core.errors import ConfigurationError, DataError
from visual_byte_core.files import write_atomically

RECORD = "voices.yaml"
FOLDERS = (
    ("audio", "distractors"),
    ("audio_calibrate", "distractors_calibrate"),
    ("audio_eval_tts", "distractors_eval"),
)


def record_voices(root: Path, splits: Mapping[str, Sequence[Sequence[Voice]]]) -> None:
    """Write down in `root` what the names of the clips do not say of their voices, by language and split.

    Raises:
        DataError: a speaker is heard there in another split, or the record cannot be read.
    """
    entries = read_record(root)
    heard = _speakers_heard(root, entries)
    known = dict(entries)
    for language in splits.values():
        for split, voices in zip(SPLITS, language, strict=True):
            for voice in voices:
                others = sorted(heard.get(voice.speaker, set()) - {split})
                if others:
                    raise DataError(
                        f"{root}: {voice.speaker} has already spoken here for {' and '.join(others)} and cannot speak"
                        f" for {split}; choose another speaker, or collect into another folder"
                    )
                if EspeakVoice.named(voice.name) != voice:
                    entries[voice.name] = _entry(voice)
    if entries != known:
        root.mkdir(parents=True, exist_ok=True)
        write_atomically(root / RECORD, yaml.safe_dump(entries, allow_unicode=True).encode())


def recorded_voice(name: str, entries: Mapping[str, Any], root: Path) -> Voice | None:
    """The voice of a clip of that name; None if nobody knows it, as of a person.

    Raises:
        DataError: a bad record.
    """
    if name not in entries:
        return EspeakVoice.named(name)
    settings = {key: value for key, value in entries[name].items() if key not in ("engine", "speaker")}
    try:
        voice: Voice = build(ENGINES[entries[name]["engine"]], settings)
    except (KeyError, ConfigurationError) as error:
        raise DataError(f"{root / RECORD}: {name}: no known voice ({error}); collect again rewrites it") from error
    return voice


def read_record(root: Path) -> dict[str, dict[str, Any]]:
    """The entries of voices.yaml by name, none if it is not there.

    Raises:
        DataError: it cannot be read.
    """
    path = root / RECORD
    if not path.exists():
        return {}
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"{path}: cannot be read ({' '.join(str(error).split())}); restore or delete it") from error
    if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
        raise DataError(f"{path}: expected a mapping of names to voices; restore or delete it")
    return entries


def _entry(voice: Voice) -> dict[str, Any]:
    settings = dataclasses.asdict(voice)  # type: ignore[call-overload]
    return {"engine": voice.engine, "speaker": voice.speaker, **settings}


def _speakers_heard(root: Path, entries: Mapping[str, dict[str, Any]]) -> dict[str, set[str]]:
    """By speaker the splits in which there are clips of theirs."""
    heard: dict[str, set[str]] = defaultdict(set)
    for split, folders in zip(SPLITS, FOLDERS, strict=True):
        for name in {clip.stem for folder in folders for clip in (root / folder).glob("*/*/*.wav")}:
            espeak = EspeakVoice.named(name)
            if name in entries:
                heard[str(entries[name].get("speaker"))].add(split)
            elif espeak:
                heard[espeak.speaker].add(split)
    return heard
