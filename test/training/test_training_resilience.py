# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Training survives what happens to it: a kill, a broken file, a loss that is not finite, a batch too large."""

from __future__ import annotations

import csv
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from visual_byte_core.dataset.collect_config import CollectConfig
from visual_byte_core.errors import ConfigurationError, DataError
from visual_byte_core.training.checkpoint import load_checkpoint
from visual_byte_core.training.config import TrainingConfig, config_from_dict
from visual_byte_core.training.grad_cache import GradCache
from visual_byte_core.training.loader import report_unreadable
from visual_byte_core.training.loop import Trainer, train
from visual_byte_core.training.state import STATE
from visual_byte_core.training.stopping import StopRequest
from visual_byte_core.training.triplets import Batch


@pytest.fixture(scope="module")
def config(dataset: Path, collect_config: CollectConfig) -> TrainingConfig:
    return config_from_dict(
        {
            "renderer": {"size": 32},
            "data": {"root": str(dataset), "names": collect_config.names, "workers": 0},
            "model": {"backbone": "test_convnext", "dimension": 16, "layer_scale": 0.1, "drop_path": 0.2},
            "augment": {"mixup": 0.5},
            "optimizer": {"epochs": 2, "classes": 2, "photos": 2, "learning_rate": 5e-4, "threads": 1},
        }
    )


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(folder)[0].state_dict()


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def test_a_killed_run_resumes_inside_its_epoch_to_the_same_weights(config: TrainingConfig, tmp_path: Path) -> None:
    optimizer = replace(config.optimizer, save_every_s=0.0, ema=0.9)
    config = replace(config, optimizer=optimizer, data=replace(config.data, workers=1))
    train(replace(config, out=str(tmp_path / "whole")))
    killed = tmp_path / "killed"
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(replace(config, out=str(killed)).to_dict()), encoding="utf-8")
    command = [sys.executable, "-m", "visual_byte_core", "train", "--config", str(tmp_path / "config.yaml")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 120
        while not (killed / STATE).exists():
            assert process.poll() is None, process.stderr.read().decode()
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert torch.load(killed / STATE, weights_only=True)["step"] < 4
    train(replace(config, out=str(killed)), resume=True)
    assert same(weights(tmp_path / "whole" / "last"), weights(killed / "last"))


def test_stopped_by_a_signal_it_keeps_its_state_and_says_how_to_go_on(config: TrainingConfig, tmp_path: Path) -> None:
    data, optimizer = replace(config.data, workers=2), replace(config.optimizer, epochs=500)
    config = replace(config, out=str(tmp_path / "run"), data=data, optimizer=optimizer)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config.to_dict()), encoding="utf-8")
    command = [sys.executable, "-m", "visual_byte_core", "train", "--config", str(tmp_path / "config.yaml")]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / "run" / "log.csv").exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGTERM)  # a service manager's goes to the processes that load data as well
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 1 and "go on with --resume" in said, said
    assert "Traceback" not in said and "killed" not in said, said
    assert (tmp_path / "run" / STATE).exists()


def rows_of(run: Path) -> list[dict[str, str]]:
    """log.csv without what depends on the clock."""
    with open(run / "log.csv", encoding="utf-8") as file:
        return [{k: v for k, v in row.items() if k not in ("minutes", "data_share")} for row in csv.DictReader(file)]


def interrupt_within(trainer: Trainer, step: int, number: signal.Signals) -> None:
    """Send the signal when the optimizer has moved the weights, and the counter of steps not yet."""
    move = trainer.optimizer.step

    def move_and_interrupt(*arguments: object) -> None:
        move(*arguments)
        if trainer.step == step:
            os.kill(os.getpid(), number)

    trainer.optimizer.step = move_and_interrupt  # type: ignore[method-assign]


