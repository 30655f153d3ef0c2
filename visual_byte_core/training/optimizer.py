# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The optimizer: AdamW, or Muon for the matrices with AdamW for everything else."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from visual_byte_core.errors import ConfigurationError
from visual_byte_core.training.config import OptimizerConfig
from visual_byte_core.training.network import VisualByteNet


def make_optimizer(network: VisualByteNet, config: OptimizerConfig) -> torch.optim.Optimizer:
    """The optimizer that `config.name` says; the learning rate is set at each step by the caller.

    Muon (Jordan et al., 2024) makes the momentum of a matrix orthogonal before the step, scaled to AdamW's size of
    steps, so one learning rate serves both. Depthwise kernels are no matrices, the stem and the classifier are the
    ends that it is not meant for; these, norms, biases and the two scales take AdamW.

    Raises:
        ConfigurationError: an unknown name.
    """
    groups = _parameter_groups(network, config.weight_decay)
    if config.name == "adamw":
        return torch.optim.AdamW(groups)
    if config.name == "muon":
        from timm.optim.muon import Muon

        return Muon(groups, lr=config.learning_rate, betas=(0.9, 0.999))
    raise ConfigurationError(f"optimizer.name: expected adamw or muon, got {config.name!r}")


def _parameter_groups(network: VisualByteNet, weight_decay: float) -> list[dict[str, Any]]:
    """Hidden matrices, other kernels and matrices, and without weight decay norms, biases and scales."""
    hidden, others, plain = [], [], []
    ends = {id(network.classifier.weight), id(_stem_weight(network))}
    for parameter in network.parameters():
        if not parameter.requires_grad:
            continue
        if parameter.ndim <= 1:
            plain.append(parameter)
        elif id(parameter) in ends or (parameter.ndim == 4 and parameter.shape[1] == 1):
            others.append(parameter)
        else:
            hidden.append(parameter)
    return [
        {"params": hidden, "weight_decay": weight_decay},
        {"params": others, "weight_decay": weight_decay, "use_fallback": True},
        {"params": plain, "weight_decay": 0.0, "use_fallback": True},
    ]


def _stem_weight(network: VisualByteNet) -> torch.Tensor:
    """The kernel that sees the pixels."""
    return next(module.weight for module in network.backbone.modules() if isinstance(module, nn.Conv2d))
