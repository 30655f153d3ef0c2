# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings of people and background sounds, shared out among the splits of a data set."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import soundfile
from tqdm import tqdm

from visual_byte_core.data_files import data_files, expected
from visual_byte_core.dataset.filing import Filed, Filing
from visual_byte_core.dataset.photo_collector import SPLIT_SUFFIXES
from visual_byte_core.dataset.unreadable import LIMIT, too_many_unreadable
from visual_byte_core.errors import DataError
from visual_byte_core.names import ClassName, reserved_spellings, slugify

COLUMNS = ("file", "word", "speaker", "source")


class SoundCollector:
    """Copies sounds into a data set; `unreadable` grows by a path and reason for each that is no sound."""

    def __init__(self, out: Path, *, overwrite: bool = False) -> None:
        self._out, self._filing = out, Filing(overwrite=overwrite)
        self.unreadable: list[str] = []

    def recordings(self, manifest: Path, names: Mapping[str, ClassName]) -> Filed:
        """By a manifest with the columns file, word, speaker, source and optionally grocery.

        Reserved words of speakers who are not kept for measuring are left out.

        Raises:
            DataError: the manifest cannot be read or lacks a column, over 5 % of the files cannot be read, or the disk
                is full.
        """
        rows = read_manifest(manifest)
        speakers = {(row["source"], row["speaker"]) for row in rows}
        alone = {source for source, _ in speakers if sum(s == source for s, _ in speakers) == 1}
        said = {slugify(word): name.slug for name in names.values() for word in (*name.synonyms, name.en)}
        reserved = reserved_spellings(names.values())
        wanted: list[tuple[Path, Path]] = []
        for row in rows:
            folder = _recording_folder(row, said, row["source"] in alone)
            if slugify(row["word"]) not in reserved or folder.startswith("audio_eval"):
                wanted.append((manifest.parent / row["file"], self._out / folder / "en" / Path(row["file"]).name))
        filed = self._copy(manifest, tqdm(wanted, desc="recordings", unit="clip", disable=None), len(wanted))
        if reserved_rows := len(rows) - len(wanted):
            filed.left_out["words reserved for measuring"] = reserved_rows
            filed.read += reserved_rows
        return filed

    def noise(self, folder: Path) -> Filed:
        """Background sounds, at any depth. Raises DataError: none, too many are unreadable, or the disk is full."""
        files = data_files(folder, "sound")
        sounds = files.found
        if not sounds:
            raise DataError(f"{folder}: no sounds; expected {expected('sound')} in it")
        files.tell()
        wanted = ((sound, self._out / f"noise{SPLIT_SUFFIXES[_split_of(sound.name)]}" / sound.name) for sound in sounds)
        return self._copy(folder, wanted, len(sounds))

    def _copy(self, source: Path, wanted: Iterable[tuple[Path, Path]], total: int) -> Filed:
        filed, before = Filed(), len(self.unreadable)
        for sound, target in wanted:
            filed.read += 1
            try:
                soundfile.info(str(sound))
                place = self._filing.place(sound, target)
                if place is None:
                    filed.left_out["the same sound again"] += 1
                else:
                    self._filing.put(sound, place, filed)
            except (OSError, soundfile.LibsndfileError) as error:
                filed.left_out["cannot be read"] += 1
                self.unreadable.append(f"{sound}: cannot be read ({getattr(error, 'strerror', '') or _reason(error)})")
        unreadable = self.unreadable[before:]
        if too_many_unreadable(len(unreadable), total):
            raise DataError(
                f"{source}: {len(unreadable)} of {total} sounds cannot be read, over {LIMIT}; the first:"
                f" {unreadable[0]}"
            )
        return filed


def _reason(error: Exception) -> str:
    return str(getattr(error, "error_string", error))


def read_manifest(manifest: Path) -> list[dict[str, str]]:
    """The rows of a CSV that names recordings. Raises DataError."""
    try:
        with open(manifest, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            rows, header = list(reader), reader.fieldnames or []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{manifest}: cannot be read ({reason}); expected the manifest of recordings") from error
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise DataError(f"{manifest}: has no column {', '.join(missing)}; expected {','.join(COLUMNS)}")
    short = next((number for number, row in enumerate(rows, 2) if any(not row[column] for column in COLUMNS)), 0)
    if short:
        raise DataError(f"{manifest}, row {short}: {','.join(COLUMNS)} must all be there")
    return rows


def _recording_folder(row: Mapping[str, str], said: Mapping[str, str], one_speaker: bool) -> str:
    """said: slug of the name by the slug of each of its spellings."""
    word = slugify(row["word"])
    slug = said.get(word) or (said.get(slugify(row["grocery"])) if row.get("grocery") else None)
    if slug:
        # A source with one speaker is split by clip, or nothing of it would be left to learn from.
        split = _split_of(row["file"] if one_speaker else row["speaker"])
        return f"{('audio', 'audio_calibrate', 'audio_eval_human')[split]}/{slug}"
    return f"distractors{SPLIT_SUFFIXES[_split_of(word)]}/{word}"


def _split_of(key: str) -> int:
    """0, 1 or 2 for training, calibration, evaluation: 60, 20 and 20 % of the keys, always the same ones."""
    return (0, 0, 0, 1, 2)[int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) % 5]