def test_a_signal_inside_of_a_step_waits_for_its_end(config: TrainingConfig, tmp_path: Path) -> None:
    config = replace(config, optimizer=replace(config.optimizer, photos=1, ema=0.9))
    train(replace(config, out=str(tmp_path / "whole")))
    stopped = replace(config, out=str(tmp_path / "stopped"))
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever started this test may ignore it
    try:
        for step, number, resume in ((1, signal.SIGTERM, False), (3, signal.SIGINT, True)):
            trainer = Trainer(stopped, resume=resume)
            assert trainer.steps_per_epoch == 4
            interrupt_within(trainer, step, number)
            with pytest.raises(KeyboardInterrupt):
                trainer.run()
            assert torch.load(tmp_path / "stopped" / STATE, weights_only=True)["step"] == step + 1
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(number, handler)
    metrics = train(stopped, resume=True)
    assert same(weights(tmp_path / "whole" / "last"), weights(tmp_path / "stopped" / "last"))
    assert len(rows_of(tmp_path / "stopped")) == 2 and rows_of(tmp_path / "stopped") == rows_of(tmp_path / "whole")
    assert train(stopped, resume=True) == metrics  # nothing is left to do


def test_a_second_interrupt_ends_at_once_and_one_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGINT)
            assert stop.asked
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGINT)
            assert not stop.asked
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_full_disk_keeps_the_last_state_and_says_what_to_do(config: TrainingConfig, tmp_path: Path) -> None:
    config = replace(config, out=str(tmp_path / "run"), optimizer=replace(config.optimizer, epochs=3, ema=0.9))
    trainer = Trainer(config)
    trainer.config = replace(config, optimizer=replace(config.optimizer, epochs=1))
    trainer.run()
    kept = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*.*t*") if "tensorboard" not in str(path)}
    assert {path.name for path in kept} >= {STATE, "model.safetensors"}
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The kernel refuses every write beyond these bytes, as it refuses those beyond the end of a disk: the model's
    # weights are larger than the first, the state than the second, and the tables of one epoch than the last.
    for size in (1 << 20, (tmp_path / "run" / STATE).stat().st_size - 1, 1000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, unlimited[1]))
        try:
            with pytest.raises(DataError, match=r"run: cannot be written \(.*\); the last state is kept: make room"):
                Trainer(config, resume=True).run()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        assert (tmp_path / "run" / STATE).read_bytes() == kept[tmp_path / "run" / STATE]
        load_checkpoint(tmp_path / "run" / "last")
        assert not [path for path in (tmp_path / "run").rglob(".*") if path.is_file()]  # nothing half
    train(config, resume=True)
    assert len(rows_of(tmp_path / "run")) == 3


def test_the_same_configuration_gives_the_same_weights(config: TrainingConfig, tmp_path: Path) -> None:
    for name, workers in (("a", 0), ("b", 2)):
        train(replace(config, out=str(tmp_path / name), data=replace(config.data, workers=workers)))
    assert same(weights(tmp_path / "a" / "last"), weights(tmp_path / "b" / "last"))


