# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Listening to a source of sound in a thread that survives whatever happens to it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from visual_byte_core.capture.level_meter import Meter
from visual_byte_core.capture.microphone import Microphone, rescan_microphones
from visual_byte_core.capture.sound_files import Recordings
from visual_byte_core.capture.sound_source import Block, EndOfSounds, Sounds, SoundSettings, UnreadableRecording
from visual_byte_core.capture.utterance_detector import Utterance, UtteranceDetector, UtteranceSettings
from visual_byte_core.errors import ConfigurationError, DeviceError, InvalidSound, printable
from visual_byte_core.log import Log

# A lost microphone is looked for after the first pause, then after twice as long, at most after the last.
FIRST_PAUSE_S, MAX_PAUSE_S = 0.5, 4.0
POLL_S = 0.1
MAX_PRESSES = 100


def open_sounds(settings: SoundSettings) -> Sounds:
    """Open the source that `settings` names. Raises DeviceError if it is not there."""
    if settings.source == "device":
        return Microphone(settings.device, settings.channel)
    return Recordings(settings)


class Listener:
    """Hears the utterances of a source in a thread of its own.

    heard(name, utterance): somebody spoke; name is that of the recording, empty for a microphone.
    unheard(name, reason): a recording holds no utterance, or cannot be read; or a button was held and nothing heard.
    wanted: whether anybody listens to the result; recordings wait for that, a microphone does not.
    A recording ends with its utterance. A microphone that is lost is looked for until it is back.
    Raises DeviceError if the source cannot be opened at first, ConfigurationError for a button with recordings.
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
        if sound.source == "folder" and utterances.mode == "push_to_talk":
            raise ConfigurationError("mode push_to_talk needs a microphone; for recordings set `mode` to voice")
        self.settings = sound
        self.state = "stopped"
        """`stopped`, `listening`, `waiting for a subscriber`, `ended`, or `lost: ` and why."""
        self.meter = Meter()
        self.heard = 0
        """Number of utterances."""
        self.losses = 0
        """How often the source was lost."""
        self._on_heard = heard
        self._on_unheard = unheard
        self._log = log
        self._wanted = wanted
        self._detector = UtteranceDetector(utterances, after_silence=sound.source == "folder")
        self._heard_before_recording = 0
        self._button = False
        self._presses: queue.Queue[bool] = queue.Queue(MAX_PRESSES)
        self._pause = FIRST_PAUSE_S
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._sounds: Sounds | None = open_sounds(sound)

    @property
    def device(self) -> str:
        """The source as its driver names it; of a lost one, as the settings do."""
        if isinstance(self._sounds, Microphone):
            return self._sounds.info.name
        return self.settings.folder or self.settings.device or "the default microphone"

    def start(self) -> None:
        """Begin to listen; recordings go on where `stop` left off."""
        self._stopping.clear()
        if self._sounds:
            self._sounds.begin()
        if self.settings.source == "device":
            self._detector.restart(after_silence=False)
        self._button = False
        self._presses = queue.Queue(MAX_PRESSES)
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

    def press(self, down: bool) -> None:
        """The button that is held while one speaks goes down or up; the same again means nothing. Any thread may."""
        if down != self._button and not self._presses.full():
            self._button = down
            self._presses.put_nowait(down)

    def _listen(self) -> None:
        while not self._stopping.is_set() and self.state != "ended":
            sounds = self._sounds or self._open_again()
            if sounds is None:
                self._refuse_presses()
                self._stopping.wait(self._pause)
                self._pause = min(MAX_PAUSE_S, 2 * self._pause)
            elif not sounds.live and not self._wanted():
                self.state = "waiting for a subscriber"
                self._stopping.wait(0.05)
            else:
                self._hear_next(sounds)

    def _hear_next(self, sounds: Sounds) -> None:
        try:
            block = sounds.read(POLL_S)
            if block is not None:
                self.state = "listening"
                self._pause = FIRST_PAUSE_S
                self._hear(block)
        except EndOfSounds:
            self.state = "ended"
            self._log.info(f"{self.settings.folder}: the last recording was played")
        except UnreadableRecording as error:
            self._detector.restart(after_silence=True)
            self._on_unheard(error.name, str(error))
        except InvalidSound as error:  # a block of a broken driver; the next one may be whole
            self.state = f"lost: {error}"
        except DeviceError as error:
            self._lose(sounds, error)
        except Exception as error:  # of one block or utterance; the next may be heard
            self._log.error(f"a sound is left out: {type(error).__name__}: {printable(error)}")
            self._detector.restart(after_silence=False)

    def _hear(self, block: Block) -> None:
        while not self._presses.empty():
            if self._presses.get_nowait():
                self._detector.hold()
            else:
                self._detector.release()
        ended = self._detector.push(block.samples)
        self.meter.hear(block)
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
            self._detector.restart(after_silence=True)  # the next recording may be of another room

    def _why_unheard(self) -> str:
        settings = self._detector.settings
        what = "" if settings.voice_activity == "energy" else " and sounds like speech"
        return (
            f"no utterance in it: nothing of at least {settings.min_utterance_s:g} s is louder than"
            f" {settings.threshold_dbfs:g} dBFS{what}; record the name louder or lower `threshold_dbfs`"
        )

    def _lose(self, sounds: Sounds, error: DeviceError) -> None:
        self._log.error(f"{error}; looking for it until it is back")
        self.state = f"lost: {error}"  # before closing: a driver that hangs may take its time for that
        self.losses += 1
        self._sounds = None
        self._detector.restart(after_silence=False)
        self.meter = Meter()
        sounds.close()
        self._refuse_presses()

    def _refuse_presses(self) -> None:
        """Tells whoever holds the button that nothing is heard."""
        while not self._presses.empty():
            if self._presses.get_nowait():
                self._on_unheard("", self.state)

    def _open_again(self) -> Sounds | None:
        try:
            if self.settings.source == "device":
                rescan_microphones()
            self._sounds = open_sounds(self.settings)
        except DeviceError:
            return None  # why is in `state` already
        self._log.info(f"the source of sound is back: {self.device}")
        return self._sounds
