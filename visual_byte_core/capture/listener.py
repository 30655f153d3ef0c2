# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Listening to a source of sound in a thread that survives whatever happens to it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from visual_byte_core.capture.sounds import (
    Block,
    EndOfSounds,
    Sounds,
    SoundSettings,
    UnreadableRecording,
    open_sounds,
    rescan_microphones,
)
from visual_byte_core.capture.utterance import SILENCE_DBFS, Utterance, UtteranceDetector, UtteranceSettings
from visual_byte_core.errors import DeviceError, InvalidSound
from visual_byte_core.log import Log

RETRY_SECONDS = 1.0
POLL_SECONDS = 0.1


class Listener:
    """Hears the utterances of a source in a thread of its own.

    heard(name, utterance): somebody spoke; name is that of the recording, empty for a microphone.
    unheard(name, reason): a recording holds no utterance, or cannot be read.
    wanted: whether anybody listens to the result; recordings wait for that, a microphone does not.
    A recording ends with its utterance. A microphone that is lost is opened again every second.
    Raises DeviceError if the source cannot be opened at first.
    """

    def __init__(
        self,
        sound: SoundSettings,
        utterances: UtteranceSettings,
        heard: Callable[[str, Utterance], None],
        unheard: Callable[[str, str], None],
        log: Log,
        *,
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        self.settings = sound
        self.state = "stopped"
        """`stopped`, `listening`, `waiting for a subscriber`, `ended`, or `lost: ` and why."""
        self.clipped = 0.0
        """Share of samples at full scale in the latest block, 0..1."""
        self.heard = 0
        """Number of utterances."""
        self._utterances = utterances
        self._on_heard = heard
        self._on_unheard = unheard
        self._log = log
        self._wanted = wanted
        self._detector: UtteranceDetector | None = None
        self._heard_before_recording = 0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._sounds: Sounds | None = open_sounds(sound)

    @property
    def level_dbfs(self) -> float:
        """Level of the latest 20 ms, decibels under full scale."""
        return self._detector.level_dbfs if self._detector else SILENCE_DBFS

    @property
    def noise_dbfs(self) -> float:
        """Level of the room's noise, decibels under full scale."""
        return self._detector.noise_dbfs if self._detector else SILENCE_DBFS

    def start(self) -> None:
        """Begin to listen; recordings go on where `stop` left off."""
        self._stopping.clear()
        if self._sounds:
            self._sounds.begin()
        self._thread = threading.Thread(target=self._listen, name="sound", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening; returns when the thread has ended."""
        self._stopping.set()
        if self._thread:
            self._thread.join()
            self._thread = None
        self.state = "stopped"

    def close(self) -> None:
        self.stop()
        if self._sounds:
            self._sounds.close()
            self._sounds = None

    def _listen(self) -> None:
        while not self._stopping.is_set() and self.state != "ended":
            sounds = self._sounds or self._open_again()
            if sounds is None:
                self._stopping.wait(RETRY_SECONDS)
            elif not sounds.live and not self._wanted():
                self.state = "waiting for a subscriber"
                self._stopping.wait(0.05)
            else:
                self._hear_next(sounds)

    def _hear_next(self, sounds: Sounds) -> None:
        try:
            block = sounds.read(POLL_SECONDS)
            if block is not None:
                self.state = "listening"
                self._hear(block)
        except EndOfSounds:
            self.state = "ended"
            self._log.info(f"{self.settings.folder}: the last recording was played")
        except UnreadableRecording as error:
            self._on_unheard(error.name, str(error))
        except InvalidSound as error:  # a block of a broken driver; the next one may be whole
            self.state = f"lost: {error}"
        except DeviceError as error:
            self._lose(sounds, error)

    def _hear(self, block: Block) -> None:
        if self._detector is None or self._detector.rate != block.rate:
            self._detector = UtteranceDetector(block.rate, self._utterances, after_silence=bool(block.name))
        self.clipped = block.clipped
        ended = self._detector.push(block.samples)
        if block.ends:
            last = self._detector.finish()
            ended += [last] if last else []
        for utterance in ended:
            self.heard += 1
            self._on_heard(block.name, utterance)
        if block.ends:
            if self.heard == self._heard_before_recording:
                self._on_unheard(block.name, self._why_unheard())
            self._heard_before_recording = self.heard
            self._detector = None  # the next recording may be of another room

    def _why_unheard(self) -> str:
        return (
            f"no utterance in it: nothing of at least {self._utterances.shortest:g} s is louder than"
            f" {self._utterances.threshold_dbfs:g} dBFS; record the name louder or lower `threshold_dbfs`"
        )

    def _lose(self, sounds: Sounds, error: DeviceError) -> None:
        if self.state != f"lost: {error}":
            self._log.error(f"{error}; trying again every {RETRY_SECONDS:g} s")
        self.state = f"lost: {error}"  # before closing: a driver that hangs may take its time for that
        self._sounds = self._detector = None
        sounds.close()

    def _open_again(self) -> Sounds | None:
        try:
            if self.settings.source == "device":
                rescan_microphones()
            self._sounds = open_sounds(self.settings)
        except DeviceError:
            return None  # why is in `state` already
        self._log.info("the source of sound is back")
        return self._sounds
