# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""VisualByteNet: one vision backbone for photos, rendered words and rendered speech."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from visual_byte_core.training.backbone import create_backbone

INITIAL_TEMPERATURE = 0.07
MAX_SCALE = 100.0


class VisualByteNet(nn.Module):
    """Backbone -> pooling and norm -> projector -> unit length; a classifier on the embedding.

    projector: `mlp`, Linear-GELU-Linear, or `linear`, which keeps the geometry of a pretrained backbone's features.
    """

    def __init__(
        self,
        backbone: str = "convnext_tiny",
        classes: int = 180,
        dimension: int = 512,
        pretrained: bool | str = False,
        drop_path: float = 0.0,
        layer_scale: float = 1e-6,
        projector: str = "mlp",
    ) -> None:
        super().__init__()
        timm_model: Any = create_backbone(backbone, pretrained, drop_path, layer_scale)
        self.backbone = timm_model
        features = timm_model.head_hidden_size  # behind the head, which widens the features of some backbones
        self.projector: nn.Module = nn.Linear(features, dimension)
        if projector == "mlp":
            self.projector = nn.Sequential(self.projector, nn.GELU(), nn.Linear(dimension, dimension))
        self.classifier = nn.Linear(dimension, classes)
        start = math.log(1 / INITIAL_TEMPERATURE)
        # Both as logarithms: the optimizer's steps are then relative, and neither can turn negative.
        self.log_scale = nn.Parameter(torch.tensor(start))
        self.log_temperature = nn.Parameter(torch.tensor(-start))

    @property
    def logit_scale(self) -> Tensor:
        """Factor of the cosines in the contrastive losses, at most 100 (as in CLIP)."""
        return self.log_scale.exp().clamp(max=MAX_SCALE)

    @property
    def temperature(self) -> Tensor:
        """Divisor of the classifier's logits, at least 1 / 100."""
        return self.log_temperature.exp().clamp(min=1 / MAX_SCALE)

    def forward(self, pixels: Tensor) -> Tensor:
        """Embeddings of unit length, float32 (n, dimension), of normalized pixels (n, 3, h, w)."""
        pooled = self.backbone.forward_head(self.backbone.forward_features(pixels), pre_logits=True)
        return self._embed(pooled)

    def with_map(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """The embedding (n, dimension), and one for every cell, (n, dimension, h / 32, w / 32), each of unit length."""
        features = self.backbone.forward_features(pixels)
        pooled = self.backbone.forward_head(features, pre_logits=True)
        n, channels, height, width = features.shape
        # Each cell goes through head and projector as if it were the whole picture.
        cells = features.permute(0, 2, 3, 1).reshape(-1, channels, 1, 1)
        embedded = self._embed(self.backbone.forward_head(cells, pre_logits=True))
        return self._embed(pooled), embedded.reshape(n, height, width, -1).permute(0, 3, 1, 2)

    def logits(self, embedding: Tensor) -> Tensor:
        """Class logits (n, classes) of embeddings."""
        logits: Tensor = self.classifier(embedding) / self.temperature
        return logits

    def _embed(self, pooled: Tensor) -> Tensor:
        return F.normalize(self.projector(pooled).float(), dim=-1)
