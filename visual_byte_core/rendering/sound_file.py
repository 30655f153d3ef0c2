# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Sound files, of which the header is looked at before anything is read: a recording may be hours long."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from visual_byte_core.errors import InvalidSound
from visual_byte_core.rendering.sound_signal import RATE, cancelled, why_silent

FORMATS = "WAV, FLAC, OGG, Opus, MP3 or AIFF"
LONGEST_S = 60.0  # of a sound that is read whole, unless more is asked for: many times a spoken name
BLOCK_S = 1.0
HEADER_BYTES = 4096  # of a file without any sound
MOST_CHANNELS = 64


@dataclass(frozen=True)
class SoundHeader:
    """frames: samples of each channel; 0 if the file does not say."""

    rate: int
    channels: int
    frames: int

    @property
    def seconds(self) -> float:
        return self.frames / self.rate


def sound_header(path: str | Path) -> SoundHeader:
    """What a sound file says of itself. Raises InvalidSound: missing, no sound file, or one that holds no sound."""
    with _opened(path) as file:
        return _header(file, path)


def read_sound(path: str | Path, *, longest_s: float = LONGEST_S) -> tuple[np.ndarray, int]:
    """Read WAV, FLAC, OGG and whatever else libsndfile reads.

    longest_s: seconds from which a file is refused by its header.

    Returns:
        float32 samples (n,) or (n, channels) in -1..1, and the rate in Hz.

    Raises:
        InvalidSound: missing, empty, no sound file, or too long.
    """
    with _opened(path) as file:
        header = _header(file, path)
        most = round(longest_s * header.rate)
        samples = None if header.frames > most else _read(file, most + 1, path)
    if samples is None or len(samples) > most:
        raise InvalidSound(
            f"{path}: {header.seconds:.0f} s long, at most {longest_s:g} s are read at once; cut the part out that is"
            " meant"
        )
    if len(samples) == 0:
        raise InvalidSound(f"{path}: holds no samples; record it again")
    return samples, header.rate


def mono_blocks(path: str | Path, block_s: float = BLOCK_S) -> Iterator[tuple[np.ndarray, float]]:
    """A file of any length as float32 (n,) at 16 kHz, block after block, without the offset of its first block; and the
    share of samples at full scale in each.

    Raises InvalidSound: as `read_sound`, but for its length; not finite; nothing but silence all through.
    """
    with _opened(path) as file:
        header = _header(file, path)
        resampler = soxr.ResampleStream(header.rate, RATE, 1, dtype="float32") if header.rate != RATE else None
        offset, heard, reason = None, False, ""
        step = max(1, round(block_s * header.rate))
        block = _read(file, step, path)
        if len(block) == 0:
            raise InvalidSound(f"{path}: holds no samples; record it again")
        while len(block):
            following = _read(file, step, path)
            if not np.isfinite(block).all():
                raise InvalidSound(f"{path}: holds NaN or infinite samples; record it again or convert it")
            mono = block if block.ndim == 1 else block.mean(axis=1)
            offset = mono.mean() if offset is None else offset
            if not heard:
                heard = not cancelled(block) and float(np.ptp(mono)) > 0
                reason = reason or ("" if heard else why_silent(block.astype(np.float64)))
            mono = (mono - offset).astype(np.float32)
            if resampler is not None:
                mono = resampler.resample_chunk(mono, last=len(following) == 0)
            yield mono, float((np.abs(block) >= 0.999).mean())
            block = following
        if not heard:
            raise InvalidSound(f"{path}: {reason}")


def _opened(path: str | Path) -> soundfile.SoundFile:
    try:
        return soundfile.SoundFile(os.fsencode(path))
    except (OSError, soundfile.SoundFileError, ValueError, TypeError) as error:
        raise InvalidSound(f"{path}: cannot be read as sound ({_reason(path, error)}); expected {FORMATS}") from error


def _header(file: soundfile.SoundFile, path: str | Path) -> SoundHeader:
    rate, channels, frames = int(file.samplerate), int(file.channels), int(file.frames)
    if rate < 1 or not 1 <= channels <= MOST_CHANNELS:
        raise InvalidSound(f"{path}: its header says {channels} channels at {rate} Hz; record it again or convert it")
    size = os.stat(path).st_size
    if frames == 0 and size > HEADER_BYTES:
        raise InvalidSound(
            f"{path}: its header says that it holds 0 samples, but {size} bytes are there: the recorder was stopped"
            " before it finished the file; mend the header (sox --ignore-length, or ffmpeg -i) and try again"
        )
    if frames <= 0:
        raise InvalidSound(f"{path}: holds no samples; record it again")
    return SoundHeader(rate, channels, frames)


def _read(file: soundfile.SoundFile, frames: int, path: str | Path) -> np.ndarray:
    try:
        return file.read(frames, dtype="float32")
    except (OSError, soundfile.SoundFileError, RuntimeError, MemoryError) as error:
        raise InvalidSound(f"{path}: cannot be read on ({_reason(path, error)}); copy the file again") from error


def _reason(path: str | Path, error: Exception) -> str:
    if not os.path.exists(path):
        return "there is no such file"
    return str(getattr(error, "error_string", "") or getattr(error, "strerror", "") or error).rstrip(".")
