# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""timm backbones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from visual_byte_core.errors import ConfigurationError
from visual_byte_core.pretrained.torch_companions import import_torchvision

import_torchvision()  # before timm imports it


def create_backbone(name: str, pretrained: bool | str, drop_path: float, layer_scale: float) -> nn.Module:
    """A timm backbone without its classifier: its features are (n, num_features, h, w) before pooling.

    layer_scale: start of the residual branches' scale; timm's 1e-6 is for hundreds of epochs, a short training
    never gets off it. pretrained: `False`, `True` (timm's own weights, from its hub or the local cache) or the
    path of a checkpoint.

    Raises:
        ConfigurationError: unknown name, or weights that are not available; never random weights instead.
    """
    import timm

    if not timm.is_model(name):
        raise ConfigurationError(f"model.backbone: timm has no {name!r}; see timm.list_models('convnext*')")
    options: dict[str, Any] = {"num_classes": 0, "drop_path_rate": drop_path}
    if name.startswith("convnext"):
        options["conv_mlp"] = False  # MLPs as MatMul, which quantizes well, not as 1x1 convolutions
        options["ls_init_value"] = layer_scale
    if isinstance(pretrained, str):
        if not Path(pretrained).is_file():
            raise ConfigurationError(f"model.pretrained: no file {pretrained}")
        options["pretrained_cfg_overlay"] = {"file": pretrained}
    try:
        network: nn.Module = timm.create_model(name, pretrained=bool(pretrained), **options)
    except (OSError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigurationError(f"model.backbone {name}, pretrained {pretrained}: {reason}") from error
    for module in network.modules():
        if type(module).__name__ == "Conv2dSame":
            module.__class__ = PaddedConv
    return network


class PaddedConv(nn.Conv2d):
    """A square convolution with TensorFlow's padding, `SAME`, for sides that are multiples of its stride.

    timm's own module works the padding out from each picture's side, which an exported network of free sides cannot.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Pictures (n, c, h, w), padded as TensorFlow does, convolved."""
        padding = self.kernel_size[0] - self.stride[0]
        before, after = padding // 2, padding - padding // 2
        padded = F.pad(input, (before, after, before, after))
        return F.conv2d(padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)
