# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Sound files, of which the header is looked at before anything is read: a recording may be hours long."""

from __future__ import annotations

import logging
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from visual_byte_core.errors import InvalidSound
from visual_byte_core.log import quiet_libraries
from visual_byte_core.rendering.sound_signal import RATE, cancelled, why_silent

FORMATS = "WAV, FLAC, OGG, Opus, MP3 or AIFF"
MAX_S = 60.0  # of a sound that is read whole, unless more is asked for: many times a spoken name
BLOCK_S = 1.0
OGG_PAGE, OGG_LAST, MAX_OGG_PAGE_BYTES = b"OggS", 4, 65_307
HEADER_BYTES = 4096  # of a file without any sound
MAX_CHANNELS = 64
UNKNOWN_FRAMES = 1 << 60  # what libsndfile says where it cannot know
NEVER_KNOWN = (0, 0x7FFFFFFF, 0x7FFFF000, 0x80000000, 0xFFFFFFFF)  # lengths that programs write to a pipe
ESTIMATED_SHARE = 0.02  # of the samples: some formats only estimate how many there are

log = logging.getLogger("visual_byte")


@dataclass(frozen=True)
class SoundHeader:
    """frames: samples of each channel; 0 if the file does not say."""

    rate: int
    channels: int
    frames: int

    @property
    def seconds(self) -> float:
        """Its length, by what the header says."""
        return self.frames / self.rate


def sound_header(path: str | Path) -> SoundHeader:
    """What a sound file says of itself.

    Raises:
        InvalidSound: missing, no sound file, or one that holds no sound.
    """
    with _opened(path) as file:
        return _header(file, path)


def read_sound(path: str | Path, *, max_s: float = MAX_S) -> tuple[np.ndarray, int]:
    """Read WAV, FLAC, OGG and whatever else libsndfile reads.

    max_s: seconds from which a file is refused by its header.

    Returns:
        float32 samples (n,) or (n, channels) in -1..1, and the rate in Hz.

    Raises:
        InvalidSound: missing, empty, no sound file, or too long.
    """
    with _opened(path) as file:
        header = _header(file, path)
        most = round(max_s * header.rate)
        samples = None if header.frames > most else _read(file, most + 1, path)
    if samples is None or len(samples) > most:
        raise InvalidSound(
            f"{path}: {header.seconds:.0f} s long, at most {max_s:g} s are read at once; cut the part out that is meant"
        )
    _check_length(path, len(samples), header)
    return samples, header.rate


def mono_blocks(path: str | Path, block_s: float = BLOCK_S) -> Iterator[tuple[np.ndarray, float]]:
    """A file of any length, block after block, without the offset of its first block.

    Args:
        path: of the file.
        block_s: length of a block, seconds.

    Yields:
        float32 (n,) at 16 kHz, and the share of its samples at full scale, 0..1.

    Raises:
        InvalidSound: as `read_sound`, but for its length; not finite; nothing but silence all through.
    """
    with _opened(path) as file:
        header = _header(file, path)
        resampler = soxr.ResampleStream(header.rate, RATE, 1, dtype="float32") if header.rate != RATE else None
        offset, heard, reason, read = None, False, "", 0
        step = max(1, round(block_s * header.rate))
        block = _read(file, step, path)
        if len(block) == 0:
            raise InvalidSound(f"{path}: holds no samples; record it again")
        while len(block):
            following = _read(file, step, path)
            read += len(block)
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
        _check_length(path, read, header)


def _check_length(path: str | Path, read: int, header: SoundHeader) -> None:
    """Raise InvalidSound if fewer samples were read than the header says."""
    if read == 0:
        raise InvalidSound(f"{path}: holds no samples; record it again")
    if read < (1 - ESTIMATED_SHARE) * header.frames and header.frames < UNKNOWN_FRAMES:
        raise InvalidSound(f"{path}: breaks off: {read} of {header.frames} samples are there; copy the file again")


def _opened(path: str | Path) -> soundfile.SoundFile:
    try:
        with quiet_libraries():
            return soundfile.SoundFile(os.fsencode(path))
    except (OSError, soundfile.SoundFileError, ValueError, TypeError) as error:
        raise InvalidSound(f"{path}: cannot be read as sound ({_reason(path, error)}); expected {FORMATS}") from error


def _header(file: soundfile.SoundFile, path: str | Path) -> SoundHeader:
    rate, channels, frames = int(file.samplerate), int(file.channels), int(file.frames)
    if rate < 1 or not 1 <= channels <= MAX_CHANNELS:
        raise InvalidSound(f"{path}: its header says {channels} channels at {rate} Hz; record it again or convert it")
    size = os.stat(path).st_size
    if frames == 0 and size > HEADER_BYTES:
        raise InvalidSound(
            f"{path}: its header says that it holds 0 samples, but {size} bytes are there: the recorder was stopped"
            " before it finished the file, or the file was cut; mend it (sox --ignore-length, ffmpeg -i) and try again"
        )
    if frames <= 0:
        raise InvalidSound(f"{path}: holds no samples; record it again")
    if missing := _missing_bytes(path, size):
        raise InvalidSound(
            f"{path}: breaks off: its header says that {missing} bytes more were written; copy the file again"
        )
    if _ogg_lacks_end(path, size):
        log.warning("%s: the OGG file has no end mark: it may have been cut, and what is there is read", path)
    return SoundHeader(rate, channels, frames)


def _ogg_lacks_end(path: str | Path, size: int) -> bool:
    """Whether a file is OGG and its last page is not marked as the last (RFC 3533)."""
    with open(path, "rb") as file:
        if file.read(4) != OGG_PAGE:
            return False
        file.seek(max(0, size - MAX_OGG_PAGE_BYTES))
        tail = file.read()
    at = tail.rfind(OGG_PAGE)
    return at < 0 or at + 5 >= len(tail) or not tail[at + 5] & OGG_LAST


def _missing_bytes(path: str | Path, size: int) -> int:
    """Bytes that a WAV or AIFF file promises and does not have; a length that was never known promises none."""
    with open(path, "rb") as file:
        form, _, kind = struct.unpack("<4sI4s", file.read(12).ljust(12, b"\0"))
        if (form, kind) not in ((b"RIFF", b"WAVE"), (b"FORM", b"AIFF"), (b"FORM", b"AIFC")):
            return 0
        order, wanted = ("<", b"data") if form == b"RIFF" else (">", b"SSND")
        while len(head := file.read(8)) == 8:
            name, length = struct.unpack(f"{order}4sI", head)
            if name == wanted:
                return 0 if length in NEVER_KNOWN else max(0, file.tell() + length - size)
            file.seek(length + length % 2, os.SEEK_CUR)
    return 0


def _read(file: soundfile.SoundFile, frames: int, path: str | Path) -> np.ndarray:
    try:
        with quiet_libraries():
            samples: np.ndarray = file.read(frames, dtype="float32")
        return samples
    except (OSError, soundfile.SoundFileError, RuntimeError, MemoryError) as error:
        raise InvalidSound(f"{path}: cannot be read on ({_reason(path, error)}); copy the file again") from error


def _reason(path: str | Path, error: Exception) -> str:
    if not os.path.exists(path):
        return "there is no such file"
    return str(getattr(error, "error_string", "") or getattr(error, "strerror", "") or error).rstrip(".")
