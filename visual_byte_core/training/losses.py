# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""`L = L_cls + L_clip + lambda (L_audio + L_audio_text)`: every pair of modalities is drawn together.

A batch holds n distinct classes: one text and one sound each and k photos each; behind them may come m
distractors, words without a photo, as text and sound. Names that overlap (apple and Royal Gala) are never
negatives of each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from visual_byte_core.training.config import LossConfig
from visual_byte_core.training.network import VisualByteNet
from visual_byte_core.training.schedule import audio_weight, sound_is_on, visual_weight


@dataclass(frozen=True)
class Embedded:
    """One batch after the network: photos (k * n, d), texts (n + m, d), sounds (n + m, d), classes (n,) int64."""

    photos: Tensor
    texts: Tensor
    sounds: Tensor
    classes: Tensor


def losses(
    network: VisualByteNet, batch: Embedded, overlap: Tensor, config: LossConfig, progress: float
) -> dict[str, Tensor]:
    """All weighted terms and their sum under `total`; a term of weight 0 is not computed.

    Args:
        overlap: bool (classes, classes), true where two classes may name the same thing, on the diagonal too.
        progress: share of the training done, 0..1, for the schedule of lambda.
    """
    terms: dict[str, Tensor] = {}
    seen = visual_weight(progress, config)
    if config.classify_image:
        classes = batch.classes.repeat(len(batch.photos) // len(batch.classes))
        terms["cls_image"] = seen * config.classify_image * _classify(network, batch.photos, classes, overlap, config)
    if config.classify_text:
        terms["cls_text"] = (
            seen * config.classify_text * _classify(network, batch.texts, batch.classes, overlap, config)
        )
    if config.classify_audio:
        named = _classify(network, batch.sounds, batch.classes, overlap, config)
        terms["cls_audio"] = sound_is_on(progress, config) * config.classify_audio * named
    scale, hidden = network.logit_scale, _hidden(batch, overlap)
    if config.clip:
        terms["clip"] = seen * config.clip * _photo_contrast(batch, batch.texts, hidden, scale)
    heard = audio_weight(progress, config)
    if config.audio:
        terms["audio"] = heard * config.audio * _photo_contrast(batch, batch.sounds, hidden, scale)
    if config.audio_text:
        # Every sound has its text, a distractor's too: words without photos still teach how they sound.
        terms["audio_text"] = heard * config.audio_text * _contrast(batch.sounds, batch.texts, hidden, scale)
    return {**terms, "total": torch.stack(list(terms.values())).sum()}


def overlap_matrix(slugs: list[str], overlapping: dict[str, frozenset[str]]) -> Tensor:
    """bool (classes, classes) from `names.overlaps`."""
    return torch.tensor([[b in overlapping[a] for b in slugs] for a in slugs])


def _classify(
    network: VisualByteNet, embeddings: Tensor, classes: Tensor, overlap: Tensor, config: LossConfig
) -> Tensor:
    logits = network.logits(embeddings[: len(classes)])
    others = overlap[classes] & ~F.one_hot(classes, overlap.shape[1]).bool()
    smoothing = config.label_smoothing
    log_probability = logits.masked_fill(others, torch.finfo(logits.dtype).min).log_softmax(dim=1)
    target = -log_probability.gather(1, classes[:, None]).squeeze(1)
    kept = ~others
    spread = -(log_probability.masked_fill(others, 0).sum(dim=1) / kept.sum(dim=1))
    return ((1 - smoothing) * target + smoothing * spread).mean()


def _hidden(batch: Embedded, overlap: Tensor) -> Tensor:
    """bool (n + m, n + m): pairs off the diagonal that are not to be told apart."""
    total, n = len(batch.texts), len(batch.classes)
    hidden = torch.zeros(total, total, dtype=torch.bool, device=overlap.device)
    hidden[:n, :n] = overlap[batch.classes][:, batch.classes]
    return hidden.fill_diagonal_(False)


def _contrast(a: Tensor, b: Tensor, hidden: Tensor, scale: Tensor) -> Tensor:
    """Symmetric InfoNCE of pairs: a (n, d) with the first n of b (n + m, d); what else b holds is only a negative."""
    n = len(a)
    logits = (scale * a @ b.T).masked_fill(hidden[:n], -torch.inf)
    target = torch.arange(n, device=a.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits[:, :n].T, target)) / 2


def _photo_contrast(batch: Embedded, others: Tensor, hidden: Tensor, scale: Tensor) -> Tensor:
    """Mean of `_contrast` over the k photos that each class has in the batch."""
    chunks = batch.photos.split(len(batch.classes))
    return torch.stack([_contrast(chunk, others, hidden, scale) for chunk in chunks]).mean()
