# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Classifiers of timm that others trained: their network, brought to this project's pixels, and the rows of their head.

The rows are one vector a class, in the space of the network's pooled features: a photo's features, multiplied with
them, say how much it shows of each class. So they serve as what photos of that class would have averaged to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from visual_byte_core.errors import ConfigurationError
from visual_byte_core.pretrained.torch_companions import import_companions
from visual_byte_core.rendering.normalize import MEAN, STD


@dataclass(frozen=True)
class Classifier:
    """A classifier, opened.

    backbone: the weights of the network without its head, by timm's names, for pixels as `rendering.normalize` makes
    them; rows: float32 (classes, features), the head's weights.
    """

    name: str
    backbone: dict[str, Tensor]
    rows: Tensor


def open_classifier(name: str, weights: str | Path, classes: int) -> Classifier:
    """Read the weights, safetensors or a file of PyTorch without objects, of the timm network `name`.

    Raises:
        ConfigurationError: timm has no such network, the file is missing or is none of weights, or it holds the weights
            of another network or a head of another number of classes.
    """
    import_companions()
    import timm

    if not timm.is_model(name):
        raise ConfigurationError(f"classifier: timm has no network {name!r}; see timm.list_models()")
    values = _read(Path(weights))
    network: Any = timm.create_model(name, num_classes=classes)
    _check(name, Path(weights), network.state_dict(), values, network.get_classifier())
    network.load_state_dict(values)
    cfg = network.pretrained_cfg
    _take_our_pixels(network, cfg["first_conv"], cfg["mean"], cfg["std"])
    rows = network.get_classifier().weight.detach().clone()
    network.reset_classifier(0)
    return Classifier(name, {key: value.detach().clone() for key, value in network.state_dict().items()}, rows)


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise ConfigurationError(f"classifier: no file {path}; give the path of its weights")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        values = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, RuntimeError, ValueError, EOFError, KeyError) as error:
        raise ConfigurationError(f"classifier: {path} holds no weights ({_first_line(error)})") from error
    except Exception as error:  # pickle's refusal, of a class that torch does not export
        raise ConfigurationError(
            f"classifier: {path} holds more than weights ({_first_line(error)}); save its state dict alone"
        ) from error
    values = values.get("state_dict", values) if isinstance(values, Mapping) else None
    if not values or not all(isinstance(value, Tensor) for value in values.values()):
        raise ConfigurationError(f"classifier: {path} holds no weights by name; save its state dict alone")
    return dict(values)


def _check(name: str, path: Path, ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], head: nn.Linear) -> None:
    [row_key] = [key for key, value in ours.items() if value.data_ptr() == head.weight.data_ptr()]
    theirs_rows = theirs.get(row_key)
    if (
        theirs_rows is not None
        and theirs_rows.shape[1:] == head.weight.shape[1:]
        and len(theirs_rows) != len(head.weight)
    ):
        raise ConfigurationError(
            f"classifier: {path} names {len(theirs_rows)} classes, expected {len(head.weight)}, one a line of the"
            " list of classes; give the list that it was trained with"
        )
    missing, strange = sorted(ours.keys() - theirs.keys()), sorted(theirs.keys() - ours.keys())
    other = [key for key in ours.keys() & theirs.keys() if ours[key].shape != theirs[key].shape]
    if missing or strange or other:
        shown = [f"lacks {missing[0]}"] * bool(missing) + [f"has {strange[0]}"] * bool(strange)
        shown += [
            f"{key} is {tuple(theirs[key].shape)}, expected {tuple(ours[key].shape)}" for key in sorted(other)[:1]
        ]
        raise ConfigurationError(f"classifier: {path} is not of {name}: it {', '.join(shown)}; name its network")


def _take_our_pixels(network: nn.Module, first: str, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    """Fold the difference between its normalization and ours into the first convolution, in place."""
    scale = torch.tensor(STD) / torch.tensor(std)
    shift = (torch.tensor(MEAN) - torch.tensor(mean)) / torch.tensor(std)
    if not shift.any() and bool((scale == 1).all()):
        return
    modules = dict(network.named_modules())
    convolution = modules[first]
    assert isinstance(convolution, nn.Conv2d)
    with torch.no_grad():
        constant = (convolution.weight * shift[:, None, None]).sum(dim=(1, 2, 3))
        convolution.weight.mul_(scale[:, None, None])
        if convolution.bias is not None:
            convolution.bias.add_(constant)
            return
        # Without a bias a batch norm follows, which subtracts a mean anyway.
        following = next(m for m in list(modules.values())[[*modules].index(first) :] if isinstance(m, nn.BatchNorm2d))
        assert following.running_mean is not None
        following.running_mean.sub_(constant)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
