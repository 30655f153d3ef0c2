# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Distillation: a small network learns to embed as a large one does, beside the ordinary losses.

The teacher is a checkpoint, or a bundle that ONNX Runtime runs. It sees the very images that the student sees, changed
in the same way. Three terms, each with a weight: the embedding itself (cosine), the similarities within the batch
(cross-entropy of distributions, Tian et al., 2020), and the class logits (Hinton et al., 2015).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from torch import Tensor

from visual_byte_core.bundle.bundle import load_bundle
from visual_byte_core.errors import ConfigurationError
from visual_byte_core.names import ClassName
from visual_byte_core.rendering.settings import RendererSettings
from visual_byte_core.training.checkpoint import MODEL, load_checkpoint
from visual_byte_core.training.config import DistillConfig, TrainingConfig
from visual_byte_core.training.losses import Embedded
from visual_byte_core.training.network import VisualByteNet
from visual_byte_core.training.pixels import prepare_pixels

Embed = Callable[[Tensor], Tensor]


class Distillation:
    """The terms of `DistillConfig` for a student; called once a step.

    Raises:
        ConfigurationError: the teacher is missing, renders otherwise, has other names or another dimension than the
            student, or is a bundle while logits are asked for.
    """

    def __init__(self, config: TrainingConfig, names: list[ClassName], student: VisualByteNet, device: torch.device):
        self.config, self.student = config.distill, student
        self.classify: VisualByteNet | None = None
        folder = Path(config.distill.teacher)
        if (folder / MODEL).is_file():
            self.embed, renderer, theirs, dimension = self._open_checkpoint(folder, device)
        elif (folder / "bundle.yaml").is_file():
            self.embed, renderer, theirs, dimension = _open_bundle(folder, config.optimizer.threads)
        else:
            raise ConfigurationError(f"distill.teacher: {folder} is neither a checkpoint nor a bundle")
        if (renderer.text, renderer.speech, renderer.photo) != (
            config.renderer.text,
            config.renderer.speech,
            config.renderer.photo,
        ):
            raise ConfigurationError(
                f"distill.teacher: {folder} renders otherwise than `renderer` says; copy its settings"
            )
        self.size = renderer.size
        if dimension != config.model.dimension:
            raise ConfigurationError(f"distill.teacher: {folder} embeds in {dimension} dimensions; set model.dimension")
        if config.distill.logits and (self.classify is None or theirs != names):
            raise ConfigurationError("distill.logits: needs a checkpoint of the same names as teacher; set it to 0")

    def __call__(self, images: Tensor, embedded: Embedded) -> dict[str, Tensor]:
        """Weighted terms for images uint8 (n, s, s, 3) and what the student makes of them."""
        with torch.no_grad():
            teacher = self.embed(self._resized(images)).float()
        with torch.autocast(images.device.type, enabled=False):  # cosines in bfloat16 would differ in the third digit
            return self._terms(embedded, teacher)

    def _terms(self, embedded: Embedded, teacher: Tensor) -> dict[str, Tensor]:
        student, terms = torch.cat([embedded.photos, embedded.texts, embedded.sounds]), {}
        if self.config.embedding:
            terms["distill_embedding"] = self.config.embedding * (1 - (student * teacher).sum(dim=1)).mean()
        if self.config.similarity:
            terms["distill_similarity"] = self.config.similarity * _similarity(student, teacher, embedded, self.config)
        if self.config.logits and self.classify is not None:
            with torch.no_grad():
                wanted = self.classify.logits(teacher)
            terms["distill_logits"] = self.config.logits * _soft(self.student.logits(student), wanted, self.config)
        return terms

    def _open_checkpoint(
        self, folder: Path, device: torch.device
    ) -> tuple[Embed, RendererSettings, list[ClassName], int]:
        network, config, names = load_checkpoint(folder)
        network.requires_grad_(False).to(device)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
        self.classify = network
        return network, config.renderer, names, config.model.dimension

    def _resized(self, images: Tensor) -> Tensor:
        pixels = prepare_pixels(images)
        if pixels.shape[-1] == self.size:
            return pixels
        return F.interpolate(pixels, size=(self.size, self.size), mode="bilinear", antialias=True)


def _open_bundle(folder: Path, threads: int) -> tuple[Embed, RendererSettings, list[ClassName], int]:
    bundle = load_bundle(folder)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(bundle.onnx_path), options, providers=["CPUExecutionProvider"])

    def embed(pixels: Tensor) -> Tensor:
        values = np.ascontiguousarray(pixels.float().cpu().numpy())
        return torch.from_numpy(session.run(["embedding"], {"pixels": values})[0]).to(pixels.device)

    return embed, bundle.renderer, list(bundle.class_names), bundle.dimension


def _similarity(student: Tensor, teacher: Tensor, embedded: Embedded, config: DistillConfig) -> Tensor:
    """Which words and sounds are how near to each photo: cross-entropy of the student's view against the teacher's."""
    n = len(embedded.photos)
    ours, theirs = (config.sharpness * e[:n] @ e[n:].T for e in (student, teacher))
    return -(theirs.softmax(dim=1) * (ours.log_softmax(dim=1) - theirs.log_softmax(dim=1))).sum(dim=1).mean()


def _soft(ours: Tensor, theirs: Tensor, config: DistillConfig) -> Tensor:
    t = config.temperature
    return (
        F.kl_div((ours / t).log_softmax(1), (theirs / t).log_softmax(1), log_target=True, reduction="batchmean") * t**2
    )
