# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What a training run tells: tables, TensorBoard, and warnings that name known failures and their cure."""

from __future__ import annotations

import csv
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from visual_byte_core.training.config import TrainingConfig
from visual_byte_core.training.schedule import VANISHED

Row = Mapping[str, float]

QUIET_SHARE = 0.02  # of clips under QUIET_RMS, from which on a data set is called quiet
QUIET_RMS = 10 ** (-45 / 20)
UNEQUAL_SCALES = 4.0  # factor between the contrasts of two modalities' pictures
STARVED = 0.3  # share of a step spent on waiting for data

log = logging.getLogger("visual_byte")


class Journal:
    """`log.csv` (a row an epoch), `steps.csv` (a row every few steps) and TensorBoard's events in `tensorboard/`."""

    def __init__(self, out: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.out = out
        self.events: Any = SummaryWriter(str(out / "tensorboard"))

    def step(self, number: int, values: Row) -> None:
        _append_row(self.out / "steps.csv", {"step": number, **values})
        for name, value in values.items():
            self.events.add_scalar(f"step/{name}", value, number)

    def epoch(self, number: int, values: Row) -> None:
        _append_row(self.out / "log.csv", {"epoch": number, **values})
        for name, value in values.items():
            self.events.add_scalar(f"epoch/{name}", value, number)
        self.events.flush()

    def close(self) -> None:
        self.events.close()


class Doctor:
    """Watches the epochs and warns once of each failure that it knows."""

    def __init__(self, config: TrainingConfig) -> None:
        self.config, self.history = config, list[Row]()
        self.warned: set[str] = set()

    def watch(self, epoch: Row) -> list[str]:
        """Look at one more epoch (a row of `log.csv`); returns the new warnings, which are logged as well."""
        self.history.append(epoch)
        checks = {
            "text": _text_falls(self.history),
            "rate": _rate_is_spent(self.history, self.config.optimizer.learning_rate),
            "data": _data_is_slow(epoch),
            "scale": _scale_is_at_its_bound(epoch),
        }
        new = {name: text for name, text in checks.items() if text and name not in self.warned}
        self.warned |= set(new)
        for text in new.values():
            log.warning(text)
        return list(new.values())


def contrasts_warning(contrasts: Mapping[str, float]) -> str:
    """A warning if the pictures of one modality have far more contrast than another's, else "".

    contrasts: standard deviation of the normalized pixels of each modality.
    """
    low, high = min(contrasts, key=lambda m: contrasts[m]), max(contrasts, key=lambda m: contrasts[m])
    if contrasts[high] < UNEQUAL_SCALES * contrasts[low]:
        return ""
    return (
        f"modalities on different scales: pixels of {high} vary by {contrasts[high]:.2f}, of {low} by"
        f" {contrasts[low]:.2f}; one normalization serves all, so look at a few pictures of {low}"
        " (visual-byte precompute writes them) and mend the renderer's settings"
    )


def quiet_warning(loudness: Sequence[float]) -> str:
    """A warning if many clips are too quiet to be learned from, else ""; loudness: RMS of each in 0..1."""
    share = float(np.mean(np.asarray(loudness) < QUIET_RMS)) if len(loudness) else 0.0
    if share < QUIET_SHARE:
        return ""
    return (
        f"quiet audio: {100 * share:.0f} % of the clips looked at are under {20 * np.log10(QUIET_RMS):.0f} dB RMS;"
        " see visual-byte quiet"
    )


def unheard_warning(clips: Mapping[str, int]) -> str:
    """A warning of classes with hardly any speech, else ""; clips: how many each class has."""
    median = float(np.median(list(clips.values())))
    few = sorted(slug for slug, count in clips.items() if count < max(2, 0.2 * median))
    if not few:
        return ""
    return (
        f"{len(few)} classes have less than a fifth of the usual {median:.0f} clips: {', '.join(few[:5])};"
        " their names will not be understood; run visual-byte collect"
    )


def _text_falls(history: Sequence[Row]) -> str:
    """Three epochs in which typed names lose while spoken ones win."""
    text, audio = ([row.get(f"calibrate_{kind}_to_image_r1", 0) for row in history[-4:]] for kind in ("text", "audio"))
    if len(text) < 4 or not (text[3] < text[2] < text[1] < text[0] - 0.01 and audio[3] > audio[0] + 0.01):
        return ""
    return (
        f"text falls (R@1 {text[0]:.2f} to {text[3]:.2f}) while audio rises ({audio[0]:.2f} to {audio[3]:.2f}):"
        " lower loss.audio_lambda, or bring sound in later with loss.audio_warmup"
    )


def _rate_is_spent(history: Sequence[Row], highest: float) -> str:
    # For two epochs: in the last epoch of a schedule it always is.
    if len(history) < 2 or any(row.get("learning_rate", highest) > VANISHED * highest for row in history[-2:]):
        return ""
    gained = history[-1].get("calibrate_text_to_image_r1", 0) - history[-2].get("calibrate_text_to_image_r1", 0)
    advice = "it was still improving: train for more optimizer.epochs" if gained > 0 else "set optimizer.restarts"
    return f"the learning rate is spent ({history[-1]['learning_rate']:.1e}); {advice}, or begin anew with model.start"


def _data_is_slow(row: Row) -> str:
    share = row.get("data_share", 0)
    if share < STARVED:
        return ""
    return f"{100 * share:.0f} % of the time goes into waiting for data: raise data.workers"


def _scale_is_at_its_bound(row: Row) -> str:
    if row.get("logit_scale", 0) < 99:
        return ""
    return "logit_scale is at its bound of 100: the batches have become too easy; raise optimizer.classes"


def _append_row(path: Path, row: Row) -> None:
    """One more line; a file of other columns, as an older run wrote, is kept beside under another name."""
    if path.exists():
        with open(path, encoding="utf-8", newline="") as file:
            columns = next(csv.reader(file), [])
        if columns != list(row):
            path.replace(path.with_suffix(".older.csv"))
    new = not path.exists()
    with open(path, "a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)
