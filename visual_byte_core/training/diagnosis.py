# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Warnings that name the known failures of a training run, and what to change."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from visual_byte_core.errors import VisualByteError
from visual_byte_core.rendering.speech import read_sound
from visual_byte_core.training.config import TrainingConfig
from visual_byte_core.training.pixels import prepare_pixels
from visual_byte_core.training.schedule import VANISHED
from visual_byte_core.training.triplets import Batch, TripletDataset

Row = Mapping[str, float]

QUIET_SHARE = 0.02  # of clips under QUIET_RMS, from which on a data set is called quiet
QUIET_RMS = 10 ** (-45 / 20)
CLIPS_LISTENED_TO = 200
UNEQUAL_SCALES = 4.0  # factor between the contrasts of two modalities' pictures
STARVED = 0.3  # share of a step spent on waiting for data

log = logging.getLogger("visual_byte")


class Doctor:
    """Watches the epochs and warns once of each failure that it knows; past: epochs before, of a resumed run."""

    def __init__(self, config: TrainingConfig, past: Sequence[Row] = ()) -> None:
        self.config, self.history = config, list(past)
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


def data_warnings(data: TripletDataset, batch: Batch) -> list[str]:
    """What is to be mended before hours are spent on it; batch: any one of the data."""
    clips = {n.slug: sum(map(len, s.values())) for n, s in zip(data.names, data.sounds, strict=True)}
    heard = [path for languages in data.sounds for paths in languages.values() for path in paths[:1]]
    contrasts = {
        kind: float(prepare_pixels(images).std())
        for kind, images in (("photos", batch.photos), ("texts", batch.texts), ("sounds", batch.sounds))
    }
    loudness = [_loudness(path) for path in heard[:CLIPS_LISTENED_TO]]
    warnings = (unheard_warning(clips), quiet_warning(loudness), contrasts_warning(contrasts))
    return [text for text in warnings if text]


def contrasts_warning(contrasts: Mapping[str, float]) -> str:
    """A warning if the pictures of one modality have far more contrast than another's, else "".

    Args:
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
    return f"the learning rate is spent ({history[-1]['learning_rate']:.1e}); {advice}, or begin again with model.start"


def _data_is_slow(row: Row) -> str:
    share = row.get("data_share", 0)
    if share < STARVED:
        return ""
    return f"{100 * share:.0f} % of the time goes into waiting for data: raise data.workers"


def _scale_is_at_its_bound(row: Row) -> str:
    if row.get("logit_scale", 0) < 99:
        return ""
    return "logit_scale is at its bound of 100: the batches have become too easy; raise optimizer.classes"


def _loudness(path: Path) -> float:
    """Root mean square of a sound file, 0..1; that of one that cannot be read does not count as quiet."""
    try:
        return float(np.sqrt(np.mean(np.square(read_sound(path)[0]))))
    except (OSError, VisualByteError):
        return 1.0
