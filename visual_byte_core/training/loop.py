# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The training loop: one epoch after the other, each one measured, every step resumable."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from visual_byte_core.errors import ConfigurationError, DataError
from visual_byte_core.names import overlaps, read_names
from visual_byte_core.training import distributed
from visual_byte_core.training.average import AveragedWeights
from visual_byte_core.training.checkpoint import METRICS, build_network, load_checkpoint, save_checkpoint
from visual_byte_core.training.config import TrainingConfig
from visual_byte_core.training.depthwise import quicken_depthwise
from visual_byte_core.training.device import choose_device, choose_precision
from visual_byte_core.training.diagnosis import Doctor, data_warnings
from visual_byte_core.training.distill import Distillation
from visual_byte_core.training.grad_cache import GradCache
from visual_byte_core.training.journal import JOURNAL_EVERY, Journal
from visual_byte_core.training.loader import batches_of, report_unreadable
from visual_byte_core.training.losses import Embedded, losses, overlap_matrix
from visual_byte_core.training.mixup import Mixup
from visual_byte_core.training.optimizer import make_optimizer
from visual_byte_core.training.photo_teacher import PhotoTeacher, photo_features
from visual_byte_core.training.pixels import prepare_pixels
from visual_byte_core.training.processor import prepare_processor
from visual_byte_core.training.regions import RegionLoss
from visual_byte_core.training.schedule import learning_rate_share
from visual_byte_core.training.state import STATE, load_state, random_state, save_state, set_random_state
from visual_byte_core.training.stopping import StopRequest
from visual_byte_core.training.triplets import Batch, TripletDataset
from visual_byte_core.training.validation import Validation

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
COUNTERS = ("step", "epoch", "steps", "best", "best_epoch", "schedule_start", "restarts")
SUMS = ("sums", "summed", "minutes")

ExtraTerms = Callable[[Tensor, Embedded], dict[str, Tensor]]

log = logging.getLogger("visual_byte")