def test_broken_files_are_left_out_and_too_many_are_an_error(
    config: TrainingConfig, dataset: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "data"
    shutil.copytree(dataset, root)
    broken = sorted((root / "image" / "banana").iterdir())[0]
    broken.write_bytes(b"")
    config = replace(config, out=str(tmp_path / "run"), data=replace(config.data, root=str(root)))
    trainer = Trainer(config)
    trainer.unreadable = {}
    with caplog.at_level("WARNING", logger="visual_byte"):
        trainer.run()
    assert f"left out: {broken}" in caplog.text and "files could not be read" in caplog.text
    with pytest.raises(DataError, match=r"files cannot be read, over 5%; collect them again"):
        report_unreadable({str(i): "no photo" for i in range(trainer.data.file_count)}, trainer.data)
    for path in (root / "image" / "banana").iterdir():
        path.write_bytes(b"")
    for workers in (0, 1):
        data, optimizer = replace(config.data, workers=workers), replace(config.optimizer, classes=4)
        with pytest.raises(DataError, match=r"^[^\n]*banana: ten files drawn here could not be read[^\n]*$"):
            train(replace(config, out=str(tmp_path / "second"), data=data, optimizer=optimizer))


def first_batch(trainer: Trainer) -> Batch:
    return next(trainer._batches(0))


def test_a_loss_that_is_not_finite_names_its_step_and_input(config: TrainingConfig, tmp_path: Path) -> None:
    trainer = Trainer(replace(config, out=str(tmp_path), augment=replace(config.augment, mixup=0.0)))
    batch, forward = first_batch(trainer), trainer.forward

    def overflowing(pixels: torch.Tensor) -> torch.Tensor:
        embeddings = forward(pixels)
        factor = torch.ones(len(pixels), 1)
        factor[len(batch.photos)] = torch.nan  # the first of the words
        return embeddings * factor

    trainer.forward = overflowing
    trainer.step = 7
    culprit = batch.sources[len(batch.photos)]
    assert culprit.startswith("the words '")
    with pytest.raises(DataError, match=rf"diverged at step 7 .* from {culprit} \(1 of 8"):
        trainer._train_step([batch])
    trainer.forward = lambda pixels: forward(pixels) * torch.nan
    with pytest.raises(DataError, match="from every input, so the weights are broken; lower optimizer.learning_rate"):
        trainer._train_step([batch])


def gradients(trainer: Trainer, batch: Batch) -> dict[str, torch.Tensor]:
    trainer.network.train()
    trainer._gradients(batch, 0.5, 1)
    return {name: p.grad.clone() for name, p in trainer.network.named_parameters() if p.grad is not None}


def test_chunks_give_the_gradient_of_the_whole_batch(config: TrainingConfig, tmp_path: Path) -> None:
    config = replace(config, augment=replace(config.augment, mixup=0.0), model=replace(config.model, drop_path=0.0))
    whole = Trainer(replace(config, out=str(tmp_path / "a")))
    chunked = Trainer(replace(config, out=str(tmp_path / "b"), optimizer=replace(config.optimizer, chunk=3)))
    batch = first_batch(whole)
    expected, found = gradients(whole, batch), gradients(chunked, batch)
    assert set(found) == set(expected)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-5, msg=name)


def test_chunks_drop_out_the_same_twice(config: TrainingConfig, tmp_path: Path) -> None:
    trainer = Trainer(replace(config, out=str(tmp_path), model=replace(config.model, drop_path=0.5)))
    trainer.network.train()
    images = torch.randint(0, 256, (6, 32, 32, 3), dtype=torch.uint8)
    seen: list[torch.Tensor] = []

    def embed(chunk: torch.Tensor) -> torch.Tensor:
        seen.append(trainer._forward(chunk, 0))
        return seen[-1]

    cache = GradCache(embed, images, 4)
    cache.embed().sum().backward()
    after = torch.get_rng_state()
    cache.backward()
    assert len(seen) == 4 and torch.equal(seen[0], seen[2]) and torch.equal(seen[1], seen[3])
    assert torch.equal(torch.get_rng_state(), after)  # a second pass moves no generator
    assert trainer.network.classifier.weight.grad is None and trainer.network.projector[0].weight.grad.any()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_chunks_beside_terms_of_the_whole_batch(config: TrainingConfig, tmp_path: Path, precision: str) -> None:
    optimizer, model = replace(config.optimizer, precision=precision), replace(config.model, drop_path=0.0)
    config = replace(config, model=model, optimizer=optimizer)
    found = []
    for chunk in (0, 3):
        out = str(tmp_path / str(chunk))
        trainer = Trainer(replace(config, out=out, optimizer=replace(optimizer, chunk=chunk)))
        batch = first_batch(trainer)
        torch.manual_seed(3)  # mixup blends alike
        found.append(gradients(trainer, batch))
    assert set(found[0]) == set(found[1])
    for name, gradient in found[0].items():
        error = (gradient - found[1][name]).norm() / gradient.norm()
        assert error < (1e-3 if precision == "float32" else 0.1), f"{name}: {error}"


def test_a_gradient_that_is_not_finite_touches_no_weight(config: TrainingConfig, tmp_path: Path) -> None:
    trainer = Trainer(replace(config, out=str(tmp_path)))
    before = {name: value.clone() for name, value in trainer.network.state_dict().items()}
    trainer.network.classifier.weight.register_hook(lambda gradient: gradient * torch.nan)
    with pytest.raises(DataError, match=r"diverged at step 0 \(the loss is finite, its gradient is not\); lower"):
        trainer._train_step([first_batch(trainer)])
    assert same(before, trainer.network.state_dict()) and trainer.step == 0


