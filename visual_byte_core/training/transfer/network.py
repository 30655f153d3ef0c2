# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The network as it is while it learns from a pretrained classifier: a frozen lower part, a trained upper one."""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from visual_byte_core.training.network import VisualByteNet
from visual_byte_core.training.transfer.upper import UpperBlocks


class Lower(nn.Module):
    """Stem and blocks before the cut of a timm EfficientNet, frozen: pixels -> features (n, channels, h, w)."""

    def __init__(self, backbone: Any, cut: int) -> None:
        super().__init__()
        self.stem = nn.Sequential()
        self.stem.conv, self.stem.norm = copy.deepcopy(backbone.conv_stem), copy.deepcopy(backbone.bn1)
        self.blocks = copy.deepcopy(backbone.blocks[:cut])
        self.eval()
        _fold_norms(self)  # a third of the time
        self.eval().requires_grad_(False)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it

    def forward(self, pixels: Tensor) -> Tensor:
        """Normalized pictures (n, 3, s, s) -> features at the cut (n, c, h, w)."""
        features: Tensor = self.blocks(self.stem(pixels.contiguous(memory_format=torch.channels_last)))
        return features.contiguous()


def _fold_norms(module: nn.Module) -> None:
    """Put each batch norm into the convolution that timm places before it, in place; its activation stays."""
    before = ""
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Conv2d):
            before = name
        elif isinstance(child, nn.BatchNorm2d) and before:
            setattr(module, before, fuse_conv_bn_eval(getattr(module, before), child))
            setattr(module, name, getattr(child, "act", nn.Identity()))
            before = ""
        else:
            _fold_norms(child)


class Learner(nn.Module):
    """What is trained.

    Upper blocks and projector, the prototypes of names whose photos may move them, and a head that predicts a speech
    teacher's values and ends with the training.
    """

    def __init__(self, network: VisualByteNet, cut: int, prototypes: Tensor, teacher_values: int) -> None:
        super().__init__()
        self.upper = UpperBlocks(network.backbone, cut)
        self.projector = copy.deepcopy(network.projector)
        self.prototypes = nn.Parameter(prototypes.clone())
        features = network.backbone.head_hidden_size
        self.teacher_head = nn.Linear(features, teacher_values) if teacher_values else None

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Kept features -> pooled features (n, f), and embeddings (n, dimension) of unit length."""
        pooled = self.upper(features)
        return pooled, F.normalize(self.projector(pooled), dim=-1)

    @torch.no_grad()
    def write_into(self, network: VisualByteNet) -> None:
        """Put what was learned into a whole network; its classifier becomes the prototypes."""
        self.upper.write_into(network.backbone)
        network.projector.load_state_dict(self.projector.state_dict())
        network.classifier.weight.copy_(F.normalize(self.prototypes, dim=-1))
        network.classifier.bias.zero_()
