# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The schedule that learns names from a pretrained classifier.

Each step shows typed names, spoken names and photos, as kept features, to the upper blocks. Names are drawn to the
prototypes that the classifier's rows and the data set's photos give, photos are held where the classifier's network saw
them, and those of the data set's own names learn these besides.
"""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from visual_byte_core.errors import ConfigurationError, DataError
from visual_byte_core.names import overlaps, read_names
from visual_byte_core.pretrained.classifiers import open_classifier
from visual_byte_core.training.average import AveragedWeights
from visual_byte_core.training.checkpoint import build_network, load_checkpoint, save_checkpoint
from visual_byte_core.training.config import TrainingConfig
from visual_byte_core.training.losses import overlap_matrix
from visual_byte_core.training.processor import prepare_processor
from visual_byte_core.training.schedule import learning_rate_share
from visual_byte_core.training.state import STATE, load_state, random_state, save_state, set_random_state
from visual_byte_core.training.stopping import StopRequest
from visual_byte_core.training.transfer.banks import kept_banks
from visual_byte_core.training.transfer.measures import measure
from visual_byte_core.training.transfer.network import Learner
from visual_byte_core.training.transfer.prototypes import basis_of, prototypes, prototypes_of_rows, synsets

MIRRORED = 0.5  # share of the photos in a batch

log = logging.getLogger("visual_byte")


class TransferTrainer:
    """A classifier's network that learns names; `run` trains to the end of the schedule."""

    def __init__(self, config: TrainingConfig, *, resume: bool = False) -> None:
        """Raises ConfigurationError, DataError, InvalidNames: see the parts."""
        self.config, self.out = config, Path(config.out)
        prepare_processor(config.optimizer.threads)
        torch.manual_seed(config.seed)
        self.names = read_names(config.data.names)
        if (self.out / STATE).exists() and not resume:
            raise ConfigurationError(f"{self.out}: holds a training run; add --resume, or choose another out")
        self.network = build_network(config, len(self.names)).eval().requires_grad_(False)
        ids = synsets(config.transfer.classes)
        self.known = frozenset(ids)
        classifier = open_classifier(config.model.backbone, config.transfer.classifier, len(ids))
        self.network.backbone.load_state_dict(classifier.backbone)
        projection = self.network.projector
        if not isinstance(projection, nn.Linear):
            raise ConfigurationError(
                f"model.projector: {config.model.projector}, but what a classifier knows is kept by a linear one alone;"
                " set it to linear"
            )
        basis = basis_of(classifier.rows, mean_of_features(self.network.backbone), config.model.dimension)
        projection.weight.copy_(basis.weight)
        projection.bias.copy_(basis.bias)
        self.banks = kept_banks(config, self.names, self.network)
        prepare_processor(config.optimizer.threads)  # again: the speech teacher's library sets its own threads
        rows = dict(zip(ids, prototypes_of_rows(classifier.rows, basis), strict=True))
        placed = prototypes(self.names, rows, self._means_of_photos())
        self.learner = Learner(self.network, config.transfer.cut, placed, self.banks.teacher_values)
        if config.model.start and not resume:
            self._start_from(Path(config.model.start))
        self.learner.requires_grad_(True)
        self.average = AveragedWeights(self.learner, config.optimizer.ema)
        self.movable = self._movable()
        related = overlap_matrix([name.slug for name in self.names], overlaps(self.names))
        self.others = related & ~torch.eye(len(self.names), dtype=torch.bool)
        self.optimizer = _optimizer(self.learner, config)
        self.step = 0
        self.generator = np.random.default_rng(config.seed)
        if resume:
            self._resume()

    def run(self) -> dict[str, Any]:
        """Train the steps that are left, and return the last measurement.

        `out` holds the checkpoint `last`, `state.pt` and `log.jsonl`.
        """
        self.out.mkdir(parents=True, exist_ok=True)
        steps, saved, metrics = self.config.transfer.steps, time.monotonic(), self._measure({})
        with StopRequest() as stop, tqdm(total=steps, initial=self.step, unit="step") as bar:
            sums: dict[str, float] = {}
            while self.step < steps:
                for name, value in self._train_step().items():
                    sums[name] = sums.get(name, 0.0) + value
                bar.update()
                whole = self.step % self.config.transfer.measure_every == 0 or self.step == steps
                if whole:
                    every = self.config.transfer.measure_every
                    metrics, sums = self._measure({k: v / every for k, v in sums.items()}), {}
                if whole or stop.asked or time.monotonic() - saved > self.config.optimizer.save_every_s:
                    self._save(metrics)
                    saved = time.monotonic()
                if stop.asked:
                    log.warning("stopped after step %d; go on with --resume", self.step)
                    raise KeyboardInterrupt
        return metrics

    def _train_step(self) -> dict[str, float]:
        optimizer = self.config.optimizer
        rate = optimizer.learning_rate * learning_rate_share(self.step / self.config.transfer.steps, optimizer.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        self.optimizer.zero_grad(set_to_none=True)
        terms: dict[str, float] = {}
        # One kind after the other: maps of different sides do not stack, and memory holds one at a time.
        for loss in (self._names_loss("text"), self._names_loss("sound"), self._photos_loss()):
            if loss:
                total = sum(loss.values(), torch.zeros(()))
                if not torch.isfinite(total):
                    raise DataError(
                        f"training diverged at step {self.step}; lower optimizer.learning_rate; {self.out}/last is good"
                    )
                total.backward()
                terms |= {name: float(value.detach()) for name, value in loss.items()}
        assert self.learner.prototypes.grad is not None
        self.learner.prototypes.grad[~self.movable] = 0
        torch.nn.utils.clip_grad_norm_(self.learner.parameters(), optimizer.clip_norm)
        self.optimizer.step()
        self.average.follow(self.learner)
        self.step += 1
        return terms

    def _names_loss(self, kind: str) -> dict[str, Tensor]:
        transfer = self.config.transfer
        count, banks = (transfer.texts, self.banks.texts) if kind == "text" else (transfer.sounds, self.banks.sounds)
        if not banks or not count:
            return {}
        features, labels, targets = banks.draw(count, self.generator)
        pooled, embedded = self.learner(features)
        named = labels >= 0  # words without a name of the list teach by their sound alone
        terms = {}
        if named.any():
            whole, near = (transfer.text_class, transfer.text_near) if kind == "text" else (
                transfer.sound_class,
                transfer.sound_near,
            )  # fmt: skip
            classified, nearness = self._by_prototypes(embedded[named], labels[named])
            terms = {f"{kind}_class": whole * classified, f"{kind}_near": near * nearness}
        if targets is not None and self.learner.teacher_head is not None and transfer.speech_teacher:
            said = self.learner.teacher_head(pooled)
            terms["speech_teacher"] = transfer.speech_teacher * (1 - F.cosine_similarity(said, targets)).mean()
        return terms

    def _photos_loss(self) -> dict[str, Tensor]:
        transfer = self.config.transfer
        features, labels, targets = self.banks.photos.draw(transfer.photos, self.generator)
        mirrored = torch.from_numpy(self.generator.random(len(features)) < MIRRORED)
        features[mirrored] = features[mirrored].flip(3)  # nearly what the lower blocks make of a mirrored photo
        assert targets is not None
        _, embedded = self.learner(features)
        classified, _ = self._by_prototypes(embedded, labels)
        held = (1 - (embedded * targets).sum(dim=1)).mean()
        return {"photo_class": transfer.photo_class * classified, "photo_hold": transfer.photo_hold * held}

    def _by_prototypes(self, embedded: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-entropy over all names but those that overlap with the own one, and 1 - cosine to the own."""
        placed = F.normalize(self.learner.prototypes, dim=-1)
        cosines = embedded @ placed.T
        logits = (self.config.transfer.scale * cosines).masked_fill(self.others[labels], -torch.inf)
        near = 1 - cosines.gather(1, labels[:, None]).mean()
        return F.cross_entropy(logits, labels), near

    def _means_of_photos(self) -> dict[str, Tensor]:
        """By slug the mean of what the classifier's network makes of a name's photos."""
        bank = self.banks.photos
        sums = torch.zeros(len(self.names), self.config.model.dimension)
        labels, targets = bank.labels_and_targets()
        sums.index_add_(0, labels, targets)
        counts = torch.bincount(labels, minlength=len(self.names))
        return {name.slug: sums[i] / counts[i] for i, name in enumerate(self.names) if counts[i]}

    def _movable(self) -> Tensor:
        """Which prototypes may follow their photos: those of names that the classifier does not know."""
        labels, _ = self.banks.photos.labels_and_targets()
        shown = torch.bincount(labels, minlength=len(self.names)) > 0
        known = torch.tensor([name.synset in self.known for name in self.names])
        return shown & ~known

    def _measure(self, terms: dict[str, float]) -> dict[str, Any]:
        metrics = {"step": self.step, **measure(self.average.network, self.banks, self.names)}
        with open(self.out / "log.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps({**metrics, "loss": terms}) + "\n")
        return metrics

    def _save(self, metrics: dict[str, Any]) -> None:
        self.average.network.write_into(self.network)
        save_checkpoint(self.out / "last", self.network, self.config, self.names, metrics)
        state = {
            "step": self.step,
            "learner": self.learner.state_dict(),
            "average": self.average.network.state_dict(),
            "averaged_steps": self.average.steps,
            "optimizer": self.optimizer.state_dict(),
            "drawn": json.dumps(self.generator.bit_generator.state),
            **random_state(torch.device("cpu")),
        }
        save_state(self.out, state)

    def _resume(self) -> None:
        state = load_state(self.out, torch.device("cpu"))
        try:
            self.learner.load_state_dict(state["learner"])
            self.average.network.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.average.steps, self.step = state["averaged_steps"], state["step"]
            self.generator.bit_generator.state = json.loads(state["drawn"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise DataError(f"{self.out / STATE}: is of another training; choose another out") from error
        set_random_state(state, torch.device("cpu"))

    def _start_from(self, folder: Path) -> None:
        """Weights of a checkpoint of the same network; prototypes of names that it has too."""
        begun, _, theirs = load_checkpoint(folder)
        try:
            self.learner.projector.load_state_dict(begun.projector.state_dict())
            fresh = Learner(begun, self.config.transfer.cut, self.learner.prototypes, 0)
        except (RuntimeError, AttributeError) as error:
            raise ConfigurationError(f"model.start: {folder} is of another network ({error})") from error
        self.learner.upper = fresh.upper
        rows = {name.slug: row for name, row in zip(theirs, begun.classifier.weight, strict=True)}
        with torch.no_grad():
            for number, name in enumerate(self.names):
                if name.slug in rows:
                    self.learner.prototypes[number] = rows[name.slug]


def mean_of_features(backbone: Any) -> Tensor:
    """The mean of the pooled features over the photos that the network learned from, (features,).

    Its last batch norm remembers mean and variance of what goes in; what comes out is taken for a normal distribution,
    of which ReLU6 keeps what lies between 0 and 6.
    """
    norm = backbone.bn2
    mean, deviation = norm.bias.detach(), norm.weight.detach().abs().clamp(min=1e-6)
    normal = torch.distributions.Normal(0.0, 1.0)

    def above(limit: float) -> Tensor:
        """The mean of what exceeds the limit."""
        distance = (mean - limit) / deviation
        excess: Tensor = (mean - limit) * normal.cdf(distance) + deviation * torch.exp(normal.log_prob(distance))
        return excess

    kept: Tensor = above(0.0) - above(6.0)
    return kept


def _optimizer(learner: Learner, config: TrainingConfig) -> torch.optim.Optimizer:
    """AdamW, without decay of biases and prototypes; the projector and the prototypes by rates of their own."""
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, parameter in learner.named_parameters():
        share = config.optimizer.projector_rate if name.startswith("projector.") else 1.0
        share = config.optimizer.classifier_rate if name == "prototypes" else share
        decay = (
            0.0
            if parameter.ndim < 2 or name == "prototypes" or name.endswith("bias")
            else config.optimizer.weight_decay
        )
        groups.setdefault((share, decay), []).append(parameter)
    return torch.optim.AdamW(
        [{"params": p, "weight_decay": decay, "share": share} for (share, decay), p in groups.items()]
    )


def train_transfer(config: TrainingConfig, *, resume: bool = False) -> dict[str, Any]:
    """Train as the configuration's `transfer` says; see `TransferTrainer`."""
    return TransferTrainer(config, resume=resume).run()