def test_accumulated_batches_make_one_step_of_their_mean(config: TrainingConfig, tmp_path: Path) -> None:
    config = replace(config, augment=replace(config.augment, mixup=0.0), model=replace(config.model, drop_path=0.0))
    trainer = Trainer(replace(config, out=str(tmp_path), optimizer=replace(config.optimizer, accumulate=2)))
    assert trainer.steps_per_epoch == 1
    batch = first_batch(trainer)
    once, values = gradients(trainer, batch), trainer._train_step([batch, batch])
    for name, parameter in trainer.network.named_parameters():
        if name in once and values["gradient_norm"] < trainer.config.optimizer.clip_norm:
            torch.testing.assert_close(parameter.grad, once[name], rtol=1e-3, atol=1e-5)
    assert trainer.step == 1 and np.isfinite(values["total"])


def test_a_schedule_that_brought_nothing_begins_anew(config: TrainingConfig, tmp_path: Path) -> None:
    trainer = Trainer(replace(config, out=str(tmp_path), optimizer=replace(config.optimizer, restarts=1, patience=1)))
    trainer.epoch, trainer.step, trainer.best_epoch = 2, trainer.steps, 1
    assert trainer._goes_on() and (trainer.restarts, trainer.schedule_start) == (1, trainer.steps)
    trainer.epoch = 4
    assert not trainer._goes_on() and trainer.restarts == 1  # as many as were asked for


def test_a_fresh_schedule_does_not_begin_the_phases_again(config: TrainingConfig, tmp_path: Path) -> None:
    loss = replace(config.loss, audio_phases=(0.4, 0.6), classify_audio=1.0)
    trainer = Trainer(replace(config, out=str(tmp_path), loss=loss))
    batch = first_batch(trainer)
    first = trainer._train_step([batch])
    assert first["audio"] == first["audio_text"] == first["cls_audio"] == 0 < first["clip"]
    trainer.restarts, trainer.schedule_start = 1, trainer.step
    again = trainer._train_step([batch])
    assert again["learning_rate"] == first["learning_rate"]
    assert min(again[name] for name in ("audio", "audio_text", "cls_audio", "clip")) > 0


def test_what_cannot_be_resumed_is_said(config: TrainingConfig, tmp_path: Path) -> None:
    config = replace(config, out=str(tmp_path), optimizer=replace(config.optimizer, epochs=1))
    train(config)
    other = (
        replace(config, model=replace(config.model, dimension=24)),
        replace(config, optimizer=replace(config.optimizer, layer_decay=0.5)),
    )
    for changed in other:
        with pytest.raises(ConfigurationError, match="started with another model, ema or optimizer"):
            Trainer(changed, resume=True)
    (tmp_path / STATE).write_bytes((tmp_path / STATE).read_bytes()[:1000])
    with pytest.raises(DataError, match=r"state.pt: is damaged; start again .*model.start="):
        Trainer(config, resume=True)


def test_a_training_that_fails_ends_its_loader(config: TrainingConfig, dataset: Path, tmp_path: Path) -> None:
    """Also where the exception, and with it the loader, is kept until the end of the process."""
    root = tmp_path / "data"
    shutil.copytree(dataset, root)
    for path in (root / "image" / "banana").iterdir():
        path.write_bytes(b"")
    data, optimizer = replace(config.data, root=str(root), workers=1), replace(config.optimizer, classes=4)
    failing = replace(config, out=str(tmp_path / "run"), data=data, optimizer=optimizer)
    (tmp_path / "config.json").write_text(json.dumps(failing.to_dict()), encoding="utf-8")
    script = (
        "import json, sys\nfrom visual_byte_core.training.config import config_from_dict\n"
        "from visual_byte_core.training.loop import train\n"
        "try:\n    train(config_from_dict(json.load(open(sys.argv[1]))))\n"
        "except Exception as error:\n    kept = error\n"
        "print('failed:', kept)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "config.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "failed: " in done.stdout and "could not be read" in done.stdout
