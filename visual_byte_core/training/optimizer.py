# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The optimizer: AdamW, or Muon for the matrices with AdamW for everything else."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import nn

from visual_byte_core.errors import ConfigurationError
from visual_byte_core.training.config import OptimizerConfig
from visual_byte_core.training.network import VisualByteNet

LAST_STAGE = 3  # of the four of a ConvNeXt


def make_optimizer(
    network: VisualByteNet, config: OptimizerConfig, teacher: nn.Module | None = None
) -> torch.optim.Optimizer:
    """The optimizer that `config.name` says; the learning rate is set at each step by the caller.

    teacher: what learns beside the network and ends with the training, if anything.

    Muon (Jordan et al., 2024) makes the momentum of a matrix orthogonal before the step, scaled to AdamW's size of
    steps, so one learning rate serves both. Depthwise kernels are no matrices, the stem and the classifier are the
    ends that it is not meant for; these, norms, biases and the two scales take AdamW.

    Raises:
        ConfigurationError: an unknown name.
    """
    groups = _parameter_groups(network, config, teacher)
    if config.name == "adamw":
        return torch.optim.AdamW(groups)
    if config.name == "muon":
        from timm.optim.muon import Muon

        return Muon(groups, lr=config.learning_rate, betas=(0.9, 0.999))
    raise ConfigurationError(f"optimizer.name: expected adamw or muon, got {config.name!r}")


def _parameter_groups(
    network: VisualByteNet, config: OptimizerConfig, teacher: nn.Module | None
) -> list[dict[str, Any]]:
    """Hidden matrices, other kernels and matrices, and without weight decay norms, biases and scales.

    Each group has its `share` of the learning rate.
    """
    groups: dict[tuple[str, float], list[nn.Parameter]] = {}
    ends = {id(network.classifier.weight), id(_stem_weight(network))}
    beside = list(teacher.named_parameters()) if teacher else []
    ends |= {id(parameter) for _, parameter in beside}
    for name, parameter in (*network.named_parameters(), *beside):
        if not parameter.requires_grad:
            continue
        kind = "hidden"
        if parameter.ndim <= 1:
            kind = "plain"
        elif id(parameter) in ends or (parameter.ndim == 4 and parameter.shape[1] == 1):
            kind = "others"
        groups.setdefault((kind, _rate_share(name, config)), []).append(parameter)
    return [
        {
            "params": parameters,
            "weight_decay": 0.0 if kind == "plain" else config.weight_decay,
            "use_fallback": kind != "hidden",
            "share": share,
        }
        for (kind, share), parameters in groups.items()
    ]


def _rate_share(name: str, config: OptimizerConfig) -> float:
    """Learning rate of a parameter in that of the backbone's last stage."""
    if name.startswith("projector."):
        return config.projector_rate
    if name.startswith("classifier."):
        return config.classifier_rate
    if not name.startswith("backbone.") or config.layer_decay == 1:
        return 1.0
    stage = re.match(r"backbone\.(?:stages|blocks)\.(\d+)\.", name)
    if stage:
        return float(config.layer_decay ** (LAST_STAGE - min(LAST_STAGE, int(stage[1]))))
    return float(config.layer_decay ** (LAST_STAGE + 1)) if ".stem" in name or "conv_stem" in name else 1.0


def _stem_weight(network: VisualByteNet) -> torch.Tensor:
    """The kernel that sees the pixels."""
    return next(module.weight for module in network.backbone.modules() if isinstance(module, nn.Conv2d))
