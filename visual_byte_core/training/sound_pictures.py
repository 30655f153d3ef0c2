# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The pictures of a batch of spoken names at once, by torchaudio, as the robot draws each by NumPy.

Resizing is linear, so OpenCV is asked once for the matrix of each length; what the robot resizes is multiplied here.
Pictures differ from the robot's by rounding, one grey level at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from visual_byte_core.pretrained.torch_companions import import_torchaudio
from visual_byte_core.rendering.settings import SpeechSettings
from visual_byte_core.rendering.speech import BANDS, HOP, N_FFT, RATE, WINDOW, area_or_linear, stretched


def sound_pictures(names: Sequence[np.ndarray], size: int, settings: SpeechSettings) -> Tensor:
    """Log-mel pictures, speech method 2: uint8 (n, size, size), one channel for three equal ones.

    Args:
        names: float64 (samples,) each, as `prepare` in `rendering.speech` returns them.
    """
    if not names:
        return torch.zeros((0, size, size), dtype=torch.uint8)
    if settings.warp == "waveform":
        names = [stretched(samples, settings.seconds) for samples in names]
    frames = torch.tensor([1 + len(samples) // HOP for samples in names])
    padded = [torch.from_numpy(np.pad(samples, N_FFT // 2, mode="reflect").astype(np.float32)) for samples in names]
    sounds = torch.nn.utils.rnn.pad_sequence(padded, batch_first=True)
    grey = torch.log1p(_mel()(sounds))[:, :, : int(frames.max())]
    outside = torch.arange(grey.shape[2]) >= frames[:, None, None]
    low = grey.masked_fill(outside, torch.inf).amin(dim=(1, 2), keepdim=True)
    high = grey.masked_fill(outside, -torch.inf).amax(dim=(1, 2), keepdim=True)
    grey = (255 * (grey - low) / (high - low).clamp(min=1e-9)).flip(1)
    columns = 1 + round(settings.seconds * RATE) // HOP
    across = [_across(int(count), columns, size) for count in frames]
    # Frames beyond the end of a name meet rows of zeros.
    matrices = torch.stack([F.pad(matrix, (0, 0, 0, grey.shape[2] - len(matrix))) for matrix in across])
    pictures = _resizing(BANDS, size).T @ (grey @ matrices)
    return pictures.round().clamp(0, 255).to(torch.uint8)


@lru_cache(maxsize=1)
def _mel() -> torch.nn.Module:
    return import_torchaudio().transforms.MelSpectrogram(
        RATE,
        n_fft=N_FFT,
        win_length=WINDOW,
        hop_length=HOP,
        n_mels=BANDS,
        center=False,
        norm="slaney",
        mel_scale="slaney",
    )


@lru_cache(maxsize=1024)
def _across(frames: int, columns: int, size: int) -> Tensor:
    """From the frames of a name to the columns of the common frame, and from these to those of the picture."""
    return _resizing(frames, columns, cv2.INTER_LINEAR) @ _resizing(columns, size)


@lru_cache(maxsize=1024)
def _resizing(source: int, target: int, method: int | None = None) -> Tensor:
    """float32 (source, target): what OpenCV's resizing of a row multiplies it with."""
    interpolation = area_or_linear(source, target) if method is None else method
    return torch.from_numpy(cv2.resize(np.eye(source, dtype=np.float32), (target, source), interpolation=interpolation))