class Trainer:
    """A network, its optimizer and its data; `run` trains to the end of the configuration."""

    def __init__(self, config: TrainingConfig, *, resume: bool = False) -> None:
        self.config, self.out = config, Path(config.out)
        self.device = choose_device(config.device)
        if self.device.type == "cpu":
            prepare_processor(config.optimizer.threads)
        torch.manual_seed(config.seed)
        if not Path(config.data.root).is_dir():
            raise DataError(
                f"data.root: {config.data.root}: no such folder; visual-byte collect makes a data set, or set data.root"
            )
        self.names = read_names(config.data.names)
        self.data = TripletDataset(config, self.names)
        _check_shares(config, len(self.data.numbers))
        self.network = build_network(config, len(self.names)).to(self.device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
        quicken_depthwise(self.network)
        self.overlap = overlap_matrix([name.slug for name in self.names], overlaps(self.names)).to(self.device)
        self.photo_teacher = self._photo_teacher()
        self.optimizer = make_optimizer(self.network, config.optimizer, self.photo_teacher)
        self.precision = choose_precision(config.optimizer.precision, self.device)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == torch.float16)
        batch = config.optimizer.classes * config.optimizer.photos * config.optimizer.accumulate
        self.steps_per_epoch = max(1, self.data.photo_count // batch)
        self.steps = self.steps_per_epoch * config.optimizer.epochs
        self.step, self.epoch, self.best, self.best_epoch = 0, 0, -1.0, 0
        self.schedule_start, self.restarts = 0, 0
        self.sums: dict[str, float] = {}  # of every value over the steps of this epoch
        self.summed, self.minutes = 0, 0.0
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
        try:
            with StopRequest() as stop:
                return self._run(stop)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            kept = "; the last state is kept: make room and go on with --resume"
            way_out = kept if (self.out / STATE).exists() else "; make room and start again"
            raise DataError(f"{self.out}: cannot be written ({error.strerror}){way_out}") from error

    def _run(self, stop: StopRequest) -> dict[str, Any]:
        if distributed.rank() > 0:
            while self._goes_on():
                self._train_epoch(stop)
                self._end_epoch(None)
            return {}
        self.out.mkdir(parents=True, exist_ok=True)
        for warning in data_warnings(self.data, next(self._batches(self.steps_per_epoch - 1))):
            log.warning(warning)
        validation = Validation(self.config, self.names)
        self.journal = Journal(self.out, self.step, self.epoch)
        self.doctor = Doctor(self.config, self.journal.epochs)
        try:
            while self._goes_on():
                self._train_epoch(stop)
                self._end_epoch(validation)
        finally:
            with contextlib.suppress(OSError):  # a disk that is full was told already
                self.journal.close()
        metrics: dict[str, Any] = json.loads((self.out / "last" / METRICS).read_text(encoding="utf-8"))
        return metrics

    def _goes_on(self) -> bool:
        """Whether epochs are left; a schedule that brought nothing new at its end is followed by another one."""
        optimizer = self.config.optimizer
        self.best_epoch = distributed.from_first(self.best_epoch)  # which alone measures
        if self.epoch < optimizer.epochs * (1 + self.restarts):
            return True
        stuck = self.epoch - self.best_epoch
        if self.restarts >= optimizer.restarts or stuck < optimizer.patience:
            return False
        self.restarts, self.schedule_start = self.restarts + 1, self.step
        if distributed.rank() == 0:
            log.warning("no new best in %d epochs: a fresh schedule begins", stuck)
        return True

    def _train_epoch(self, stop: StopRequest) -> None:
        optimizer = self.config.optimizer
        done = self.step - self.epoch * self.steps_per_epoch  # steps of this epoch that a resumed run has behind it
        label = f"epoch {self.epoch + 1}/{optimizer.epochs * (1 + self.restarts)}"
        bar = tqdm(total=self.steps_per_epoch, initial=done, desc=label, unit="step", disable=distributed.rank() > 0)
        batches = self._batches(done)
        saved = ended = time.monotonic()
        with bar:
            for _ in range(done, self.steps_per_epoch):
                self._stop_if_asked(stop)
                begun = time.monotonic()
                drawn = [next(batches) for _ in range(optimizer.accumulate)]
                waited = time.monotonic() - begun
                values = self._train_step(drawn)
                now = time.monotonic()
                values["data_share"] = waited / max(1e-9, now - ended)
                self._note(values, (now - ended) / 60)
                ended = now
                bar.set_postfix(loss=f"{values['total']:.3f}", refresh=False)
                bar.update()
                if distributed.rank() == 0 and ended - saved > optimizer.save_every_s:
                    self._save_state()
                    saved = ended
        self._stop_if_asked(stop)

    def _note(self, values: dict[str, float], minutes: float) -> None:
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.summed, self.minutes = self.summed + 1, self.minutes + minutes
        if distributed.rank() == 0 and self.step % JOURNAL_EVERY == 0:
            self.journal.step(self.step, values)

    def _stop_if_asked(self, stop: StopRequest) -> None:
        """Between two steps. Raises KeyboardInterrupt, in all processes at the same step."""
        if not distributed.any_of(stop.asked, self.device):
            return
        if distributed.rank() == 0:
            self._save_state()
            log.warning("stopped after step %d; go on with --resume", self.step)
        distributed.wait_for_all()  # whoever ended before the state is saved would look like a failure
        raise KeyboardInterrupt

    def _end_epoch(self, validation: Validation | None) -> None:
        """Measure and save; all processes but the first, which have no `validation`, wait for it."""
        started = time.monotonic()
        report_unreadable(distributed.merge(self.unreadable), self.data)
        means = {name: value / self.summed for name, value in self.sums.items()}
        minutes = self.minutes
        self.epoch, self.sums, self.summed, self.minutes = self.epoch + 1, {}, 0, 0.0
        if validation is not None:
            metrics = validation.measure(self.average.network, self.device)
            self._tell({"minutes": minutes + (time.monotonic() - started) / 60, **means}, metrics)
            self._save(metrics)
        distributed.wait_for_all()

    def _batches(self, done: int) -> Iterator[Batch]:
        accumulate = self.config.optimizer.accumulate
        return batches_of(self.data, self.epoch, self.steps_per_epoch * accumulate, done * accumulate)

    def _train_step(self, batches: list[Batch]) -> dict[str, float]:
        self.network.train()
        progress = (self.step - self.schedule_start) / self.steps
        rate = self.config.optimizer.learning_rate * learning_rate_share(progress, self.config.optimizer.warmup)
        if self.restarts:
            progress = 1.0  # only the learning rate begins again; the phases of lambda and small pictures are through
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        self.optimizer.zero_grad(set_to_none=True)
        sums: dict[str, Tensor] = {}
        for batch in batches:
            self.unreadable |= dict(batch.unreadable)
            for name, term in self._gradients(batch, progress, len(batches)).items():
                sums[name] = sums.get(name, torch.zeros(())) + term / len(batches)
        trained = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        distributed.average_gradients(trained)  # first, so that all see the same overflow
        self.scaler.unscale_(self.optimizer)
        norm = torch.nn.utils.clip_grad_norm_(trained, self.config.optimizer.clip_norm)
        if not torch.isfinite(norm) and not self.scaler.is_enabled():  # which would leave the step out
            raise DataError(
                f"training diverged at step {self.step} (the loss is finite, its gradient is not); lower"
                f" optimizer.learning_rate; {self.out}/last is still good"
            )
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
        cache = None
        if self.config.optimizer.chunk:
            images = self._images(batch)
            cache = GradCache(lambda split: self._forward(split, size), images, self.config.optimizer.chunk)
            embedded = self._split(cache.embed(), batch)
        else:
            images, embedded = self._embed(batch, size)
        with self._autocast():
            extra = {name: term for more in self.extra_terms for name, term in more(images, embedded).items()}
            if self.photo_teacher:
                extra |= self.photo_teacher(batch.sources, embedded.photos)
        gathered = distributed.gather(embedded)
        terms = {**losses(self.network, gathered, self.overlap, self.config.loss, progress), **extra}
        terms["total"] = terms["total"] + sum(extra.values())
        if not torch.isfinite(terms["total"]):
            raise DataError(self._explain(batch, embedded, gathered, terms))
        self.scaler.scale(terms["total"] / of).backward()
        if cache:
            cache.backward()
        return {name: term.detach().cpu() for name, term in terms.items()}

    def _images(self, batch: Batch) -> Tensor:
        # One pass for all three: a network that has no batch statistics gives each image the same embedding anyway.
        return torch.cat([batch.photos, batch.texts, batch.sounds]).to(self.device)

    def _embed(self, batch: Batch, size: int) -> tuple[Tensor, Embedded]:
        images = self._images(batch)
        return images, self._split(self._forward(images, size), batch)

    def _forward(self, images: Tensor, size: int) -> Tensor:
        with self._autocast():
            return self.forward(prepare_pixels(images, size))

    def _split(self, embeddings: Tensor, batch: Batch) -> Embedded:
        photos, texts, sounds = embeddings.split([len(batch.photos), len(batch.texts), len(batch.sounds)])
        return Embedded(photos, texts, sounds, batch.classes.to(self.device))

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, self.precision, enabled=self.precision != torch.float32)

    def _extra_terms(self) -> list[ExtraTerms]:
        """Terms that look at the images as well, in the order in which they are added."""
        terms: list[ExtraTerms] = []
        if self.config.distill.teacher:
            terms.append(Distillation(self.config, self.names, self.network, self.device))
        if self.config.loss.regions:
            terms.append(RegionLoss(self.config.loss, self.network, self.overlap))
        if self.config.augment.mixup:
            terms.append(Mixup(self.config, self.network, self.overlap))
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

    def _explain(self, batch: Batch, mine: Embedded, gathered: Embedded, terms: dict[str, Tensor]) -> str:
        """Why a loss is not finite: which term, and which input if it is one alone."""
        broken = ", ".join(sorted(name for name, term in terms.items() if not torch.isfinite(term)))
        rows, of_all = (
            torch.cat([e.photos, e.texts, e.sounds]).isfinite().all(dim=1).logical_not() for e in (mine, gathered)
        )
        if rows.any() and not rows.all():
            inputs = [batch.sources[i] for i in rows.nonzero().flatten().tolist()]
            cause = f"from {', '.join(inputs[:3])} ({len(inputs)} of {len(rows)} inputs); look at it"
        elif of_all.any() and not rows.any():
            cause = "from another process's inputs, which it names"
        else:
            cause = "from every input, so the weights are broken; lower optimizer.learning_rate"
        return f"training diverged at step {self.step} ({broken} not finite) {cause}; {self.out}/last is still good"

    def _tell(self, row: dict[str, float], metrics: dict[str, Any]) -> None:
        recalls = {
            f"{split}_{pair}_{k}": found[k]
            for split, pairs in metrics.items()
            for pair, found in pairs.items()
            for k in ("r1", "r5")
        }
        row = {**row, **recalls}
        self.journal.epoch(self.epoch, row)
        tqdm.write(f"epoch {self.epoch}: " + "  ".join(f"{name} {value:.3f}" for name, value in row.items()))
        self.doctor.watch(row)

    def _save(self, metrics: dict[str, Any]) -> None:
        save_checkpoint(self.out / "last", self.average.network, self.config, self.names, metrics)
        score = sum(values["r1"] for values in metrics["calibrate"].values())
        if score > self.best:
            self.best, self.best_epoch = score, self.epoch
            save_checkpoint(self.out / "best", self.average.network, self.config, self.names, metrics)
        self._save_state()

    def _save_state(self) -> None:
        state = {
            **{name: getattr(self, name) for name in (*COUNTERS, *SUMS)},
            "network": self.network.state_dict(),
            "average": self.average.network.state_dict() if self.average.decay else {},
            "average_steps": self.average.steps,
            "photo_teacher": self.photo_teacher.state_dict() if self.photo_teacher else {},
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            **random_state(self.device),
            "names": [name.slug for name in self.names],
        }
        save_state(self.out, state)

    def _start_from(self, checkpoint: str) -> None:
        network, _, names = load_checkpoint(checkpoint)
        if names != self.names:
            raise ConfigurationError(f"model.start: {checkpoint} was trained on other names; use its names.csv")
        try:
            self.network.load_state_dict(network.state_dict())
        except RuntimeError as error:
            raise ConfigurationError(f"model.start: {checkpoint} holds another network than model describes") from error

    def _resume(self) -> None:
        state = load_state(self.out, self.device)
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
            self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError) as error:
            raise ConfigurationError(
                f"{self.out}: was started with another model, ema or optimizer; use the same"
            ) from error
        self.average.steps = state["average_steps"]
        self.scaler.load_state_dict(state["scaler"])
        set_random_state(state, self.device)
        for name in (*COUNTERS, *SUMS):
            setattr(self, name, state.get(name, getattr(self, name)))  # an older state has no sums


def train(config: TrainingConfig, *, resume: bool = False) -> dict[str, Any]:
    """Train as `config` says; metrics of the last epoch as `{split: {pair: {"r1", "r5", "n"}}}`.

    Raises:
        ConfigurationError, DataError: see `TripletDataset`, `Trainer` and `create_backbone`.
    """
    with distributed.together(choose_device(config.device).type):
        return Trainer(config, resume=resume).run()


def _check_shares(config: TrainingConfig, classes: int) -> None:
    """Raises ConfigurationError if the processes of a distributed run cannot share a batch evenly."""
    world, optimizer = distributed.world_size(), config.optimizer
    drawn = min(optimizer.classes, classes)
    if drawn % world or optimizer.distractors % world:
        raise ConfigurationError(
            f"{world} processes cannot share {drawn} classes and {optimizer.distractors} distractors evenly;"
            " change optimizer.classes and optimizer.distractors"
        )
