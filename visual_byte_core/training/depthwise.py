# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A quick weight gradient of depthwise convolutions on small feature maps, for training on a CPU.

oneDNN computes that gradient many times slower than the convolution itself; it takes a third of a training step. On a
small map it is cheaper to multiply every position of the input with every position of the output's gradient, one
matrix product a channel, and to sum the products of each offset (studies/depthwise.py compares the two).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MAX_MAP_POSITIONS = 16 * 16  # positions; beyond, all pairs of them cost more than they save


class QuickDepthwise(nn.Conv2d):
    """`nn.Conv2d` with the same parameters and results; only where the weight's gradient comes from differs."""

    def forward(self, input: Tensor) -> Tensor:
        """As Conv2d; on small maps of a processor, where it pays, with gradients of our own."""
        if (
            input.device.type != "cpu"
            or input.shape[2] * input.shape[3] > MAX_MAP_POSITIONS
            or not torch.is_grad_enabled()
        ):
            return super().forward(input)
        weight, bias = self.weight, self.bias
        if torch.is_autocast_enabled("cpu"):
            dtype = torch.get_autocast_dtype("cpu")
            input, weight, bias = input.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
        output: Tensor = _Depthwise.apply(input, weight)  # type: ignore[no-untyped-call]  # untyped in torch
        return output if bias is None else output + bias[:, None, None]


def quicken_depthwise(network: nn.Module) -> None:
    """Let every square depthwise convolution of stride 1 that keeps the map's size use the quick gradient, in place."""
    for module in network.modules():
        if type(module) is nn.Conv2d and _fits(module):
            module.__class__ = QuickDepthwise


def _fits(module: nn.Conv2d) -> bool:
    side = module.kernel_size[0]
    return (
        module.groups == module.in_channels == module.out_channels > 1
        and module.kernel_size == (side, side)
        and side % 2 == 1
        and module.padding == (side // 2, side // 2)
        and module.stride == module.dilation == (1, 1)
    )


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, pixels: Tensor, weight: Tensor) -> Tensor:
        context.save_for_backward(pixels, weight)
        return F.conv2d(pixels, weight, padding=weight.shape[-1] // 2, groups=len(weight))

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        pixels, weight = context.saved_tensors
        gradient = gradients[0]
        by_pixels = by_weight = None
        if context.needs_input_grad[0]:
            # The transpose of a convolution that keeps the size is the convolution with the kernel turned around.
            by_pixels = F.conv2d(gradient, weight.flip(2, 3), padding=weight.shape[-1] // 2, groups=len(weight))
        if context.needs_input_grad[1]:
            by_weight = _weight_gradient(pixels, gradient, weight.shape[-1])
        return by_pixels, by_weight


def _weight_gradient(pixels: Tensor, gradient: Tensor, side: int) -> Tensor:
    """(c, 1, side, side) of pixels and gradient (n, c, h, w)."""
    n, channels, height, width = pixels.shape
    a = pixels.permute(1, 2, 3, 0).reshape(channels, height * width, n)
    b = gradient.permute(1, 0, 2, 3).reshape(channels, n, height * width)
    products = torch.bmm(a, b).reshape(channels, -1)
    places, offsets = _pairs(height, width, side)
    summed = torch.zeros(channels, side * side, dtype=torch.float32)
    summed.index_add_(1, offsets, products[:, places].float())
    return summed.reshape(channels, 1, side, side).to(pixels.dtype)


@lru_cache(maxsize=16)
def _pairs(height: int, width: int, side: int) -> tuple[Tensor, Tensor]:
    """Which products (input position x output position, flat) count, and for which of the side * side offsets."""
    y, x = (axis.reshape(-1) for axis in torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij"))
    down, right = y[:, None] - y + side // 2, x[:, None] - x + side // 2
    near = (down >= 0) & (down < side) & (right >= 0) & (right < side)
    return near.reshape(-1).nonzero().squeeze(1), (down * side + right)[near]
