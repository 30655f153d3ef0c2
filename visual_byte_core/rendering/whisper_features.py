# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What the encoder of a Whisper listens to: its own log-mel spectrogram, in NumPy (Radford et al., 2022)."""

from __future__ import annotations

import numpy as np

from visual_byte_core.rendering.speech import RATE, mel_filters

N_FFT, HOP = 400, 160
FRAMES_PER_STATE = 2  # the encoder halves the frames
LOUDNESS = 0.1  # root mean square that recordings of Whisper's kind have, in -1..1


def whisper_features(samples: np.ndarray, seconds: float) -> np.ndarray:
    """The spectrogram of 16 kHz samples (n,), silence after them up to `seconds`: float32 (80, 100 * seconds).

    Agrees with transformers' WhisperFeatureExtractor to 1e-4 on the frames of the samples.
    """
    padded = np.zeros(round(seconds * RATE))
    padded[: len(samples)] = samples[: len(padded)]
    padded = np.pad(padded, N_FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP][:-1]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)
    spectrum = np.fft.rfft(frames * hann)
    power = mel_filters(N_FFT) @ (spectrum.real**2 + spectrum.imag**2).T
    logarithm = np.log10(np.maximum(power, 1e-10))
    features: np.ndarray = (np.maximum(logarithm, logarithm.max() - 8) + 4) / 4
    return features.astype(np.float32)
