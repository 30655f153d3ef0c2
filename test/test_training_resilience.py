# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Training survives what happens to it: a kill, a broken file, a loss that is not finite, a batch too large."""

from __future__ import annotations

import os
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
from visual_byte_core.dataset.triplets import Batch
from visual_byte_core.errors import ConfigurationError, DataError
from visual_byte_core.training.checkpoint import load_checkpoint
from visual_byte_core.training.config import TrainingConfig, config_from_dict
from visual_byte_core.training.loop import STATE, Trainer, train


@pytest.fixture(scope="module")
def config(dataset: Path, collect_config: CollectConfig) -> TrainingConfig:
    return config_from_dict(
        {
            "renderer": {"size": 32},
            "data": {"root": str(dataset), "names": collect_config.names, "workers": 0},
            "model": {"backbone": "convnext_atto", "dimension": 16, "layer_scale": 0.1, "drop_path": 0.2},
            "augment": {"mixup": 0.5},
            "optimizer": {"epochs": 2, "classes": 2, "photos": 2, "learning_rate": 5e-4, "threads": 1},
        }
    )


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(folder)[0].state_dict()


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def test_a_killed_run_resumes_inside_its_epoch_to_the_same_weights(config: TrainingConfig, tmp_path: Path) -> None:
    optimizer = replace(config.optimizer, save_minutes=0.0, ema=0.9)
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
    config = replace(config, out=str(tmp_path / "run"), optimizer=replace(config.optimizer, epochs=500))
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config.to_dict()), encoding="utf-8")
    command = [sys.executable, "-m", "visual_byte_core", "train", "--config", str(tmp_path / "config.yaml")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / "run" / "log.csv").exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        process.terminate()
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 1 and "go on with --resume" in said, said
    assert (tmp_path / "run" / STATE).exists()


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
    trainer.unreadable = {str(i): "no photo" for i in range(trainer.data.file_count)}
    with pytest.raises(DataError, match=r"files cannot be read, over 5 %; collect them again"):
        trainer._report_unreadable()
    for path in (root / "image" / "banana").iterdir():
        path.write_bytes(b"")
    with pytest.raises(DataError, match=r"banana: ten files drawn here could not be read"):
        train(replace(config, out=str(tmp_path / "second"), optimizer=replace(config.optimizer, classes=4)))


def first_batch(trainer: Trainer) -> Batch:
    return next(iter(trainer._loader(0)))


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
    trainer._restart_if_stuck()
    assert (trainer.restarts, trainer.schedule_start) == (1, trainer.steps)
    trainer.epoch = 4
    trainer._restart_if_stuck()
    assert trainer.restarts == 1  # as many as were asked for


def test_a_run_of_another_model_is_not_resumed(config: TrainingConfig, tmp_path: Path) -> None:
    config = replace(config, out=str(tmp_path))
    train(config)
    with pytest.raises(ConfigurationError, match="started with another model"):
        Trainer(replace(config, model=replace(config.model, dimension=24)), resume=True)
