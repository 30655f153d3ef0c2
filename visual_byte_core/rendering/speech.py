# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Speech: a spoken name becomes its log-mel spectrogram, low frequencies at the bottom.

The mel scale and its triangular filters are Slaney's (Auditory Toolbox, 1998), as librosa computes them by default.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import soxr

from visual_byte_core.errors import InvalidSound, ModelError, TooLong
from visual_byte_core.rendering.settings import SpeechSettings
from visual_byte_core.rendering.sound_file import read_sound as read_sound
from visual_byte_core.rendering.sound_signal import RATE as RATE
from visual_byte_core.rendering.sound_signal import one_channel

N_FFT, WINDOW, HOP, BANDS = 512, 400, 160, 80


def mono_at(samples: np.ndarray, rate: int, target: int) -> np.ndarray:
    """Samples, float (n,) or (n, channels) at `rate` Hz, mixed to one channel at `target` Hz, of the same dtype."""
    mono = samples if samples.ndim == 1 else samples.mean(axis=1, dtype=samples.dtype)
    return mono if rate == target else soxr.resample(mono, rate, target)


def render_speech(samples: np.ndarray, rate: int, size: int, settings: SpeechSettings = SpeechSettings()) -> np.ndarray:
    """Render one spoken name.

    Args:
        samples: float (n,) or (n, channels) in -1..1; integers are read at their full scale.
        rate: samples a second, 1,000 to 384,000.
        size: side of the result in pixels.
        settings: trimming, loudness and time axis, as the bundle says.

    Returns:
        uint8 (size, size, 3), RGB, three equal channels; time runs to the right.

    Raises:
        InvalidSound: silent, not finite, shorter or longer than a name can be.
        ModelError: method 1, which needs a Whisper: `pretrained.renderers` draws that.
    """
    if settings.method != 2:
        raise ModelError(f"speech.method: {settings.method} needs a Whisper, which a robot does not run; use method 2")
    mono = prepare(samples, rate, settings)
    if settings.warp == "waveform":
        mono = stretched(mono, settings.seconds)
    log_mel = np.log1p(mel_spectrogram(mono))
    low, high = log_mel.min(), log_mel.max()
    grey = (255 * (log_mel - low) / max(high - low, 1e-9))[::-1]
    # First to the columns of the 2 s frame, then to the square: short and long names end on the same time axis.
    columns = 1 + round(settings.seconds * RATE) // HOP
    framed = cv2.resize(np.ascontiguousarray(grey, np.float32), (columns, BANDS), interpolation=cv2.INTER_LINEAR)
    square = cv2.resize(framed, (size, BANDS), interpolation=area_or_linear(columns, size))
    square = cv2.resize(square, (size, size), interpolation=area_or_linear(BANDS, size))
    return np.repeat(np.clip(np.rint(square), 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def prepare(samples: np.ndarray, rate: int, settings: SpeechSettings) -> np.ndarray:
    """Mono, 16 kHz, trimmed, scaled to one loudness: float64 (n,); errors as `render_speech`."""
    mono = _trim(one_channel(samples, rate), settings.trim_db)
    seconds = len(mono) / RATE
    if not settings.shortest <= seconds <= settings.longest:
        raise (TooLong if seconds > settings.longest else InvalidSound)(
            f"sound: {seconds:.2f} s of it is not silent, a spoken name takes {settings.shortest:g} to"
            f" {settings.longest:g} s; say only the name"
        )
    levelled: np.ndarray = mono * (settings.rms / np.sqrt(np.mean(mono**2)))
    return levelled


def stretched(samples: np.ndarray, seconds: float) -> np.ndarray:
    """16 kHz samples (n,) played faster or slower so that they last `seconds`."""
    steps = np.linspace(0, len(samples) - 1, round(seconds * RATE))
    played: np.ndarray = np.interp(steps, np.arange(len(samples)), samples)
    return played


def mel_spectrogram(samples: np.ndarray) -> np.ndarray:
    """Power mel spectrogram of 16 kHz samples (n,), reflected at the ends: float64 (80, 1 + n // 160)."""
    padded = np.pad(samples, N_FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP]
    spectrum = np.fft.rfft(frames * _window())
    power = spectrum.real**2 + spectrum.imag**2
    # Band by band: a filter is zero almost everywhere, and the product of whole matrices would start BLAS threads,
    # which take 20 times as long as the product when another process holds one of the cores.
    return np.stack([power[:, low : low + len(weights)] @ weights for low, weights in _mel_bands()])


def _trim(samples: np.ndarray, trim_db: float) -> np.ndarray:
    """Cut both ends where 25 ms frames lie `trim_db` under the loudest."""
    padded = np.pad(samples, WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    power = np.einsum("ij,ij->i", frames, frames)
    loud = np.flatnonzero(power > power.max() * 10 ** (-trim_db / 10))
    return samples[max(0, loud[0] - 1) * HOP : (loud[-1] + 2) * HOP]


@lru_cache(maxsize=1)
def _window() -> np.ndarray:
    """Periodic Hann window of 400 samples, centred in 512."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    side = (N_FFT - WINDOW) // 2
    return np.pad(hann, (side, N_FFT - WINDOW - side))


@lru_cache(maxsize=2)
def mel_filters(n_fft: int = N_FFT) -> np.ndarray:
    """Slaney's triangular filters of equal area for spectra of `n_fft` samples: float64 (80, 1 + n_fft // 2)."""
    edges = _mel_to_hz(np.linspace(0, _hz_to_mel(RATE / 2), BANDS + 2))
    bins = np.fft.rfftfreq(n_fft, 1 / RATE)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    bands: np.ndarray = triangles * (2 / (edges[2:] - edges[:-2]))[:, None]
    return bands


@lru_cache(maxsize=1)
def _mel_bands() -> list[tuple[int, np.ndarray]]:
    """First bin and weights of each filter, without the zeros around them."""
    bands = [np.flatnonzero(weights) for weights in mel_filters()]
    return [(int(b[0]), weights[b[0] : b[-1] + 1]) for b, weights in zip(bands, mel_filters(), strict=True)]


# Slaney's scale: 3 mels for 200 Hz up to 1 kHz, from there 27 mels for a factor of 6.4.
_LINEAR_HZ, _KNEE_HZ, _LOG_STEP = 200 / 3, 1000.0, np.log(6.4) / 27


def _hz_to_mel(hz: float) -> float:
    return hz / _LINEAR_HZ if hz < _KNEE_HZ else _KNEE_HZ / _LINEAR_HZ + float(np.log(hz / _KNEE_HZ)) / _LOG_STEP


def _mel_to_hz(mel: np.ndarray) -> np.ndarray:
    knee = _KNEE_HZ / _LINEAR_HZ
    return np.where(mel < knee, mel * _LINEAR_HZ, _KNEE_HZ * np.exp(_LOG_STEP * (np.maximum(mel, knee) - knee)))


def area_or_linear(source: int, target: int) -> int:
    """OpenCV's interpolation for a side of so many pixels that becomes another: areas where it shrinks."""
    return cv2.INTER_AREA if source > target else cv2.INTER_LINEAR
