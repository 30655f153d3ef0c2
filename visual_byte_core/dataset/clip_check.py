# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Spoken English clips of a data set that a Whisper cannot place: found, written down and taken out of it.

unplaced.txt          a clip a line, below the data set
speech_features/      what the Whisper makes of each clip (`dataset.speech_teacher`)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from visual_byte_core.dataset.speech_teacher import NEAREST, SpeechFeatures, placed, scale_of
from visual_byte_core.errors import DataError
from visual_byte_core.files import write_whole
from visual_byte_core.pretrained.whisper_encoder import WhisperEncoder

UNPLACED, FEATURES = "unplaced.txt", "speech_features"
FOLDERS = ("audio", "distractors")  # what is learned from
MAX_SHARE_UNPLACED = 0.25  # more says that something else is wrong, such as words of another language


def unplaced_clips(root: Path) -> frozenset[str]:
    """Paths below `root` of the clips that were taken out. Raises DataError if the list cannot be read."""
    path = root / UNPLACED
    try:
        return frozenset(path.read_text(encoding="utf-8").splitlines() if path.exists() else ())
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); delete it, and the clips are spoken again") from error


def take_out_unplaced(root: Path, whisper: str = "", nearest: int = NEAREST) -> tuple[str, ...]:
    """Delete the clips of voices, WAV files of English words to learn from, that Whisper cannot place.

    whisper: see `WhisperEncoder`; nearest: see `placed`. Returns their paths below `root`, sorted.

    Raises:
        ModelError: Whisper is missing.
        DataError: over a quarter cannot be placed, a clip cannot be read, or the disk is full.
    """
    clips = {
        path.relative_to(root).as_posix(): path for folder in FOLDERS for path in (root / folder).glob("*/en/**/*.wav")
    }
    if not clips:
        return ()
    keys = {name: f"{name} {path.stat().st_mtime_ns}" for name, path in clips.items()}  # spoken again, heard again
    store = SpeechFeatures(root / FEATURES, WhisperEncoder(whisper))
    if reasons := store.add({keys[name]: path for name, path in clips.items()}):
        raise DataError(f"{len(reasons)} of {len(clips)} clips hold no name; see quiet --repair; first: {reasons[0]}")
    names = sorted(clips)
    features = store.values()[[store.rows[keys[name]] for name in names]].astype(np.float32)
    mean, deviation = scale_of(features)
    known = placed((features - mean) / deviation, [_words(name) for name in names], nearest)
    unplaced = tuple(name for name, is_placed in zip(names, known, strict=True) if not is_placed)
    if not unplaced:
        return ()
    if len(unplaced) > MAX_SHARE_UNPLACED * len(names):
        raise DataError(
            f"{root}: Whisper cannot place {len(unplaced)} of {len(names)} clips, over {MAX_SHARE_UNPLACED:.0%}, such"
            f" as {unplaced[0]}; listen to some, and set check_clips to false if they are right"
        )
    lines = sorted({*unplaced_clips(root), *unplaced})
    write_whole(root / UNPLACED, "".join(f"{line}\n" for line in lines).encode())
    for name in unplaced:
        clips[name].unlink()
    return unplaced


def _words(name: str) -> str:
    """Slug of what a clip says, by its folders: `audio/<slug>/en/*`, `audio/<slug>/en/<slug of a synonym>/*`."""
    _, slug, _, *synonym, _ = name.split("/")
    return synonym[0] if synonym else slug
