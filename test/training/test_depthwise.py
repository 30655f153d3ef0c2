# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The quick gradient of depthwise convolutions is torch's own."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from visual_byte_core.training.depthwise import QuickDepthwise, quicken_depthwise


@pytest.mark.parametrize(("height", "width", "side"), [(16, 16, 7), (2, 2, 7), (5, 3, 3), (1, 1, 7), (20, 16, 7)])
def test_output_and_gradients_are_those_of_torch(height: int, width: int, side: int) -> None:
    torch.manual_seed(0)
    plain = nn.Conv2d(6, 6, side, padding=side // 2, groups=6)
    quick = copy.deepcopy(plain)
    quicken_depthwise(quick)
    assert isinstance(quick, QuickDepthwise)
    pixels = torch.randn(4, 6, height, width).to(memory_format=torch.channels_last)
    for module in (plain, quick):
        module.seen = pixels.clone().requires_grad_()
        (module(module.seen) * torch.linspace(-1, 1, width)).sum().backward()
    torch.testing.assert_close(quick(pixels), plain(pixels))
    torch.testing.assert_close(quick.seen.grad, plain.seen.grad, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(quick.weight.grad, plain.weight.grad, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(quick.bias.grad, plain.bias.grad, atol=1e-4, rtol=1e-4)


def test_only_depthwise_convolutions_that_keep_the_size_are_changed() -> None:
    network = nn.Sequential(
        nn.Conv2d(4, 4, 4, stride=4), nn.Conv2d(4, 4, 7, padding=3, groups=4), nn.Conv2d(4, 4, 7, groups=4)
    )
    names = list(network.state_dict())
    quicken_depthwise(network)
    assert [type(module) for module in network] == [nn.Conv2d, QuickDepthwise, nn.Conv2d]
    assert list(network.state_dict()) == names


def test_under_autocast_it_computes_in_bfloat16() -> None:
    module = QuickDepthwise(4, 4, 7, padding=3, groups=4)
    with torch.autocast("cpu", torch.bfloat16):
        output = module(torch.randn(2, 4, 8, 8))
    assert output.dtype == torch.bfloat16
    output.sum().backward()
    assert module.weight.grad is not None and module.weight.grad.dtype == torch.float32
