# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The training loop: one epoch after the other, each one measured, every step resumable."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm import tqdm

from visual_byte_core.dataset.triplets import Batch, ClassBalancedBatchSampler, TripletDataset, collate
from visual_byte_core.errors import ConfigurationError, DataError, VisualByteError
from visual_byte_core.names import overlaps, read_names
from visual_byte_core.rendering.speech import read_sound
from visual_byte_core.training import distributed
from visual_byte_core.training.average import AveragedWeights
from visual_byte_core.training.checkpoint import build_network, load_checkpoint, save_checkpoint
from visual_byte_core.training.config import TrainingConfig
from visual_byte_core.training.depthwise import quicken_depthwise
from visual_byte_core.training.diagnosis import Doctor, Journal, contrasts_warning, quiet_warning, unheard_warning
from visual_byte_core.training.distill import Distillation
from visual_byte_core.training.losses import Embedded, losses, overlap_matrix
from visual_byte_core.training.mixup import Mixup
from visual_byte_core.training.optimizer import make_optimizer
from visual_byte_core.training.parts import Parts
from visual_byte_core.training.photo_teacher import PhotoTeacher, photo_features
from visual_byte_core.training.pixels import prepare_pixels
from visual_byte_core.training.processor import prepare_processor
from visual_byte_core.training.schedule import learning_rate_share
from visual_byte_core.training.validation import Validation

STATE = "state.pt"
JOURNAL_EVERY = 20  # steps
MOST_UNREADABLE = 0.05  # share of the files, from which on a data set is called broken
CLIPS_LISTENED_TO = 200
COUNTERS = ("step", "epoch", "steps", "best", "best_epoch", "schedule_start", "restarts")

ExtraTerms = Callable[[Tensor, Embedded], dict[str, Tensor]]

