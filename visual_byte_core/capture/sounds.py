# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Sound from a microphone or from a folder of recordings, in short blocks at the pace of the ear."""

from __future__ import annotations

import queue
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from visual_byte_core.errors import ConfigurationError, DeviceError, InvalidSound
from visual_byte_core.rendering.speech import read_sound

SOURCES = ("device", "folder")
SOUND_SUFFIXES = frozenset({".aif", ".aiff", ".flac", ".mp3", ".ogg", ".opus", ".wav"})
BLOCK_SECONDS = 0.05
LOST_SECONDS = 2.0


@dataclass(frozen=True)
class SoundSettings:
    """Where sound comes from.

    source: `device` (a microphone) or `folder` (recordings in it and below it, in the order of their paths).
    device: the microphone's index or part of its name; empty for the system's default.
    folder: the folder of recordings.
    speed: how many times faster than life recordings are played.
    loop: start again after the last recording.
    """

    source: str = "device"
    device: str = ""
    folder: str = ""
    speed: float = 1.0
    loop: bool = False

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise ConfigurationError(f"source must be one of {', '.join(SOURCES)}, got {self.source!r}")
        if self.source == "folder" and not self.folder:
            raise ConfigurationError("folder is empty; source 'folder' needs the folder of recordings to play")
        if self.speed <= 0:
            raise ConfigurationError(f"speed must be positive, got {self.speed}")


@dataclass(frozen=True)
class Block:
    """A short piece of sound.

    samples: float32 (n,), mono, in -1..1. name: the recording's file name without suffix, empty for a microphone.
    clipped: share of samples at full scale, 0..1. ends: the recording ends with it.
    """

    samples: np.ndarray
    rate: int
    name: str = ""
    clipped: float = 0.0
    ends: bool = False


class Sounds(Protocol):
    """A source of sound that is open."""

    live: bool

    def begin(self) -> None:
        """Forget what was said while nobody listened."""

    def read(self, timeout: float) -> Block | None:
        """The next block when its time has come; None if it has not within `timeout` seconds.

        Raises:
            EndOfSounds: there is no more.
            UnreadableRecording: this recording cannot be read; the next call goes on behind it.
            DeviceError: the source is lost.
        """

    def close(self) -> None: ...


class EndOfSounds(Exception):
    """The last recording was played."""


class UnreadableRecording(InvalidSound):
    """A recording that cannot be played; `name` is its file name without suffix."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def open_sounds(settings: SoundSettings) -> Sounds:
    """Open the source that `settings` names. Raises DeviceError if it is not there."""
    return Microphone(settings.device) if settings.source == "device" else Recordings(settings)


class Microphone:
    """A microphone at its own rate; its channels are averaged."""

    live = True

    def __init__(self, device: str) -> None:
        sounddevice = _import_sounddevice()
        self._name = device or "the default microphone"
        # Five seconds may wait; a machine that is later than that hears the newest anyway.
        self._blocks: queue.Queue[Block] = queue.Queue(maxsize=round(5 / BLOCK_SECONDS))
        try:
            info = sounddevice.query_devices(int(device) if device.isdecimal() else device or None, kind="input")
            self._rate = int(info["default_samplerate"])
            self._stream = self._open(sounddevice, info)
        except (sounddevice.PortAudioError, ValueError) as error:
            raise DeviceError(
                f"microphone {device!r}: cannot be opened ({_one_line(error)}); this machine has"
                f" {_inputs(sounddevice)}; plug one in or set `device` to its index or a part of its name"
            ) from error
        self._heard = time.monotonic()

    def begin(self) -> None:
        while not self._blocks.empty():
            self._blocks.get_nowait()
        self._heard = time.monotonic()

    def read(self, timeout: float) -> Block | None:
        try:
            block = self._blocks.get(timeout=timeout)
        except queue.Empty:
            if time.monotonic() - self._heard > LOST_SECONDS:
                raise DeviceError(f"microphone {self._name!r}: delivers no more sound; check its cable") from None
            return None
        self._heard = time.monotonic()
        return block

    def close(self) -> None:
        self._stream.close(ignore_errors=True)

    def _open(self, sounddevice: Any, info: dict[str, Any]) -> Any:
        """One channel, or all where the driver gives no single one (microphone arrays)."""
        for channels in (1, info["max_input_channels"]):
            try:
                stream = sounddevice.InputStream(
                    device=info["index"],
                    channels=channels,
                    samplerate=self._rate,
                    blocksize=round(self._rate * BLOCK_SECONDS),
                    dtype="float32",
                    callback=self._take,
                )
                break
            except sounddevice.PortAudioError:
                if channels == info["max_input_channels"]:
                    raise
        stream.start()
        return stream

    def _take(self, samples: np.ndarray, frames: int, timing: Any, status: Any) -> None:
        """Called by PortAudio's thread."""
        clipped = float((np.abs(samples) >= 0.999).mean())
        block = Block(samples.mean(axis=1, dtype=np.float32), self._rate, clipped=clipped)
        if self._blocks.full():
            self._blocks.get_nowait()
        self._blocks.put_nowait(block)


class Recordings:
    """The sound files of a folder, played one after the other."""

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

    def read(self, timeout: float) -> Block | None:
        if not self._playing:
            self._playing = self._load_next()
            self._due = max(self._due, time.monotonic())
        pause = self._due - time.monotonic()
        if pause > timeout:
            time.sleep(timeout)
            return None
        time.sleep(max(0.0, pause))
        block = self._playing.pop(0)
        self._due += len(block.samples) / block.rate / self._speed
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
        mono = samples if samples.ndim == 1 else samples.mean(axis=1, dtype=np.float32)
        step = max(1, round(rate * BLOCK_SECONDS))
        return [
            Block(
                mono[start : start + step],
                rate,
                path.stem,
                clipped=float((np.abs(samples[start : start + step]) >= 0.999).mean()),
                ends=start + step >= len(mono),
            )
            for start in range(0, len(mono), step)
        ]

    def _list(self) -> list[Path]:
        if not self._folder.is_dir():
            raise DeviceError(f"{self._folder}: there is no such folder of recordings; check `folder`")
        paths = sorted(p for p in self._folder.rglob("*") if p.suffix.lower() in SOUND_SUFFIXES and p.is_file())
        if not paths:
            raise DeviceError(
                f"{self._folder}: holds no recording; expected files that end in {', '.join(sorted(SOUND_SUFFIXES))}"
            )
        return paths


def _import_sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError as error:
        raise DeviceError("microphone: sounddevice is not installed; run: pip install sounddevice") from error
    except OSError as error:  # sounddevice is there, the system's PortAudio is not
        raise DeviceError(
            f"microphone: the sound library PortAudio is not installed ({_one_line(error)});"
            " run: apt-get install libportaudio2"
        ) from error
    return sounddevice


def rescan_microphones() -> None:
    """PortAudio lists devices only when it starts: start it again, so that one plugged in meanwhile is seen."""
    sounddevice = _import_sounddevice()
    sounddevice._terminate()
    sounddevice._initialize()


def _inputs(sounddevice: Any) -> str:
    names = [f"{d['index']} {d['name']!r}" for d in sounddevice.query_devices() if d["max_input_channels"] > 0]
    return "the microphones " + ", ".join(names) if names else "no microphone"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
