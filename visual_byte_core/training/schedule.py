# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""How the learning rate and lambda change over a training run."""

from __future__ import annotations

import math

from visual_byte_core.training.config import LossConfig

VANISHED = 0.01  # share of the highest rate, below which weights hardly move


def learning_rate_share(progress: float, warmup: float) -> float:
    """Share of the highest rate at a progress of 0..1: linear warm-up over a share of it, then half a cosine to 0."""
    if progress < warmup:
        return (progress + 1e-3) / (warmup + 1e-3)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - warmup) / (1 - warmup))))


def audio_weight(progress: float, config: LossConfig) -> float:
    """Lambda, the factor of both audio terms, at a progress of 0..1.

    Constant (`audio_lambda`), rising from 0 over the share `audio_warmup`, or by `audio_phases`.
    """
    rise = min(1.0, progress / config.audio_warmup if config.audio_warmup else 1.0)
    return config.audio_lambda * rise * sound_is_on(progress, config)


def sound_is_on(progress: float, config: LossConfig) -> bool:
    """False in the first of three phases, in which photos and words are learned alone."""
    return progress >= config.audio_phases[0]


def visual_weight(progress: float, config: LossConfig) -> float:
    """Factor of the terms without sound: 0 in the second of three phases, in which sounds are learned alone."""
    return 0.0 if config.audio_phases[0] <= progress < config.audio_phases[1] else 1.0