log = logging.getLogger("visual_byte")


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
        _check_shares(config, len(self.data.numbers))
        self.network = build_network(config, len(self.names)).to(self.device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
        quicken_depthwise(self.network)
        self.overlap = overlap_matrix([name.slug for name in self.names], overlaps(self.names)).to(self.device)
        self.photo_teacher = self._photo_teacher()
        self.optimizer = make_optimizer(self.network, config.optimizer, self.photo_teacher)
        self.precision = _precision(config.optimizer.precision, self.device)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == torch.float16)
        batch = config.optimizer.classes * config.optimizer.photos * config.optimizer.accumulate
        self.steps_per_epoch = max(1, self.data.photo_count // batch)
        self.steps = self.steps_per_epoch * config.optimizer.epochs
        self.step, self.epoch, self.best, self.best_epoch = 0, 0, -1.0, 0
        self.schedule_start, self.restarts = 0, 0
        self.unreadable: dict[str, str] = {}
        if (self.out / STATE).exists() and not resume:
            raise ConfigurationError(f"{self.out}: holds a training run; add --resume, or choose another out")
        if config.model.start and not resume:
            self._start_from(config.model.start)
        self.average = AveragedWeights(self.network, config.optimizer.ema)
        if resume:
            self._resume()
        teacher = self.photo_teacher.state_dict() if self.photo_teacher else {}
        distributed.copy_from_first([*self.network.state_dict().values(), *teacher.values()])
        self.forward: Callable[[Tensor], Tensor] = self.network
        if config.optimizer.compile:
            self.forward = torch.compile(self.network)
        self.extra_terms = self._extra_terms()

    def run(self) -> dict[str, Any]:
        """Train the epochs that are left and return the metrics of the last.

        Writes to the run's folder: `last/` and `best/` (checkpoints), `state.pt` (to resume), `log.csv` (every loss,
        each epoch), `steps.csv` and `tensorboard/`. Stopped at any moment, it resumes from the last state.
        """
        metrics: dict[str, Any] = {}
        first = distributed.rank() == 0
        if first:
            self.out.mkdir(parents=True, exist_ok=True)
            self.journal, self.doctor = Journal(self.out), Doctor(self.config)
            self._look_at_data()
        validation = Validation(self.config, self.names) if first else None
        try:
            while self.epoch < self.config.optimizer.epochs * (1 + self.restarts):
                started = time.monotonic()
                row = self._train_epoch()
                self.epoch += 1
                self._report_unreadable()
                if validation is not None:
                    metrics = validation.measure(self.average.network, self.device)
                    self._save(metrics)
                    self._tell(row, metrics, (time.monotonic() - started) / 60)
                distributed.wait_for_all()
                self._restart_if_stuck()
        except KeyboardInterrupt:
            if first:
                self._save_state()
                log.warning("stopped at step %d; go on with --resume", self.step)
            raise
        finally:
            if first:
                self.journal.close()
        return metrics

    def _train_epoch(self) -> dict[str, float]:
        optimizer = self.config.optimizer
        done = self.step - self.epoch * self.steps_per_epoch  # steps of this epoch that a resumed run has behind it
        sums: dict[str, float] = {}
        batches = iter(self._loader(done))
        steps = range(done, self.steps_per_epoch)
        label = f"epoch {self.epoch + 1}/{optimizer.epochs * (1 + self.restarts)}"
        bar = tqdm(steps, desc=label, unit="step", disable=distributed.rank() > 0)
        saved = ended = time.monotonic()
        for _ in bar:
            begun = time.monotonic()
            drawn = [next(batches) for _ in range(optimizer.accumulate)]
            waited = time.monotonic() - begun
            values = self._train_step(drawn)
            values["data_share"] = waited / max(1e-9, time.monotonic() - ended)
            ended = time.monotonic()
            for name, value in values.items():
                sums[name] = sums.get(name, 0.0) + value
            bar.set_postfix(loss=f"{values['total']:.3f}", refresh=False)
            if distributed.rank() == 0:
                if self.step % JOURNAL_EVERY == 0:
                    self.journal.step(self.step, values)
                if ended - saved > 60 * optimizer.save_minutes:
                    self._save_state()
                    saved = ended
        return {name: value / max(1, len(steps)) for name, value in sums.items()}

    def _loader(self, done: int) -> DataLoader[Any]:
        optimizer = self.config.optimizer
        sampler = ClassBalancedBatchSampler(
            [len(photos) for photos in self.data.photos],
            optimizer.classes,
            optimizer.distractors,
            self.steps_per_epoch * optimizer.accumulate,
            self.config.seed * 100_003 + self.epoch,
            self.config.data.balance,
            done * optimizer.accumulate,
            (distributed.rank(), distributed.world_size()),
            self.config.data.distinct_classes,
        )
        workers = self.config.data.workers
        return DataLoader(
            self.data,
            batch_sampler=sampler,
            num_workers=workers,
            collate_fn=collate,
            prefetch_factor=4 if workers else None,
            worker_init_fn=_one_thread,
            generator=torch.Generator(),  # or it would draw from the one that a resumed run restores
        )

    def _train_step(self, batches: list[Batch]) -> dict[str, float]:
        self.network.train()
        progress = (self.step - self.schedule_start) / self.steps
        rate = self.config.optimizer.learning_rate * learning_rate_share(progress, self.config.optimizer.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        self.optimizer.zero_grad(set_to_none=True)
        sums: dict[str, Tensor] = {}
        for batch in batches:
            self.unreadable |= dict(batch.unreadable)
            for name, term in self._gradients(batch, progress, len(batches)).items():
                sums[name] = sums.get(name, torch.zeros(())) + term / len(batches)
        self.scaler.unscale_(self.optimizer)
        trained = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        distributed.average_gradients(trained)
        norm = torch.nn.utils.clip_grad_norm_(trained, self.config.optimizer.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.average.follow(self.network)
        self.step += 1
        state = {
            "gradient_norm": norm,
            "logit_scale": self.network.logit_scale,
            "temperature": self.network.temperature,
            "learning_rate": rate,
        }
        return {name: float(torch.as_tensor(value).detach()) for name, value in {**sums, **state}.items()}

    def _gradients(self, batch: Batch, progress: float, of: int) -> dict[str, Tensor]:
        """Add the gradient of a batch's loss, divided by `of`; returns its terms."""
        size = self.config.optimizer.small_size if progress < self.config.optimizer.small_share else 0
        chunk = self.config.optimizer.chunk
        with self._autocast():
            images, embedded = self._embed(batch, size) if not chunk else self._embed_without_graph(batch, size)
            extra = {name: term for more in self.extra_terms for name, term in more(images, embedded).items()}
            if self.photo_teacher:
                extra |= self.photo_teacher(batch.sources, embedded.photos)
        gathered = distributed.gather(embedded)
        terms = {**losses(self.network, gathered, self.overlap, self.config.loss, progress), **extra}
        terms["total"] = terms["total"] + sum(extra.values())
        if not torch.isfinite(terms["total"]):
            raise DataError(self._explain(batch, embedded, terms))
        self.scaler.scale(terms["total"] / of).backward()
        if chunk:
            self._embed_again(images, embedded, size)
        return {name: term.detach().cpu() for name, term in terms.items()}

    def _embed(self, batch: Batch, size: int) -> tuple[Tensor, Embedded]:
        # One pass for all three: a network that has no batch statistics gives each image the same embedding anyway.
        images = torch.cat([batch.photos, batch.texts, batch.sounds]).to(self.device)
        return images, self._split(self.forward(prepare_pixels(images, size)), batch)

    def _split(self, embeddings: Tensor, batch: Batch) -> Embedded:
        photos, texts, sounds = embeddings.split([len(batch.photos), len(batch.texts), len(batch.sounds)])
        return Embedded(photos, texts, sounds, batch.classes.to(self.device))

    def _embed_without_graph(self, batch: Batch, size: int) -> tuple[Tensor, Embedded]:
        """First half of GradCache (Gao et al., 2021): embeddings as leaves, chunk by chunk, without activations."""
        images = torch.cat([batch.photos, batch.texts, batch.sounds]).to(self.device)
        self.random = []
        embeddings = []
        with torch.no_grad():
            for part in images.split(self.config.optimizer.chunk):
                self.random.append(torch.get_rng_state())
                embeddings.append(self.forward(prepare_pixels(part, size)))
        embedded = self._split(torch.cat(embeddings), batch)
        for leaf in (embedded.photos, embedded.texts, embedded.sounds):
            leaf.requires_grad_()
        return images, embedded

    def _embed_again(self, images: Tensor, embedded: Embedded, size: int) -> None:
        """Second half: each chunk once more, with the gradient of the whole batch's loss behind it."""
        leaves = (embedded.photos, embedded.texts, embedded.sounds)
        gradients = torch.cat([torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for leaf in leaves])
        after, chunk = torch.get_rng_state(), self.config.optimizer.chunk
        for part, gradient, state in zip(images.split(chunk), gradients.split(chunk), self.random, strict=True):
            torch.set_rng_state(state)  # what drops out must be what dropped out before
            with self._autocast():
                embeddings = self.forward(prepare_pixels(part, size))
            embeddings.backward(gradient)
        torch.set_rng_state(after)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, self.precision, enabled=self.precision != torch.float32)

    def _extra_terms(self) -> list[ExtraTerms]:
        """Terms that look at the images as well, in the order in which they are added."""
        terms: list[ExtraTerms] = []
        if self.config.distill.teacher:
            terms.append(Distillation(self.config, self.names, self.network, self.device))
        if self.config.loss.parts:
            terms.append(Parts(self.config.loss, self.network, self.overlap))
        if self.config.augment.mixup:
            terms.append(Mixup(self.config, self.network))
        return terms

    def _photo_teacher(self) -> PhotoTeacher | None:
        """With what it makes of every photo, which the first process computes for all."""
        config = self.config.distill
        if not config.photo_teacher:
            return None
        paths = [path for photos in self.data.photos for path in photos]
        if distributed.rank() > 0:
            distributed.wait_for_all()
        features = photo_features(config, Path(self.config.data.root), paths, self.device)
        if distributed.rank() == 0:
            distributed.wait_for_all()
        return PhotoTeacher(config, features, self.config.model.dimension).to(self.device)

    def _explain(self, batch: Batch, embedded: Embedded, terms: dict[str, Tensor]) -> str:
        """Why a loss is not finite: which term, and which input if it is one alone."""
        broken = ", ".join(name for name, term in terms.items() if not torch.isfinite(term))
        rows = torch.cat([embedded.photos, embedded.texts, embedded.sounds]).isfinite().all(dim=1).logical_not()
        if rows.any() and not rows.all():
            inputs = [batch.sources[i] for i in rows.nonzero().flatten().tolist()]
            cause = f"from {', '.join(inputs[:3])} ({len(inputs)} of {len(rows)} inputs); look at it"
        else:
            cause = "from every input, so the weights are broken; lower optimizer.learning_rate"
        return f"training diverged at step {self.step} ({broken} not finite) {cause}; {self.out}/last is still good"

    def _tell(self, row: dict[str, float], metrics: dict[str, Any], minutes: float) -> None:
        recalls = {
            f"{part}_{pair}_{k}": found[k]
            for part, pairs in metrics.items()
            for pair, found in pairs.items()
            for k in ("r1", "r5")
        }
        row = {"minutes": minutes, **row, **recalls}
        self.journal.epoch(self.epoch, row)
        tqdm.write(f"epoch {self.epoch}: " + "  ".join(f"{name} {value:.3f}" for name, value in row.items()))
        self.doctor.watch(row)

    def _look_at_data(self) -> None:
        """Warn before hours are spent on it."""
        clips = {n.slug: sum(map(len, s.values())) for n, s in zip(self.names, self.data.sounds, strict=True)}
        heard = [path for languages in self.data.sounds for paths in languages.values() for path in paths[:1]]
        loudness = [_loudness(path) for path in heard[:CLIPS_LISTENED_TO]]
        batch = next(iter(self._loader(self.steps_per_epoch - 1)))
        contrasts = {
            kind: float(prepare_pixels(images).std())
            for kind, images in (("photos", batch.photos), ("texts", batch.texts), ("sounds", batch.sounds))
        }
        for warning in (unheard_warning(clips), quiet_warning(loudness), contrasts_warning(contrasts)):
            if warning:
                log.warning(warning)

    def _report_unreadable(self) -> None:
        """Raises DataError if too much of the data set cannot be read."""
        if not self.unreadable:
            return
        for reason in sorted(self.unreadable.values())[:20]:
            log.warning("left out: %s", reason)
        log.warning("%d of %d files could not be read and were left out", len(self.unreadable), self.data.file_count)
        if len(self.unreadable) > MOST_UNREADABLE * self.data.file_count:
            raise DataError(
                f"{self.config.data.root}: {len(self.unreadable)} of {self.data.file_count} files cannot be read,"
                f" over {100 * MOST_UNREADABLE:.0f} %; collect them again"
            )

    def _restart_if_stuck(self) -> None:
        """At the end of a schedule that brought nothing new at its end: another one, if any are left."""
        optimizer = self.config.optimizer
        if self.epoch < optimizer.epochs * (1 + self.restarts) or self.restarts >= optimizer.restarts:
            return
        best_epoch = torch.tensor(self.best_epoch, device=self.device)
        distributed.copy_from_first([best_epoch])  # the first process alone validates
        self.best_epoch = int(best_epoch)
        if self.epoch - self.best_epoch >= optimizer.patience:
            self.restarts, self.schedule_start = self.restarts + 1, self.step
            log.warning("no new best in %d epochs: a fresh schedule begins", self.epoch - self.best_epoch)

    def _save(self, metrics: dict[str, Any]) -> None:
        save_checkpoint(self.out / "last", self.average.network, self.config, self.names, metrics)
        score = sum(values["r1"] for values in metrics["calibrate"].values())
        if score > self.best:
            self.best, self.best_epoch = score, self.epoch
            save_checkpoint(self.out / "best", self.average.network, self.config, self.names, metrics)
        self._save_state()

    def _save_state(self) -> None:
        state = {
            **{name: getattr(self, name) for name in COUNTERS},
            "network": self.network.state_dict(),
            "average": self.average.network.state_dict() if self.average.decay else {},
            "average_steps": self.average.steps,
            "photo_teacher": self.photo_teacher.state_dict() if self.photo_teacher else {},
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "random": torch.get_rng_state(),
            "names": [name.slug for name in self.names],
        }
        self.out.mkdir(parents=True, exist_ok=True)
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
        if state["steps"] != self.steps or state["names"] != [name.slug for name in self.names]:
            raise ConfigurationError(
                f"{self.out}: was started with other epochs, batches, photos or names; use the same, or another out"
            )
        try:
            self.network.load_state_dict(state["network"])
            if self.average.decay:
                self.average.network.load_state_dict(state["average"])
            if self.photo_teacher:
                self.photo_teacher.load_state_dict(state["photo_teacher"])
        except RuntimeError as error:
            raise ConfigurationError(f"{self.out}: was started with another model or ema; use the same") from error
        self.average.steps = state["average_steps"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        torch.set_rng_state(state["random"].cpu())
        for name in COUNTERS:
            setattr(self, name, state[name])


def train(config: TrainingConfig, *, resume: bool = False) -> dict[str, Any]:
    """Train as `config` says; metrics of the last epoch as `{part: {pair: {"r1", "r5", "n"}}}`.

    Raises:
        ConfigurationError, DataError: see `TripletDataset`, `Trainer` and `create_backbone`.
    """
    distributed.start(_device(config.device).type)
    try:
        return Trainer(config, resume=resume).run()
    finally:
        distributed.stop()


def _one_thread(_: int) -> None:
    # Several BLAS threads for small matrices, beside torch's own, cost four times the work of one.
    threadpoolctl.threadpool_limits(1)


def _loudness(path: Path) -> float:
    """Root mean square of a sound file, 0..1; that of one that cannot be read does not count as quiet."""
    try:
        return float(np.sqrt(np.mean(np.square(read_sound(path)[0]))))
    except (OSError, VisualByteError):
        return 1.0


def _check_shares(config: TrainingConfig, classes: int) -> None:
    """Raises ConfigurationError if the processes of a distributed run cannot share a batch evenly."""
    world, optimizer = distributed.world_size(), config.optimizer
    drawn = min(optimizer.classes, classes)
    if drawn % world or optimizer.distractors % world:
        raise ConfigurationError(
            f"{world} processes cannot share {drawn} classes and {optimizer.distractors} distractors evenly;"
            " change optimizer.classes and optimizer.distractors"
        )


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
