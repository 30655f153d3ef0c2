# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Which parameters each part of the optimizer changes, and that both optimizers learn."""

from __future__ import annotations

import pytest
import torch

from visual_byte_core.errors import ConfigurationError
from visual_byte_core.training.config import OptimizerConfig
from visual_byte_core.training.network import VisualByteNet
from visual_byte_core.training.optimizer import make_optimizer


@pytest.fixture
def network() -> VisualByteNet:
    torch.manual_seed(0)
    return VisualByteNet("convnext_atto", classes=4, dimension=16, layer_scale=0.1)


def test_muon_takes_the_hidden_matrices_and_nothing_else(network: VisualByteNet) -> None:
    hidden, others, plain = make_optimizer(network, OptimizerConfig(name="muon")).param_groups
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    named = [{names[id(p)] for p in group["params"]} for group in (hidden, others, plain)]
    assert sum(map(len, named)) == len(names)
    assert "backbone.stages.0.blocks.0.mlp.fc1.weight" in named[0] and "projector.0.weight" in named[0]
    assert {"classifier.weight", "backbone.stem.0.weight", "backbone.stages.0.blocks.0.conv_dw.weight"} <= named[1]
    assert {"log_scale", "log_temperature", "classifier.bias"} <= named[2]
    assert plain["weight_decay"] == 0 and not hidden.get("use_fallback")


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_a_few_steps_lower_the_loss(network: VisualByteNet, name: str) -> None:
    optimizer = make_optimizer(network, OptimizerConfig(name=name))
    for group in optimizer.param_groups:
        group["lr"] = 1e-3
    pixels, classes = torch.randn(4, 3, 32, 32), torch.arange(4)
    values = []
    for _ in range(8):
        loss = torch.nn.functional.cross_entropy(network.logits(network(pixels)), classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(float(loss.detach()))
    assert values[-1] < 0.7 * values[0]


def test_an_unknown_optimizer_is_named(network: VisualByteNet) -> None:
    with pytest.raises(ConfigurationError, match=r"optimizer\.name: expected adamw or muon, got 'sgd'"):
        make_optimizer(network, OptimizerConfig(name="sgd"))
