# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Learning rate, lambda and the average of the weights over a run."""

from __future__ import annotations

import pytest
import torch

from visual_byte_core.training.average import AveragedWeights
from visual_byte_core.training.config import LossConfig
from visual_byte_core.training.network import VisualByteNet
from visual_byte_core.training.schedule import audio_weight, learning_rate_share, sound_is_on, visual_weight


def test_the_rate_rises_and_falls_to_nothing() -> None:
    assert learning_rate_share(0, 0.1) < 0.02 and learning_rate_share(0.1, 0.1) == 1
    assert learning_rate_share(0.55, 0.1) == pytest.approx(0.5) and learning_rate_share(1, 0.1) == 0
    assert learning_rate_share(1.5, 0.1) == 0  # a run that is resumed past its end


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (LossConfig(), [1, 1, 1, 1]),
        (LossConfig(audio_lambda=0.3), [0.3] * 4),
        (LossConfig(audio_warmup=0.5), [0, 0.5, 1, 1]),
        (LossConfig(audio_phases=(0.25, 0.5)), [0, 1, 1, 1]),
    ],
)
def test_lambda_is_constant_weighted_warmed_up_or_in_phases(config: LossConfig, expected: list[float]) -> None:
    assert [audio_weight(progress, config) for progress in (0, 0.25, 0.5, 0.75)] == pytest.approx(expected)


def test_in_the_second_phase_sounds_come_alone() -> None:
    config = LossConfig(audio_phases=(0.25, 0.5))
    assert [visual_weight(progress, config) for progress in (0, 0.2, 0.3, 0.5, 0.9)] == [1, 1, 0, 1, 1]
    assert [sound_is_on(progress, config) for progress in (0, 0.2, 0.25, 1)] == [False, False, True, True]
    assert visual_weight(0.3, LossConfig()) == 1


def test_the_average_follows_slowly_and_ends_where_the_weights_stay() -> None:
    network = VisualByteNet("convnext_atto", classes=2, dimension=8)
    average = AveragedWeights(network, 0.9)
    with torch.no_grad():
        network.classifier.weight += 1.0
    gaps = []
    for _ in range(60):
        average.follow(network)
        gaps.append(float((network.classifier.weight - average.network.classifier.weight).mean().detach()))
    assert 0.1 < gaps[0] < 0.5 and gaps[-1] < 0.02 and gaps == sorted(gaps, reverse=True)
    assert AveragedWeights(network, 0).network is network
