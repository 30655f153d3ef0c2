# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Mixup (Zhang et al., 2018): blends of two photos, for the classification loss alone.

A blend of an apple and a lamp has no name to be drawn to, so the contrastive terms never see it. Names that overlap one
of the two (Royal Gala, an apple) are no wrong answers here either.
"""

from __future__ import annotations

import torch
from torch import Tensor

from visual_byte_core.training.config import TrainingConfig
from visual_byte_core.training.losses import Embedded
from visual_byte_core.training.network import VisualByteNet
from visual_byte_core.training.pixels import prepare_pixels


class Mixup:
    """The term `mixup` of the loss; called once a step, and drawing from torch's generator."""

    def __init__(self, config: TrainingConfig, network: VisualByteNet, overlap: Tensor) -> None:
        self.weight, self.share = config.loss.classify_image, config.augment.mixup
        self.network, self.overlap = network, overlap

    def __call__(self, images: Tensor, embedded: Embedded) -> dict[str, Tensor]:
        """The weighted term for images uint8 (n, s, s, 3), of which the photos come first."""
        photos = images[: len(embedded.photos)]
        count = max(1, round(self.share * len(photos)))
        first, second = (torch.randperm(len(photos))[:count].to(images.device) for _ in range(2))
        share = torch.distributions.Beta(0.4, 0.4).sample((count,)).to(images.device)
        pixels = prepare_pixels(photos)
        mixed = torch.lerp(pixels[second], pixels[first], share[:, None, None, None])
        classes = embedded.classes.repeat(len(photos) // len(embedded.classes))
        loss = blended_loss(
            self.network.logits(self.network(mixed)), classes[first], classes[second], share, self.overlap
        )
        return {"mixup": self.weight * self.share * loss}


def blended_loss(logits: Tensor, first: Tensor, second: Tensor, share: Tensor, overlap: Tensor) -> Tensor:
    """Mean cross-entropy with both classes of each blend, `share` (n,) of it with the first; logits (n, classes).

    Args:
        overlap: bool (classes, classes); classes that may name either photo as well are left out of the comparison.
    """
    hidden = (overlap[first] | overlap[second]).scatter(1, torch.stack([first, second], dim=1), False)
    log_probability = logits.masked_fill(hidden, torch.finfo(logits.dtype).min).log_softmax(dim=1)
    of_first, of_second = (log_probability.gather(1, c[:, None]).squeeze(1) for c in (first, second))
    return -(share * of_first + (1 - share) * of_second).mean()
