# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The sound files of a folder, played one after the other at the pace of the ear, and the utterances in one of them.

No file is held in memory: a recorder that was left on makes hours.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from visual_byte_core.capture.sound_source import BLOCK_S, Block, SoundSettings, UnreadableRecording
from visual_byte_core.capture.source_thread import EndOfSource
from visual_byte_core.capture.utterance_detector import Utterance, UtteranceDetector, UtteranceSettings
from visual_byte_core.data_files import data_files, expected
from visual_byte_core.errors import DataError, DeviceError, InvalidSound, printable
from visual_byte_core.rendering.sound_file import mono_blocks
from visual_byte_core.rendering.sound_signal import RATE

DEFAULTS = UtteranceSettings()


class Recordings:
    """A folder of recordings as a source of sound. Raises DeviceError if there are none."""

    live = False

    def __init__(self, settings: SoundSettings) -> None:
        self._folder = Path(settings.folder)
        self._speed = settings.speed
        self._loop = settings.loop
        self._waiting = self._list(tell=True)
        self._playing: Iterator[Block] | None = None
        self._next: Block | None = None
        self._due = time.monotonic()
        self.closed = False

    def begin(self) -> None:
        self._due = time.monotonic()

    def read(self, timeout_s: float) -> Block | None:
        if self._next is None:
            self._next = self._take_next()
        pause = self._due - time.monotonic()
        if pause > timeout_s:
            time.sleep(timeout_s)
            return None
        time.sleep(max(0.0, pause))
        block, self._next = self._next, None
        self._due += len(block.samples) / RATE / self._speed
        return block

    def close(self) -> None:
        self._waiting, self._playing, self._next = [], None, None
        self.closed = True

    def _take_next(self) -> Block:
        while True:
            if self._playing is None:
                self._playing = _blocks_of(self._next_path())
                self._due = max(self._due, time.monotonic())
            try:
                block = next(self._playing, None)
            except UnreadableRecording:
                self._playing = None
                raise
            if block is not None:
                return block
            self._playing = None

    def _next_path(self) -> Path:
        if not self._waiting:
            if not self._loop:
                raise EndOfSource
            self._waiting = self._list()
        return self._waiting.pop(0)

    def _list(self, *, tell: bool = False) -> list[Path]:
        if not self._folder.is_dir():
            raise DeviceError(f"{self._folder}: there is no such folder of recordings; check `folder`")
        try:
            files = data_files(self._folder, "sound")
        except DataError as error:
            raise DeviceError(str(error)) from error
        if not files.found:
            raise DeviceError(f"{self._folder}: holds no recording; expected {expected('sound')}")
        if tell:
            files.tell()
        return files.found


def _blocks_of(path: Path) -> Iterator[Block]:
    """The last one says that it is. Raises UnreadableRecording."""
    name = printable(path.stem)
    before: Block | None = None
    try:
        for samples, clipped in mono_blocks(path, BLOCK_S):
            if before is not None:
                yield before
            before = Block(samples, name, clipped)
    except InvalidSound as error:
        raise UnreadableRecording(name, str(error)) from error
    if before is not None:
        yield Block(before.samples, name, before.clipped, ends=True)


def utterances_of(path: Path, settings: UtteranceSettings = DEFAULTS) -> Iterator[tuple[float, Utterance]]:
    """The utterances in a recording of any length, each with the second at which it begins. Raises InvalidSound."""
    detector = UtteranceDetector(settings, after_silence=True)
    heard = 0
    for samples, _ in mono_blocks(path, BLOCK_S):
        heard += len(samples)
        for utterance in detector.push(samples):
            yield max(0.0, heard / RATE - utterance.seconds - settings.hangover_s), utterance
    if last := detector.finish():
        yield max(0.0, heard / RATE - last.seconds), last
