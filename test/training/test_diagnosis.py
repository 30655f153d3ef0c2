# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Each known failure gives its warning once, and a healthy run none."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from visual_byte_core.training.config import OptimizerConfig, TrainingConfig
from visual_byte_core.training.diagnosis import Doctor, contrasts_warning, quiet_warning, unheard_warning
from visual_byte_core.training.journal import Journal

CONFIG = TrainingConfig(optimizer=OptimizerConfig(learning_rate=1e-3))


def epochs(**columns: list[float]) -> list[dict[str, float]]:
    names = {"text": "calibrate_text_to_image_r1", "audio": "calibrate_audio_to_image_r1"}
    return [
        {names.get(name, name): values[i] for name, values in columns.items()}
        for i in range(len(next(iter(columns.values()))))
    ]


@pytest.mark.parametrize(
    ("history", "warning"),
    [
        (epochs(text=[0.5, 0.47, 0.45, 0.4], audio=[0.2, 0.25, 0.3, 0.35]), "text falls .* lower loss.audio_lambda"),
        (epochs(text=[0.5, 0.6], learning_rate=[2e-6, 1e-7]), "rate is spent .* still improving"),
        (epochs(text=[0.6, 0.6], learning_rate=[2e-6, 1e-7]), "rate is spent .* optimizer.restarts"),
        (epochs(data_share=[0.5]), "50 % of the time .* data.workers"),
        (epochs(logit_scale=[99.9]), "logit_scale is at its bound"),
    ],
)
def test_a_known_failure_is_named_once_with_its_cure(
    history: list[dict[str, float]], warning: str, caplog: pytest.LogCaptureFixture
) -> None:
    doctor = Doctor(CONFIG)
    found = [text for row in history for text in doctor.watch(row)]
    assert len(found) == 1
    caplog.clear()
    with caplog.at_level("WARNING", logger="visual_byte"):
        again = Doctor(CONFIG)
        for row in history:
            again.watch(row)
    assert len(caplog.records) == 1 and __import__("re").search(warning, caplog.text)
    assert doctor.watch(history[-1]) == []


def test_a_healthy_run_is_left_alone() -> None:
    doctor = Doctor(CONFIG)
    columns = {"text": [0.2, 0.4, 0.5, 0.55], "audio": [0.1, 0.2, 0.3, 0.4], "learning_rate": [1e-3, 8e-4, 4e-4, 1e-4]}
    for row in epochs(**columns, data_share=[0.1] * 4, logit_scale=[14, 16, 18, 20]):
        assert doctor.watch(row) == []


def test_scales_loudness_and_missing_speech() -> None:
    assert "texts vary" not in contrasts_warning({"photos": 1.0, "texts": 0.9, "sounds": 0.5})
    assert "of sounds by 0.10" in contrasts_warning({"photos": 1.0, "texts": 0.9, "sounds": 0.1})
    assert quiet_warning([0.1] * 100) == "" and "10 % of the clips" in quiet_warning([0.1] * 90 + [0.001] * 10)
    assert unheard_warning({"mug": 40, "cup": 38, "jug": 41}) == ""
    assert "1 classes" in unheard_warning({"mug": 40, "cup": 38, "jug": 3}) and "jug" in unheard_warning(
        {"mug": 40, "cup": 38, "jug": 3}
    )


def test_the_journal_writes_tables_and_events(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.step(20, {"total": 3.0})
    journal.epoch(1, {"total": 2.0, "clip": 1.0})
    journal.close()
    with open(tmp_path / "log.csv", encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == [{"epoch": "1", "total": "2.0", "clip": "1.0"}]
    assert (tmp_path / "steps.csv").read_text().splitlines() == ["step,total", "20,3.0"]
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert events.Scalars("epoch/clip")[0].value == 1.0 and events.Scalars("step/total")[0].step == 20


def test_a_table_of_other_columns_is_kept_beside(tmp_path: Path) -> None:
    for epoch, values in enumerate(({"total": 1.0}, {"total": 2.0, "clip": 1.0}), start=1):
        journal = Journal(tmp_path, epoch=epoch - 1)
        journal.epoch(epoch, values)
        journal.close()
    assert (tmp_path / "log.older1.csv").read_text().splitlines()[0] == "epoch,total"
    assert (tmp_path / "log.csv").read_text().splitlines()[0] == "epoch,total,clip"


def test_a_resumed_run_drops_what_it_trains_again_and_remembers_the_rest(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for number in (1, 2, 3):
        journal.step(20 * number, {"total": 3.0})
        journal.epoch(number, {"total": 1 / number})
    journal.close()
    with open(tmp_path / "log.csv", "a", encoding="utf-8") as file:
        file.write("4")  # a crash in the middle of a line
    journal = Journal(tmp_path, step=45, epoch=2)
    journal.close()
    assert journal.epochs == [{"epoch": 1, "total": 1}, {"epoch": 2, "total": 0.5}]
    assert (tmp_path / "steps.csv").read_text().splitlines() == ["step,total", "20,3.0", "40,3.0"]
    assert (tmp_path / "log.csv").read_text().splitlines() == ["epoch,total", "1,1.0", "2,0.5"]
    assert len(Doctor(CONFIG, journal.epochs).history) == 2
