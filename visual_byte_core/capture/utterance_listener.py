# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Listening to a source of sound for utterances."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from visual_byte_core.capture.level_meter import Meter
from visual_byte_core.capture.microphone import Microphone, rescan_microphones
from visual_byte_core.capture.sound_files import Recordings
from visual_byte_core.capture.sound_source import Block, Sounds, SoundSettings, UnreadableRecording
from visual_byte_core.capture.source_state import SourceStatus
from visual_byte_core.capture.source_thread import EndOfSource, SourceThread
from visual_byte_core.capture.utterance_detector import Utterance, UtteranceDetector, UtteranceSettings
from visual_byte_core.errors import ConfigurationError, DeviceError, VisualByteError, printable
from visual_byte_core.log import Log

FIRST_RETRY_S = 0.5
MAX_RETRY_S = 4.0
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
    A recording ends with its utterance. A source that is lost is opened again after 0.5 s, and then after twice as long
    each time up to 4 s, until it is back.
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
        self.meter = Meter()
        self.heard = 0
        """Number of utterances."""
        self._on_heard = heard
        self._on_unheard = unheard
        self._log = log
        self._detector = UtteranceDetector(utterances, after_silence=sound.source == "folder")
        self._heard_before_recording = 0
        self._button = False
        self._presses: queue.Queue[bool] = queue.Queue(MAX_PRESSES)
        self._thread: SourceThread[Sounds, Block] = SourceThread(
            sound.name,
            open_sounds(sound),
            self._open_again,
            self._read,
            self._hear,
            log,
            first_pause_s=FIRST_RETRY_S,
            max_pause_s=MAX_RETRY_S,
            wanted=wanted,
            lost=self._forget,
            away=self._refuse_presses,
        )

    @property
    def status(self) -> SourceStatus:
        """How the source is now; any thread may ask."""
        return self._thread.status

    @property
    def device(self) -> str:
        """The source as its driver names it; of a lost one, as the settings do."""
        sounds = self._thread.source
        return sounds.info.name if isinstance(sounds, Microphone) else self.settings.name

    def start(self) -> None:
        """Begin to listen; recordings go on where `stop` left off."""
        if sounds := self._thread.source:
            sounds.begin()
        if self.settings.source == "device":
            self._detector.restart(after_silence=False)
        self._button = False
        self._presses = queue.Queue(MAX_PRESSES)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening; returns when the thread has ended, or after 2 s if the source hangs."""
        self._thread.stop()

    def close(self) -> None:
        """Stop listening, and let go of the source."""
        self._thread.close()

    def press(self, down: bool) -> None:
        """The button that is held while one speaks goes down or up; the same again means nothing. Any thread may."""
        if down != self._button and not self._presses.full():
            self._button = down
            self._presses.put_nowait(down)

    def _read(self, sounds: Sounds, stopping: threading.Event) -> Block | None:
        try:
            return sounds.read(POLL_S)
        except UnreadableRecording as error:
            self._detector.restart(after_silence=True)
            self._on_unheard(error.name, str(error))
            return None
        except (VisualByteError, EndOfSource):
            raise
        except Exception as error:  # of one block; the next may be whole
            self._tell_left_out(error)
            stopping.wait(POLL_S)
            return None

    def _hear(self, block: Block) -> None:
        try:
            self._hear_block(block)
        except Exception as error:  # of one block or utterance; the next may be heard
            self._tell_left_out(error)
            self._heard_before_recording = self.heard

    def _tell_left_out(self, error: Exception) -> None:
        self._log.error(f"a sound is left out: {type(error).__name__}: {printable(error)}")
        self._detector.restart(after_silence=self.settings.source == "folder")

    def _hear_block(self, block: Block) -> None:
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

    def _forget(self, _: Sounds) -> None:
        """What was heard so far of a source that is lost."""
        self._detector.restart(after_silence=False)
        self.meter = Meter()

    def _refuse_presses(self) -> None:
        """Tells whoever holds the button that nothing is heard."""
        while not self._presses.empty():
            if self._presses.get_nowait():
                self._on_unheard("", self.status.in_words)

    def _open_again(self) -> Sounds:
        if self.settings.source == "device":
            try:
                rescan_microphones()
                return open_sounds(self.settings)
            except DeviceError as error:
                reason = self.status.reason  # how it was lost says more than that it is not in the list now
                raise DeviceError(reason or str(error)) from error
        return open_sounds(self.settings)
