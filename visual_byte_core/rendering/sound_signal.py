# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""One preparation of sound for all that hear it: the detector of utterances, the gate for speech and the renderer."""

from __future__ import annotations

import numpy as np
import soxr

from visual_byte_core.errors import InvalidSound

RATE = 16000
# Quieter than one step of a 16-bit sample: digital silence, not a quiet room.
SILENCE_PEAK = 1.0 / 32768
# Of the louder channel: what is left of two channels of opposite phase.
CANCELLED = 0.01


def one_channel(samples: np.ndarray, rate: int) -> np.ndarray:
    """Sound as all of us hear it: mixed to one channel, without the offset of its driver, at 16 kHz.

    samples: float (n,) or (n, channels) in -1..1; integers are read at their full scale. rate: 1,000 to 384,000 Hz.
    Returns float64 (m,), whose mean is 0. The offset goes before the rate is changed: a resampler hears it as a click
    at both ends.
    Raises InvalidSound: of another shape or type, not finite, silent, or of channels that cancel one another.
    """
    samples = _as_float(samples, rate)
    mono = samples if samples.ndim == 1 else samples.mean(axis=1)
    centred: np.ndarray = mono - mono.mean()
    if _peak(centred) < SILENCE_PEAK:
        raise InvalidSound(why_silent(samples))
    if samples.ndim == 2 and (lost := cancelled(samples)):
        raise InvalidSound(lost)
    if rate != RATE:
        centred = soxr.resample(centred, rate, RATE)
        centred = centred - centred.mean()
    return centred


def cancelled(samples: np.ndarray) -> str:
    """Why the mean of float (n, channels) hears nothing though its channels do; empty if it hears them."""
    if samples.ndim != 2 or samples.shape[1] < 2:
        return ""
    channels = samples - samples.mean(axis=0)
    loudest = float(np.sqrt((channels**2).mean(axis=0)).max())
    mixed = float(np.sqrt((channels.mean(axis=1) ** 2).mean()))
    if loudest < SILENCE_PEAK or mixed > CANCELLED * loudest:
        return ""
    return (
        "sound: its channels cancel one another (opposite phase, as of a balanced cable on a stereo input); record one"
        " channel, or swap the wires of the other"
    )


def why_silent(samples: np.ndarray) -> str:
    """The reason for silence in float (n,) or (n, channels), in words."""
    if lost := cancelled(samples):
        return lost
    peak = _peak(samples - samples.mean(axis=0))
    if peak == 0:
        at = float(np.ravel(samples)[0])
        return (
            f"sound: silent, every sample is {at:.3g}: the microphone is muted by a switch or in the system, or another"
            " one was meant"
        )
    return (
        f"sound: silent, its peak of {20 * np.log10(peak):.0f} dBFS is under one 16-bit step: raise the gain of the"
        " microphone, and check that it is connected"
    )


def _as_float(samples: np.ndarray, rate: int) -> np.ndarray:
    samples = np.asarray(samples)
    if samples.ndim not in (1, 2) or samples.size == 0 or not 1000 <= rate <= 384_000:
        raise InvalidSound(
            f"sound: expected samples (n,) or (n, channels) at 1000 to 384000 Hz, got {samples.shape} at {rate} Hz"
        )
    if samples.dtype.kind == "i":
        samples = samples / -float(np.iinfo(samples.dtype).min)
    if samples.dtype.kind != "f":
        raise InvalidSound(f"sound: expected float or signed integer samples, got {samples.dtype}")
    if not np.isfinite(samples).all():
        raise InvalidSound("sound: holds NaN or infinite samples; check the driver or record again")
    return samples.astype(np.float64, copy=False)


def _peak(samples: np.ndarray) -> float:
    return float(np.abs(samples).max(initial=0.0))
