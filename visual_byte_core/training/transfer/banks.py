# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""All kept features of a training, and batches drawn from them."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visual_byte_core.dataset.speech_teacher import SpeechFeatures, scale_of
from visual_byte_core.files import sha256_of_file
from visual_byte_core.names import ClassName, write_names
from visual_byte_core.pretrained.whisper_encoder import VALUES, WhisperEncoder
from visual_byte_core.training.config import TrainingConfig
from visual_byte_core.training.network import VisualByteNet
from visual_byte_core.training.transfer.kept import Bank, keep, open_bank
from visual_byte_core.training.transfer.network import Lower
from visual_byte_core.training.transfer.sources import (
    Clip,
    clips_of,
    photo_items,
    plain_text_items,
    sound_items,
    text_items,
)
from visual_byte_core.training.transfer.upper import UpperBlocks

log = logging.getLogger("visual_byte")

# What of `augment` is in the pictures that are kept.
PHOTO_CHANGES = ("crop", "rotate", "any", "blur", "motion", "low_light", "reduce", "jpeg", "erase")
SOUND_CHANGES = ("noise", "snr", "reverb", "speed", "overdrive", "band", "mask")
CALIBRATED_PHOTOS = 8  # of each name, to measure on while training


class Drawer:
    """Batches of banks of one kind: names by `balance` equally often, 1, or as often as they have pictures, 0."""

    def __init__(self, banks: Sequence[Bank], balance: float) -> None:
        self.banks = list(banks)
        self.starts = np.cumsum([0, *map(len, self.banks)])
        self.labels = np.concatenate([bank.labels for bank in self.banks])
        order = np.argsort(self.labels, kind="stable")
        numbers, first, counts = np.unique(self.labels[order], return_index=True, return_counts=True)
        self._rows, self._first, self._counts = order, first, counts
        chances = np.where(numbers < 0, counts.sum() / 20, counts.astype(float) ** (1 - balance))
        self._chances = chances / chances.sum()

    def __bool__(self) -> bool:
        return bool(self.banks)

    def draw(self, count: int, generator: np.random.Generator) -> tuple[Tensor, Tensor, Tensor | None]:
        """Features float32 (count, c, h, w), labels int64 (count,), and targets float32 (count, d) if there are any."""
        chosen = generator.choice(len(self._chances), count, p=self._chances)
        rows = self._rows[self._first[chosen] + (generator.random(count) * self._counts[chosen]).astype(int)]
        rows.sort()  # the disk is read in one direction
        of_bank = np.searchsorted(self.starts, rows, side="right") - 1
        features, targets = [], []
        for number in np.unique(of_bank):
            bank, at = self.banks[number], rows[of_bank == number] - self.starts[number]
            features.append(bank.features[at])
            if bank.targets is not None:
                targets.append(bank.targets[at])
        labels = torch.from_numpy(self.labels[rows].astype(np.int64))
        wanted = torch.from_numpy(np.concatenate(targets)).float() if targets else None
        return torch.from_numpy(np.concatenate(features)).float(), labels, wanted

    def labels_and_targets(self) -> tuple[Tensor, Tensor]:
        """Of all pictures: int64 (n,), float32 (n, d)."""
        targets = np.concatenate([bank.targets for bank in self.banks if bank.targets is not None])
        return torch.from_numpy(self.labels.astype(np.int64)), torch.from_numpy(targets).float()


@dataclass(frozen=True)
class Banks:
    """What is trained on, and what is measured on: photos and words of the calibration part."""

    photos: Drawer
    texts: Drawer
    sounds: Drawer | None
    measured_photos: Bank
    measured_texts: Bank
    measured_sounds: Bank | None
    teacher_values: int


