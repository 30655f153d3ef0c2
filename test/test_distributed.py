# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Two processes compute what one with the whole batch does, and a run by torchrun ends with one checkpoint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from visual_byte_core.dataset.collect_config import CollectConfig
from visual_byte_core.training.checkpoint import load_checkpoint

SCRIPT = """
import json, sys
import torch
from visual_byte_core.training import distributed
from visual_byte_core.training.config import config_from_dict
from visual_byte_core.training.loop import Trainer

distributed.start("cpu")
trainer = Trainer(config_from_dict(json.load(open(sys.argv[1]))))
trainer.network.train()
batch = next(iter(trainer._loader(0)))
terms = trainer._gradients(batch, 0.5, 1)
distributed.average_gradients(trainer.network.parameters())
if distributed.rank() == 0:
    gradients = {name: p.grad for name, p in trainer.network.named_parameters() if p.grad is not None}
    torch.save({"terms": terms, "gradients": gradients, "classes": batch.classes}, sys.argv[2])
distributed.stop()
"""


@pytest.fixture
def values(dataset: Path, collect_config: CollectConfig, tmp_path: Path) -> dict[str, object]:
    return {
        "out": str(tmp_path / "run"),
        "renderer": {"size": 32},
        "data": {"root": str(dataset), "names": collect_config.names, "workers": 0,
                 "distractors": str(dataset / "distractors")},
        "model": {"backbone": "convnext_atto", "dimension": 16, "layer_scale": 0.1},
        "loss": {"classify_audio": 0.5},
        "optimizer": {"epochs": 1, "classes": 4, "photos": 2, "distractors": 2, "learning_rate": 5e-4, "threads": 1},
    }  # fmt: skip


def torchrun(processes: int, *command: str) -> subprocess.CompletedProcess[str]:
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run([*start, *command], env=environment, capture_output=True, text=True, timeout=240)


def test_two_processes_give_the_loss_and_gradients_of_one(values: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "config.json").write_text(json.dumps(values), encoding="utf-8")
    results = []
    for processes in (1, 2):
        out = tmp_path / f"{processes}.pt"
        done = torchrun(processes, str(tmp_path / "script.py"), str(tmp_path / "config.json"), str(out))
        assert done.returncode == 0, done.stderr
        results.append(torch.load(out, weights_only=True))
    one, two = results
    assert len(one["classes"]) == 4 and two["classes"].tolist() == one["classes"].tolist()[:2]
    for name, term in one["terms"].items():
        torch.testing.assert_close(two["terms"][name], term, rtol=1e-4, atol=1e-5, msg=name)
    assert set(two["gradients"]) == set(one["gradients"])
    for name, gradient in one["gradients"].items():
        torch.testing.assert_close(two["gradients"][name], gradient, rtol=1e-3, atol=1e-5, msg=name)


def test_a_run_of_two_processes_trains_and_writes_once(values: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    train = ["-m", "visual_byte_core", "train", "--config", str(tmp_path / "config.yaml")]
    done = torchrun(2, *train)
    assert done.returncode == 0, done.stderr
    load_checkpoint(tmp_path / "run" / "last")
    assert len((tmp_path / "run" / "log.csv").read_text().splitlines()) == 2
    uneven = [*train, "--set", "optimizer.classes=3", "--set", f"out={tmp_path / 'uneven'}"]
    done = torchrun(2, *uneven)
    assert done.returncode != 0 and "2 processes cannot share 3 classes" in done.stderr
