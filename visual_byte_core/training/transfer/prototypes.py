# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""One direction a name in the embedding space: where its photos lie, before any word or sound has been learned.

The space is that of the pretrained network's pooled features, without their mean, in the 512 directions along which the
rows of its classifier differ most (their right singular vectors). A name of the classifier stands where its row does; a
name with photos where they do on average; a broader name in the middle of its kinds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from visual_byte_core.errors import ConfigurationError, InvalidNames
from visual_byte_core.names import ClassName, overlaps
from visual_byte_core.pretrained.torch_companions import import_companions


@dataclass(frozen=True)
class Basis:
    """The projection of pooled features: `weight` (dimension, features) and `bias` (dimension,), as of a Linear."""

    weight: Tensor
    bias: Tensor

    def embed(self, features: Tensor) -> Tensor:
        """Features (n, features) -> (n, dimension), unit length."""
        return F.normalize(features @ self.weight.T + self.bias, dim=-1)


def basis_of(rows: Tensor, mean: Tensor, dimension: int) -> Basis:
    """The basis of a classifier's rows (classes, features), for features of the given mean (features,).

    Raises:
        ConfigurationError: the rows do not span that many dimensions.
    """
    if dimension > min(rows.shape[0] - 1, rows.shape[1]):
        raise ConfigurationError(
            f"model.dimension: {dimension}, but a classifier of {rows.shape[0]} classes and {rows.shape[1]} features"
            f" spans {min(rows.shape[0] - 1, rows.shape[1])}; set it to that or less"
        )
    _, _, directions = torch.linalg.svd(rows - rows.mean(dim=0), full_matrices=False)
    weight = directions[:dimension].contiguous()
    return Basis(weight, -(weight @ mean))


def prototypes_of_rows(rows: Tensor, basis: Basis) -> Tensor:
    """Where the classes of a classifier stand: (classes, dimension), unit length."""
    return F.normalize((rows - rows.mean(dim=0)) @ basis.weight.T, dim=-1)


def synsets(path: str = "") -> list[str]:
    """The WordNet ids of a classifier's classes in the order of its rows, one a line of a file.

    timm's list of ImageNet's 1,000 if no path is given. Raises ConfigurationError.
    """
    import_companions()  # before timm
    try:
        if path:
            text = Path(path).read_text(encoding="utf-8")
        else:
            text = resources.files("timm.data").joinpath("_info/imagenet_synsets.txt").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"transfer.classes: {path} cannot be read ({error})") from error
    return text.split()


def prototypes(names: Sequence[ClassName], of_rows: Mapping[str, Tensor], of_photos: Mapping[str, Tensor]) -> Tensor:
    """One prototype a name: (names, dimension), unit length.

    of_rows: by WordNet id; of_photos: by slug the mean embedding of its photos, for names that no row stands for.

    Raises:
        InvalidNames: a name has neither a row, nor photos, nor kinds that have.
    """
    own: dict[str, Tensor] = {}
    for name in names:
        row, photos = of_rows.get(name.synset), of_photos.get(name.slug)
        if row is not None:
            own[name.slug] = row
        elif photos is not None:
            own[name.slug] = photos
    related = overlaps(names)
    placed: list[Tensor] = []
    for name in names:
        kinds = [own[slug] for slug in sorted(related[name.slug]) if slug in own]
        if name.slug in own:
            placed.append(own[name.slug])
        elif kinds:
            placed.append(torch.stack(kinds).mean(dim=0))
        else:
            raise InvalidNames(
                f"{name.slug}: no row of the classifier, no photos and no kinds that have; add photos of it to the data"
                " set, or take the name out of the names file"
            )
    return F.normalize(torch.stack(placed), dim=-1)
