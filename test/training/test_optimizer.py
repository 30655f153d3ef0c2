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
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    groups = {
        names[id(parameter)]: group
        for group in make_optimizer(network, OptimizerConfig(name="muon")).param_groups
        for parameter in group["params"]
    }
    assert len(groups) == len(names)
    hidden = {name for name, group in groups.items() if not group["use_fallback"]}
    assert {"backbone.stages.0.blocks.0.mlp.fc1.weight", "projector.0.weight"} <= hidden
    assert not {"classifier.weight", "backbone.stem.0.weight", "backbone.stages.0.blocks.0.conv_dw.weight"} & hidden
    vectors = {name for name, parameter in network.named_parameters() if parameter.ndim <= 1}
    assert {name for name, group in groups.items() if group["weight_decay"] == 0} == vectors


def test_parts_of_the_network_have_rates_of_their_own(network: VisualByteNet) -> None:
    config = OptimizerConfig(layer_decay=0.5, projector_rate=2.0, classifier_rate=3.0)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    shares = {names[id(p)]: g["share"] for g in make_optimizer(network, config).param_groups for p in g["params"]}
    assert shares["projector.0.weight"] == 2 and shares["classifier.bias"] == 3 and shares["log_scale"] == 1
    stages = [shares[f"backbone.stages.{stage}.blocks.0.mlp.fc1.weight"] for stage in range(4)]
    assert stages == [0.125, 0.25, 0.5, 1.0] and shares["backbone.stem.0.weight"] == 0.0625


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
