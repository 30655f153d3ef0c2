# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Microphones: which there are, the one that is meant, and its sound at 16 kHz."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import soxr

from visual_byte_core.capture.sound_source import BLOCK_S, Block, clipped_share
from visual_byte_core.errors import DeviceError
from visual_byte_core.rendering.sound_signal import RATE, cancelled

LOST_S = 1.5
FIRST_SOUND_S = 5.0  # a sound server or a busy machine may take its time to begin
# Five seconds may wait; a machine that is later than that hears the newest anyway.
MAX_WAITING_BLOCKS = round(5 / BLOCK_S)
# A sound card has that many at most; a sound server claims more and mixes what there is into as many as are asked for.
CHANNELS_OF_A_CARD = 16
LISTED_RATES = (8_000, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000)


@dataclass(frozen=True)
class MicrophoneInfo:
    """A microphone of this machine: PortAudio's index and name, its channels and its own rate in Hz."""

    index: int
    name: str
    channels: int
    rate: int
    is_default: bool = False


def list_microphones() -> list[MicrophoneInfo]:
    """All microphones. Raises DeviceError if sounddevice or PortAudio is not installed."""
    sounddevice = _import_sounddevice()
    default = sounddevice.default.device[0]
    return [
        MicrophoneInfo(
            index=device["index"],
            name=device["name"],
            channels=device["max_input_channels"],
            rate=int(device["default_samplerate"]),
            is_default=device["index"] == default,
        )
        for device in sounddevice.query_devices()
        if device["max_input_channels"] > 0
    ]


def microphones_table() -> str:
    """All microphones in lines to read, with the rates that each can deliver; `*` is the default."""
    microphones = list_microphones()
    if not microphones:
        return "this machine has no microphone"
    width = max(len(repr(one.name)) for one in microphones)
    lines = [f"  index  {'name':{width}}  channels  own rate Hz  other rates Hz"]
    for one in microphones:
        others = " ".join(str(rate) for rate in LISTED_RATES if rate != one.rate and _supports(one, rate))
        mark = "*" if one.is_default else " "
        lines.append(f"{mark} {one.index:5}  {one.name!r:{width}}  {one.channels:8}  {one.rate:11}  {others}".rstrip())
    lines += ["", "*: the default. Set the parameter `device` to an index or to a part of a name."]
    return "\n".join(lines)


def choose_microphone(microphones: Sequence[MicrophoneInfo], device: str) -> MicrophoneInfo:
    """The microphone that `device` means: an index, a name, a part of one in any case, or empty for the default.

    Raises DeviceError if there is none, or several.
    """
    if not device:
        chosen = [one for one in microphones if one.is_default]
    elif device.isdecimal():
        chosen = [one for one in microphones if one.index == int(device)]
    else:
        chosen = [one for one in microphones if one.name == device]
        chosen = chosen or [one for one in microphones if device.casefold() in one.name.casefold()]
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        raise DeviceError(
            f"microphone {device!r}: could be {_names(chosen)}; set `device` to an index or to more of the name"
        )
    what = f"microphone {device!r}: there is no such microphone" if device else "microphone: the system has no default"
    raise DeviceError(
        f"{what}; this machine has {_names(microphones) or 'no microphone'};"
        " plug one in or set `device` to its index or a part of its name"
    )


class Microphone:
    """An open microphone: one of its channels, or their mean, resampled to 16 kHz. Raises DeviceError."""

    live = True

    def __init__(self, device: str, channel: int = 0) -> None:
        sounddevice = _import_sounddevice()
        self.info = choose_microphone(list_microphones(), device)
        if channel > self.info.channels:
            raise DeviceError(
                f"microphone {self.info.name!r}: has {self.info.channels} channels, `channel` asks for number {channel}"
            )
        self._channel = channel
        self._blocks: queue.Queue[tuple[np.ndarray, bool]] = queue.Queue(maxsize=MAX_WAITING_BLOCKS)
        self._resampler = soxr.ResampleStream(self.info.rate, RATE, 1, dtype="float32")
        try:
            self._stream = self._open(sounddevice)
        except (sounddevice.PortAudioError, ValueError) as error:
            raise DeviceError(
                f"microphone {self.info.name!r}: cannot be opened ({_one_line(error)}); check that no other program"
                " uses it, or set `device` to another one"
            ) from error
        self._silent_until = time.monotonic() + FIRST_SOUND_S

    def begin(self) -> None:
        while not self._blocks.empty():
            self._blocks.get_nowait()
        self._resampler.clear()
        self._silent_until = time.monotonic() + FIRST_SOUND_S

    def read(self, timeout_s: float) -> Block | None:
        try:
            samples, is_cancelled = self._blocks.get(timeout=timeout_s)
        except queue.Empty:
            if not self._stream.active or time.monotonic() > self._silent_until:
                raise DeviceError(f"microphone {self.info.name!r}: stopped delivering sound; check its cable") from None
            return None
        self._silent_until = time.monotonic() + LOST_S
        if not np.isfinite(samples).all():
            raise DeviceError(
                f"microphone {self.info.name!r}: its driver delivers NaN or infinite samples; plug it in again"
            )
        return Block(self._resampler.resample_chunk(samples), clipped=clipped_share(samples), cancelled=is_cancelled)

    def close(self) -> None:
        self._stream.close(ignore_errors=True)

    @property
    def closed(self) -> bool:
        return bool(self._stream.closed)

    def _open(self, sounddevice: Any) -> Any:
        """With the first number of channels that the driver gives."""
        numbers = list(self._numbers_of_channels())
        for channels in numbers:
            try:
                stream = sounddevice.InputStream(
                    device=self.info.index,
                    channels=channels,
                    samplerate=self.info.rate,
                    blocksize=round(self.info.rate * BLOCK_S),
                    dtype="float32",
                    callback=self._take,
                )
                break
            except sounddevice.PortAudioError:
                if channels == numbers[-1]:
                    raise
        stream.start()
        return stream

    def _numbers_of_channels(self) -> Iterable[int]:
        """The mean comes from the driver, or from all channels where it gives no single one (microphone arrays)."""
        has = self.info.channels
        if self._channel == 0:
            return dict.fromkeys((1, has))
        if has <= CHANNELS_OF_A_CARD:
            return (has,)
        return dict.fromkeys((max(2, self._channel), has))

    def _take(self, samples: np.ndarray, frames: int, timing: Any, status: Any) -> None:
        """Called by PortAudio's thread, with float32 (frames, channels) that are its own."""
        mono = samples[:, self._channel - 1].copy() if self._channel else samples.mean(axis=1, dtype=np.float32)
        if self._blocks.full():
            self._blocks.get_nowait()
        self._blocks.put_nowait((mono, not self._channel and bool(cancelled(samples))))


def rescan_microphones() -> None:
    """PortAudio lists devices only when it starts: start it again, so that one plugged in meanwhile is seen."""
    sounddevice = _import_sounddevice()
    sounddevice._terminate()
    sounddevice._initialize()


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


def _supports(microphone: MicrophoneInfo, rate: int) -> bool:
    sounddevice = _import_sounddevice()
    try:
        sounddevice.check_input_settings(device=microphone.index, channels=1, samplerate=rate)
    except (sounddevice.PortAudioError, ValueError):
        return False
    return True


def _names(microphones: Iterable[MicrophoneInfo]) -> str:
    return ", ".join(f"{one.index} {one.name!r}" for one in microphones)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
