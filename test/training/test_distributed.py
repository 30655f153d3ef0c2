# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Two processes compute what one with the whole batch does, write one checkpoint, and fail together."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from visual_byte_core.dataset.collect_config import CollectConfig
from visual_byte_core.training.checkpoint import load_checkpoint
from visual_byte_core.training.state import STATE

# Processes as torchrun starts them, but forked, so that libraries load once, and none is ended by torchrun.
FORKED = """
import json, multiprocessing, os, resource, signal, socket, sys, threading
import torch
from visual_byte_core.cli import main
from visual_byte_core.training.triplets import TripletDataset
from visual_byte_core.errors import DataError
from visual_byte_core.training import distributed
from visual_byte_core.training.config import config_from_dict
from visual_byte_core.training.loop import Trainer

def process(function, rank, count, port, argument):
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(count), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    sys.exit(function(rank, argument))

def exit_codes(function, count, argument):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=process, args=(function, rank, count, port, argument)) for rank in range(count)]
    for one in processes:
        one.start()
    for one in processes:
        one.join(240)
        one.kill()
    return [one.exitcode for one in processes]
"""

GRADIENTS = (
    FORKED
    + """
def write_gradients(rank, out):
    with distributed.together("cpu"):
        trainer = Trainer(config_from_dict(json.load(open(sys.argv[1]))))
        trainer.network.train()
        batch = next(trainer._batches(0))
        terms = trainer._gradients(batch, 0.5, 1)
        distributed.average_gradients(trainer.network.parameters())
        if distributed.rank() == 0:
            gradients = {name: p.grad for name, p in trainer.network.named_parameters() if p.grad is not None}
            torch.save({"terms": terms, "gradients": gradients, "classes": batch.classes}, out)

print(json.dumps([exit_codes(write_gradients, count, f"{sys.argv[2]}/{count}.pt") for count in (1, 2)]))
"""
)

# Each case in two processes of its own, and each must end by itself.
FAILURES = (
    FORKED
    + """
def break_loss(trainer, batches, train_step=Trainer._train_step):
    if trainer.step == 1:
        forward, words = trainer.forward, len(batches[0].photos)  # the first of the words
        trainer.forward = lambda pixels: forward(pixels).index_fill(0, torch.tensor([words]), torch.nan)
    return train_step(trainer, batches)

def refuse(data, draw):
    raise DataError("banana: ten files drawn here could not be read")

def interrupt(trainer, batches, train_step=Trainer._train_step):
    if trainer.step == 1:
        os.kill(os.getpid(), signal.SIGTERM)
    return train_step(trainer, batches)

def hang(rank):
    distributed.GRACE = 1.0
    with distributed.together("cpu"):
        if rank == 1:
            raise DataError("the second failed")
        threading.Event().wait(300)

def run(rank, case):
    sys.stderr = open(f"{sys.argv[2]}/{case}{rank}.txt", "w", buffering=1)
    sys.stdout = sys.stderr
    if case == "hang":
        return hang(rank)
    if case == "loss" and rank == 1:
        Trainer._train_step = break_loss
    if case == "data" and rank == 1:
        TripletDataset.__getitem__ = refuse
    if case == "disk" and rank == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    if case == "signal" and rank == 1:
        Trainer._train_step = interrupt
    uneven = ["--set", "optimizer.classes=3"] if case == "uneven" else []
    return main(["train", "--config", sys.argv[1], "--set", f"out={sys.argv[2]}/{case}", *uneven])

cases = ("loss", "data", "disk", "signal", "uneven", "hang")
print(json.dumps({case: exit_codes(run, 2, case) for case in cases}))
"""
)


@pytest.fixture
def values(dataset: Path, collect_config: CollectConfig, tmp_path: Path) -> dict[str, object]:
    return small_training(dataset, collect_config.names, tmp_path / "run")


def small_training(dataset: Path, names: str, out: Path) -> dict[str, object]:
    return {
        "out": str(out),
        "renderer": {"size": 32},
        "data": {"root": str(dataset), "names": names, "workers": 0,
                 "distractors": str(dataset / "distractors")},
        "model": {"backbone": "test_convnext", "dimension": 16, "layer_scale": 0.1},
        "loss": {"classify_audio": 0.5},
        "optimizer": {"epochs": 1, "classes": 4, "photos": 2, "distractors": 2, "learning_rate": 5e-4, "threads": 1},
    }  # fmt: skip


def run_alone(command: list[str]) -> str:
    """What a command prints that succeeds."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_two_processes_give_the_loss_and_gradients_of_one(values: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(GRADIENTS, encoding="utf-8")
    (tmp_path / "config.json").write_text(json.dumps(values), encoding="utf-8")
    codes = run_alone([sys.executable, str(tmp_path / "script.py"), str(tmp_path / "config.json"), str(tmp_path)])
    assert json.loads(codes) == [[0], [0, 0]]
    one, two = (torch.load(tmp_path / f"{processes}.pt", weights_only=True) for processes in (1, 2))
    assert len(one["classes"]) == 4 and two["classes"].tolist() == one["classes"].tolist()[:2]
    for name, term in one["terms"].items():
        torch.testing.assert_close(two["terms"][name], term, rtol=1e-4, atol=1e-5, msg=name)
    assert set(two["gradients"]) == set(one["gradients"])
    for name, gradient in one["gradients"].items():
        torch.testing.assert_close(two["gradients"][name], gradient, rtol=1e-3, atol=1e-5, msg=name)


def test_a_run_of_two_processes_trains_and_writes_once(values: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    run_alone([*torchrun, "-m", "visual_byte_core", "train", "--config", str(tmp_path / "config.yaml")])
    load_checkpoint(tmp_path / "run" / "last")
    assert len((tmp_path / "run" / "log.csv").read_text().splitlines()) == 2


@pytest.fixture(scope="module")
def ended(dataset: Path, collect_config: CollectConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with what both processes of each case of FAILURES said, and `codes.json`, how they ended."""
    folder = tmp_path_factory.mktemp("failures")
    settings = small_training(dataset, collect_config.names, folder / "run")
    settings["optimizer"] = {**settings["optimizer"], "photos": 1, "epochs": 3}  # type: ignore[dict-item]
    (folder / "config.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    (folder / "script.py").write_text(FAILURES, encoding="utf-8")
    codes = run_alone([sys.executable, str(folder / "script.py"), str(folder / "config.yaml"), str(folder)])
    (folder / "codes.json").write_text(codes, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("case", "first", "second"),
    [
        (
            "loss",
            "diverged at step 1 .* from another process's inputs",
            "diverged at step 1 .* from the words '.*' \\(1 of 8 inputs\\)",
        ),
        ("data", "banana: ten files drawn here could not be read", None),
        ("disk", "cannot be written \\(File too large\\); make room and start again", None),
        ("signal", "stopped after step 2; go on with --resume", "interrupted"),
        ("uneven", "2 processes cannot share 3 classes", None),
        ("hang", "error: the second failed", ""),
    ],
)
def test_what_ends_one_process_ends_all_and_says_why(ended: Path, case: str, first: str, second: str | None) -> None:
    codes = json.loads((ended / "codes.json").read_text())[case]
    said = [(ended / f"{case}{rank}.txt").read_text() for rank in (0, 1)]
    assert codes == ([2, 2] if case == "uneven" else [1, 1]), said  # 2: of the configuration
    for text, reason in zip(said, (first, first if second is None else second), strict=True):
        assert re.search(reason, text), said
    if case == "signal":
        assert torch.load(ended / case / STATE, weights_only=True)["step"] == 2
