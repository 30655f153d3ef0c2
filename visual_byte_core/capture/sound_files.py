# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The sound files of a folder, played one after the other at the pace of the ear."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from visual_byte_core.capture.sound_source import (
    BLOCK_S,
    Block,
    EndOfSounds,
    SoundSettings,
    UnreadableRecording,
    clipped_share,
)
from visual_byte_core.errors import DeviceError, InvalidSound
from visual_byte_core.rendering.speech import RATE, mono_at, read_sound

SOUND_SUFFIXES = frozenset({".aif", ".aiff", ".flac", ".mp3", ".ogg", ".opus", ".wav"})


class Recordings:
    """A folder of recordings as a source of sound. Raises DeviceError if there are none."""

    live = False

    def __init__(self, settings: SoundSettings) -> None:
        self._folder = Path(settings.folder)
        self._speed = settings.speed
        self._loop = settings.loop
        self._waiting = self._list()
        self._playing: list[Block] = []
        self._due = time.monotonic()

    def begin(self) -> None:
        self._due = time.monotonic()

    def read(self, timeout_s: float) -> Block | None:
        if not self._playing:
            self._playing = self._load_next()
            self._due = max(self._due, time.monotonic())
        pause = self._due - time.monotonic()
        if pause > timeout_s:
            time.sleep(timeout_s)
            return None
        time.sleep(max(0.0, pause))
        block = self._playing.pop(0)
        self._due += len(block.samples) / RATE / self._speed
        return block

    def close(self) -> None:
        self._waiting, self._playing = [], []

    def _load_next(self) -> list[Block]:
        if not self._waiting:
            if not self._loop:
                raise EndOfSounds
            self._waiting = self._list()
        path = self._waiting.pop(0)
        try:
            samples, rate = read_sound(path)
        except InvalidSound as error:
            raise UnreadableRecording(path.stem, str(error)) from error
        if len(samples) == 0 or not np.isfinite(samples).all():
            raise UnreadableRecording(
                path.stem, f"{path}: holds no samples, or NaN or infinite ones; record it again or convert it"
            )
        clipped = clipped_share(samples)
        mono = mono_at(samples, rate, RATE)
        step = round(RATE * BLOCK_S)
        starts = range(0, max(1, len(mono)), step)
        return [Block(mono[i : i + step], path.stem, clipped, ends=i + step >= len(mono)) for i in starts]

    def _list(self) -> list[Path]:
        if not self._folder.is_dir():
            raise DeviceError(f"{self._folder}: there is no such folder of recordings; check `folder`")
        paths = sorted(p for p in self._folder.rglob("*") if p.suffix.lower() in SOUND_SUFFIXES and p.is_file())
        if not paths:
            raise DeviceError(
                f"{self._folder}: holds no recording; expected files that end in {', '.join(sorted(SOUND_SUFFIXES))}"
            )
        return paths
