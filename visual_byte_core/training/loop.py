# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The training loop: one epoch after the other, each one measured, every one resumable."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import threadpoolctl
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm import tqdm

from visual_byte_core.dataset.triplets import Batch, ClassBalancedBatchSampler, TripletDataset, collate
from visual_byte_core.errors import ConfigurationError, DataError
from visual_byte_core.names import overlaps, read_names
from visual_byte_core.training.checkpoint import build_network, load_checkpoint, save_checkpoint
from visual_byte_core.training.config import TrainingConfig
from visual_byte_core.training.depthwise import quicken_depthwise
from visual_byte_core.training.distill import Distillation
from visual_byte_core.training.losses import Embedded, losses, overlap_matrix
from visual_byte_core.training.optimizer import make_optimizer
from visual_byte_core.training.parts import Parts
from visual_byte_core.training.pixels import prepare_pixels
from visual_byte_core.training.processor import prepare_processor
from visual_byte_core.training.validation import Validation

STATE = "state.pt"

ExtraTerms = Callable[[Tensor, Embedded], dict[str, Tensor]]


class Trainer:
    """A network, its optimizer and its data; `run` trains to the end of the configuration."""

    def __init__(self, config: TrainingConfig, *, resume: bool = False) -> None:
        self.config, self.out = config, Path(config.out)
        self.device = _device(config.device)
        if self.device.type == "cpu":
            prepare_processor(config.optimizer.threads)
        torch.manual_seed(config.seed)
        self.names = read_names(config.data.names)
        self.data = TripletDataset(config, self.names)
        self.network = build_network(config, len(self.names)).to(self.device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
        quicken_depthwise(self.network)
        self.overlap = overlap_matrix([name.slug for name in self.names], overlaps(self.names)).to(self.device)
        self.optimizer = make_optimizer(self.network, config.optimizer)
        self.precision = _precision(config.optimizer.precision, self.device)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == torch.float16)
        batch = config.optimizer.classes * config.optimizer.photos
        self.steps_per_epoch = max(1, self.data.photo_count // batch)
        self.steps = self.steps_per_epoch * config.optimizer.epochs
        self.step, self.epoch, self.best = 0, 0, -1.0
        if (self.out / STATE).exists() and not resume:
            raise ConfigurationError(f"{self.out}: holds a training run; add --resume, or choose another out")
        self.extra_terms = self._extra_terms()
        if resume:
            self._resume()
        elif config.model.start:
            self._start_from(config.model.start)

    def run(self) -> dict[str, Any]:
        """Train the epochs that are left and return the metrics of the last.

        Writes `last/` and `best/` (checkpoints), `state.pt` (to resume) and `log.csv` (every loss, each epoch)
        to the run's folder.
        """
        validation, metrics = Validation(self.config, self.names), {}
        while self.epoch < self.config.optimizer.epochs:
            started = time.monotonic()
            row = self._train_epoch()
            self.epoch += 1
            metrics = validation.measure(self.network, self.device)
            self._save(metrics)
            row |= {
                f"{part}_{pair}_{k}": v[k] for part, m in metrics.items() for pair, v in m.items() for k in ("r1", "r5")
            }
            _append_row(
                self.out / "log.csv", {"epoch": self.epoch, "minutes": (time.monotonic() - started) / 60, **row}
            )
            tqdm.write(f"epoch {self.epoch}: " + "  ".join(f"{name} {value:.3f}" for name, value in row.items()))
        return metrics

    def _train_epoch(self) -> dict[str, float]:
        self.network.train()
        optimizer = self.config.optimizer
        sampler = ClassBalancedBatchSampler(
            [len(photos) for photos in self.data.photos],
            optimizer.classes,
            optimizer.distractors,
            self.steps_per_epoch,
            self.config.seed * 100_003 + self.epoch,
            self.config.data.balance,
        )
        loader = DataLoader(
            self.data,
            batch_sampler=sampler,
            num_workers=self.config.data.workers,
            collate_fn=collate,
            prefetch_factor=4,
            worker_init_fn=_one_thread,
        )
        sums: dict[str, float] = {}
        bar = tqdm(loader, desc=f"epoch {self.epoch + 1}/{optimizer.epochs}", unit="batch")
        for batch in bar:
            values = self._train_step(batch)
            for name, value in values.items():
                sums[name] = sums.get(name, 0.0) + value
            bar.set_postfix(loss=f"{values['total']:.3f}", refresh=False)
        return {name: value / self.steps_per_epoch for name, value in sums.items()}

    def _train_step(self, batch: Batch) -> dict[str, float]:
        progress = self.step / self.steps
        rate = self.config.optimizer.learning_rate * _schedule(progress, self.config.optimizer.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        size = self.config.optimizer.small_size if progress < self.config.optimizer.small_share else 0
        with torch.autocast(self.device.type, self.precision, enabled=self.precision != torch.float32):
            images, embedded = self._embed(batch, size)
            extra = {name: term for more in self.extra_terms for name, term in more(images, embedded).items()}
        terms = {**losses(self.network, embedded, self.overlap, self.config.loss, progress), **extra}
        terms["total"] = terms["total"] + sum(extra.values())
        if not torch.isfinite(terms["total"]):
            named = {name: float(value) for name, value in terms.items()}
            raise DataError(f"training diverged at step {self.step}: {named}; lower optimizer.learning_rate")
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(terms["total"]).backward()
        self.scaler.unscale_(self.optimizer)
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.config.optimizer.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.step += 1
        state = {
            "gradient_norm": norm,
            "logit_scale": self.network.logit_scale,
            "temperature": self.network.temperature,
            "learning_rate": rate,
        }
        return {name: float(torch.as_tensor(value).detach()) for name, value in {**terms, **state}.items()}

    def _extra_terms(self) -> list[ExtraTerms]:
        """Terms that look at the images as well, in the order in which they are added."""
        terms: list[ExtraTerms] = []
        if self.config.distill.teacher:
            terms.append(Distillation(self.config, self.names, self.network, self.device))
        if self.config.loss.parts:
            terms.append(Parts(self.config.loss, self.network, self.overlap))
        return terms

    def _embed(self, batch: Batch, size: int) -> tuple[Tensor, Embedded]:
        # One pass for all three: a network that has no batch statistics gives each image the same embedding anyway.
        images = torch.cat([batch.photos, batch.texts, batch.sounds]).to(self.device)
        embeddings = self.network(prepare_pixels(images, size))
        photos, texts, sounds = embeddings.split([len(batch.photos), len(batch.texts), len(batch.sounds)])
        return images, Embedded(photos, texts, sounds, batch.classes.to(self.device))

    def _save(self, metrics: dict[str, Any]) -> None:
        save_checkpoint(self.out / "last", self.network, self.config, self.names, metrics)
        score = sum(values["r1"] for values in metrics["calibrate"].values())
        if score > self.best:
            self.best = score
            save_checkpoint(self.out / "best", self.network, self.config, self.names, metrics)
        state = {
            "step": self.step,
            "epoch": self.epoch,
            "best": self.best,
            "steps": self.steps,
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "random": torch.get_rng_state(),
        }
        partial = self.out / f".{STATE}.part"
        torch.save(state, partial)
        partial.replace(self.out / STATE)

    def _start_from(self, checkpoint: str) -> None:
        network, _, names = load_checkpoint(checkpoint)
        if names != self.names:
            raise ConfigurationError(f"model.start: {checkpoint} was trained on other names; use its names.csv")
        try:
            self.network.load_state_dict(network.state_dict())
        except RuntimeError as error:
            raise ConfigurationError(f"model.start: {checkpoint} holds another network than model describes") from error

    def _resume(self) -> None:
        if not (self.out / STATE).is_file():
            raise DataError(f"{self.out}: nothing to resume, {STATE} is missing; start without --resume")
        state = torch.load(self.out / STATE, map_location=self.device, weights_only=True)
        network, _, names = load_checkpoint(self.out / "last")
        if state["steps"] != self.steps or names != self.names:
            raise ConfigurationError(
                f"{self.out}: was started with other epochs, batches, photos or names; use the same, or another out"
            )
        self.network.load_state_dict(network.state_dict())
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        torch.set_rng_state(state["random"].cpu())
        self.step, self.epoch, self.best = state["step"], state["epoch"], state["best"]


def train(config: TrainingConfig, *, resume: bool = False) -> dict[str, Any]:
    """Train as `config` says; metrics of the last epoch as `{part: {pair: {"r1", "r5", "n"}}}`.

    Raises:
        ConfigurationError, DataError: see `TripletDataset`, `Trainer` and `create_backbone`.
    """
    return Trainer(config, resume=resume).run()


def _one_thread(_: int) -> None:
    # Several BLAS threads for small matrices, beside torch's own, cost four times the work of one.
    threadpoolctl.threadpool_limits(1)


def _schedule(progress: float, warmup: float) -> float:
    """Linear warm-up, then half a cosine to 0."""
    if progress < warmup:
        return (progress + 1e-3) / (warmup + 1e-3)
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigurationError("device: cuda is not available to this torch; use device=cpu or device=auto")
    return torch.device(name)


def _precision(name: str, device: torch.device) -> torch.dtype:
    precisions = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if name == "auto":
        # bfloat16 without hardware for it is many times slower than float32, so a CPU needs to be asked for it.
        return torch.float16 if device.type == "cuda" else torch.float32
    if name not in precisions or (name == "float16" and device.type == "cpu"):
        raise ConfigurationError(
            f"optimizer.precision: expected auto, float32, bfloat16, or float16 on a GPU; got {name}"
        )
    return precisions[name]


def _append_row(path: Path, row: dict[str, float]) -> None:
    new = not path.exists()
    with open(path, "a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, row)
        if new:
            writer.writeheader()
        writer.writerow(row)