def kept_banks(config: TrainingConfig, names: Sequence[ClassName], network: VisualByteNet) -> Banks:
    """All banks of the configuration, made where they are missing. Raises DataError: see `keep` and the sources."""
    lower = Lower(network.backbone, config.transfer.cut)
    upper = UpperBlocks(network.backbone, config.transfer.cut)

    def embed(features: Tensor) -> Tensor:
        return torch.nn.functional.normalize(network.projector(upper(features)), dim=-1)

    folder = Path(config.transfer.kept)
    shared = [config.model.backbone, sha256_of_file(Path(config.transfer.classifier)), config.transfer.cut, config.seed]
    shared.append(hashlib.sha256(write_names(names).encode()).hexdigest())

    def bank(kind: str, made_by: dict[str, Any], source: Any, target_of: Any = None) -> Bank:
        digest = hashlib.sha256(json.dumps([shared, made_by], sort_keys=True).encode()).hexdigest()[:12]
        count, items = source
        return keep(folder / f"{kind}-{digest}", items, count, lower, facts=made_by, title=kind, target_of=target_of)

    sounds, measured_sounds, values = _sound_banks(config, names, lower, shared)
    photo = {"renderer": config.renderer.section_digest("photo"), "root": config.data.root}
    changes = {"augment": _changes(config, PHOTO_CHANGES), "views": config.transfer.photo_views, "cap": config.data.cap}
    text = {"renderer": config.renderer.section_digest("text"), "languages": list(config.data.languages)}
    photos = bank("photos", photo | changes, photo_items(config, names, "image", config.data.cap), embed)
    measured = bank("photos-calibrate", photo, photo_items(config, names, "image_calibrate", CALIBRATED_PHOTOS))
    texts = bank("texts", text | {"views": config.transfer.text_views}, text_items(config, names))
    plain = bank("texts-plain", text, plain_text_items(config, names))
    heard = Drawer(sounds, 1.0) if sounds else None
    return Banks(
        Drawer([photos], config.data.balance), Drawer([texts], 1.0), heard, measured, plain, measured_sounds, values
    )


def _sound_banks(
    config: TrainingConfig, names: Sequence[ClassName], lower: Lower, shared: list[Any]
) -> tuple[list[Bank], Bank | None, int]:
    """The banks of clips.

    Returns: those of training, one more for what came since the last time; that of the calibration split; and how many
    values a speech teacher gives. No bank, None and 0 if the data set holds no clips or `transfer.sounds` is 0.
    """
    clips = clips_of(config, names) if config.transfer.sounds else []
    if not clips:
        return [], None, 0
    taught = teacher_values(config, clips)
    made_by = {
        "renderer": config.renderer.section_digest("speech"),
        "augment": _changes(config, SOUND_CHANGES),
        "views": config.transfer.sound_views,
        "noise": bool(config.data.noise),
        "taught": bool(taught),
    }
    folder = Path(config.transfer.kept)
    digest = hashlib.sha256(json.dumps([shared, made_by], sort_keys=True).encode()).hexdigest()[:12]
    banks = [open_bank(one) for one in sorted(folder.glob(f"sounds-{digest}-*"))]
    known = {key for bank in banks for key in bank.facts["clips"]}
    fresh = [clip for clip in clips if clip.key not in known and (not taught or clip.key in taught)]
    if len(fresh) > len(known) / 50:
        count, items = sound_items(config, fresh, config.transfer.sound_views, taught)
        facts = made_by | {"clips": [clip.key for clip in fresh]}
        banks.append(
            keep(folder / f"sounds-{digest}-{len(banks):03d}", items, count, lower, facts=facts, title="sounds")
        )
    judged = clips_of(config, names, "audio_calibrate")
    measured = None
    if judged:
        keys = hashlib.sha256("\n".join(clip.key for clip in judged).encode()).hexdigest()[:12]
        count, items = sound_items(config, judged, 1, {})
        measured = keep(folder / f"sounds-calibrate-{keys}", items, count, lower, facts={}, title="sounds-calibrate")
    return banks, measured, VALUES if taught else 0


def _changes(config: TrainingConfig, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(config.augment, name) for name in names}


def teacher_values(config: TrainingConfig, clips: Sequence[Clip]) -> dict[str, NDArray[np.floating]]:
    """What a Whisper's encoder makes of clips, by key: float32 (3072,), standardized; none if `speech_teacher` is 0.

    Kept in `transfer.speech_features`, so that only new clips are computed. Raises ModelError, DataError.
    """
    if not config.transfer.speech_teacher:
        return {}
    store = SpeechFeatures(Path(config.transfer.speech_features), WhisperEncoder(config.transfer.whisper))
    paths = {clip.key: clip.path.resolve() for clip in clips}
    for reason in store.add({str(path): path for path in paths.values()}):
        log.warning("left out: %s", reason)
    values = store.values()
    rows = {key: store.rows[str(path)] for key, path in paths.items() if str(path) in store.rows}
    mean, deviation = scale_of(values[sorted(rows.values())])
    return {key: (values[row].astype(np.float32) - mean) / deviation for key, row in rows.items()}
