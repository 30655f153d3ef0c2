# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A ConvNeXt (Liu et al. 2022) written for ONNX Runtime: the same numbers in fewer operators, each pass one less.

Written out as timm computes it, a fifth of the time goes into turning the picture (channels first for convolutions,
last for products), into convolutions of 2 x 2 that ONNX Runtime does not compute in integers, and into factors that
could as well be part of the weights beside them. So here the picture stays channels last but for the depthwise
convolutions; the convolutions of 2 x 2 are products; and factors are multiplied into the weights that follow (those of
timm's SimpleNorm) or precede them (layer scale).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from visual_byte_core.training.network import VisualByteNet

SIMPLE_NORMS = ("SimpleNorm", "SimpleNorm2d")
NORMS = (*SIMPLE_NORMS, "LayerNorm", "LayerNorm2d")


def is_plain_convnext(network: VisualByteNet) -> bool:
    """Whether `LeanConvNeXt` computes what the network does: timm's ConvNeXt, whose blocks keep size and width."""
    backbone: Any = network.backbone
    if type(backbone).__name__ != "ConvNeXt" or type(backbone.head).__name__ != "NormMlpClassifierHead":
        return False
    halving = [stage.downsample for stage in backbone.stages if not isinstance(stage.downsample, nn.Identity)]
    blocks = [block for stage in backbone.stages for block in stage.blocks]
    norms = [backbone.stem[-1], backbone.head.norm, *(norm for norm, _ in halving), *(block.norm for block in blocks)]
    return (
        all(type(norm).__name__ in NORMS for norm in norms)
        and isinstance(network.projector, nn.Sequential)
        and isinstance(backbone.norm_pre, nn.Identity)
        and isinstance(backbone.head.pre_logits, nn.Identity)
        and all(convolution.kernel_size == convolution.stride == (2, 2) for _, convolution in halving)
        and all(isinstance(block.shortcut, nn.Identity) and not block.use_conv_mlp for block in blocks)
    )


class LeanConvNeXt(nn.Module):
    """Computes what `network.with_map` does, of a network of which `is_plain_convnext` holds."""

    def __init__(self, network: VisualByteNet) -> None:
        super().__init__()
        backbone: Any = network.backbone
        layers: list[nn.Module] = []
        for stage in backbone.stages:
            if not isinstance(stage.downsample, nn.Identity):
                layers.append(_Halving(*stage.downsample))
            layers += [_Block(block) for block in stage.blocks]
        self.stem = backbone.stem[:-1]
        self.stem_norm = _Norm(backbone.stem[-1])
        # What follows is a convolution, and the sum of the blocks: the factors stay.
        self.stem_factors = None if self.stem_norm.factors is None else nn.Parameter(self.stem_norm.factors)
        self.layers = nn.Sequential(*layers)
        self.head_norm = _Norm(backbone.head.norm)
        projector: Any = network.projector
        first, activation, second = projector
        assert isinstance(first, nn.Linear)
        self.projector = nn.Sequential(_after(self.head_norm, first), activation, second)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Embed photos, whole and by cell.

        Args:
            pixels: float32 (n, 3, h, w), normalized.

        Returns:
            Embeddings (n, dimension) and maps (n, dimension, h / 32, w / 32), of unit length.
        """
        x = self.stem_norm(self.stem(pixels).permute(0, 2, 3, 1))
        x = self.layers(x if self.stem_factors is None else x * self.stem_factors)
        n, height, width, channels = x.shape
        # Head and projector see the mean and the cells at once: their weights are read once.
        rows = torch.cat([x.mean((1, 2))[:, None], x.flatten(1, 2)], 1)
        embedded = self.projector(self.head_norm(rows).reshape(-1, channels))
        lengths = torch.linalg.vector_norm(embedded, dim=-1, keepdim=True).clamp(min=1e-12)
        unit = (embedded / lengths).reshape(n, 1 + height * width, -1)
        return unit[:, 0], unit[:, 1:].reshape(n, height, width, -1).permute(0, 3, 1, 2)


class _Norm(nn.Module):
    """Over the last dimension.

    timm's SimpleNorm is x / sqrt(variance) * weight: without its weight, which is in `factors`, it takes the third
    output of ONNX's LayerNormalization and one product. `factors`: None for LayerNorm.
    """

    def __init__(self, norm: Any) -> None:
        super().__init__()
        self.shape: tuple[int, ...] = tuple(norm.normalized_shape)
        self.eps: float = norm.eps
        self.factors: Tensor | None = None
        if type(norm).__name__ in SIMPLE_NORMS:
            # Its variance divides by n - 1, that of LayerNormalization by n.
            unbiased = (self.shape[0] - 1) / self.shape[0]
            self.eps *= unbiased
            self.factors = norm.weight.detach() * unbiased**0.5
        else:
            self.weight, self.bias = norm.weight, norm.bias

    def forward(self, x: Tensor) -> Tensor:
        if self.factors is None:
            return F.layer_norm(x, self.shape, self.weight, self.bias, self.eps)
        return x * torch.native_layer_norm(x, self.shape, None, None, self.eps)[2]


class _Block(nn.Module):
    def __init__(self, block: Any) -> None:
        super().__init__()
        self.depthwise = block.conv_dw
        self.norm = _Norm(block.norm)
        last, scale = block.mlp.fc2, getattr(block, "gamma", None)
        if scale is not None:
            last = _linear(last.weight * scale[:, None], last.bias * scale)
        between = getattr(block.mlp, "grn", nn.Identity())  # of ConvNeXt V2
        self.mlp = nn.Sequential(_after(self.norm, block.mlp.fc1), block.mlp.act, between, last)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = x + self.mlp(self.norm(self.depthwise(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)))
        return output


class _Halving(nn.Module):
    """A norm, and a convolution of 2 x 2 in steps of two, as the product over the channels of four pixels."""

    def __init__(self, norm: Any, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.norm = _Norm(norm)
        weight = (
            convolution.weight if self.norm.factors is None else convolution.weight * self.norm.factors[:, None, None]
        )
        self.product = _linear(weight.permute(0, 2, 3, 1).flatten(1), convolution.bias)

    def forward(self, x: Tensor) -> Tensor:
        n, height, width, channels = x.shape
        squares = self.norm(x).reshape(n, height // 2, 2, width // 2, 2, channels).transpose(2, 3)
        output: Tensor = self.product(squares.reshape(n, height // 2, width // 2, 4 * channels))
        return output


def _after(norm: _Norm, linear: nn.Linear) -> nn.Linear:
    """The linear layer with the factors of the norm before it."""
    return linear if norm.factors is None else _linear(linear.weight * norm.factors, linear.bias)


def _linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    """weight: (out, in)."""
    made = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    made.weight = nn.Parameter(weight.detach().contiguous())
    if bias is not None:
        made.bias = nn.Parameter(bias.detach())
    return made
