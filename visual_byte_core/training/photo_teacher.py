# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A teacher of photos alone: any network of timm that has seen more photos than one can collect.

What it makes of every training photo, unchanged, is computed once and kept beside the data. In training a linear head
on the student's embedding predicts it from the changed photo (Romero et al., 2015, FitNets; as a cosine). The head ends
with the training; neither it nor the teacher is ever part of a bundle.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from tqdm import tqdm

from visual_byte_core.errors import ConfigurationError, DataError, InvalidImage
from visual_byte_core.files import sha256_of_file, write_whole
from visual_byte_core.rendering.photo import read_photo, render_photo
from visual_byte_core.rendering.settings import PhotoSettings
from visual_byte_core.training.backbone import create_backbone
from visual_byte_core.training.config import DistillConfig

FOLDER = "photo_features"
AT_ONCE = 64
KEEP_EVERY = 100 * AT_ONCE  # photos, so that an interrupted computation goes on


class PhotoTeacher(nn.Module):
    """The term `photo_teacher` of the loss; its parameters are the head's.

    Args:
        features: float16 (photos, d) of unit length, less their mean, so that cosines use their whole range; rows:
            where the features of a photo are, by its path as text.
    """

    features: Tensor

    def __init__(self, config: DistillConfig, features: dict[str, Tensor], dimension: int) -> None:
        super().__init__()
        self.weight = config.photos
        self.rows = {path: row for row, path in enumerate(features)}
        stacked = F.normalize(torch.stack([*features.values()]).float(), dim=1)
        self.register_buffer("features", F.normalize(stacked - stacked.mean(dim=0), dim=1).half(), persistent=False)
        self.head = nn.Linear(dimension, stacked.shape[1])

    def forward(self, sources: tuple[str, ...], photos: Tensor) -> dict[str, Tensor]:
        """The weighted term for embeddings (n, dimension) of photos, the first n of `sources` their paths."""
        rows = [self.rows[path] for path in sources[: len(photos)]]
        wanted = self.features[rows].float()
        with torch.autocast(photos.device.type, enabled=False):
            predicted = F.normalize(self.head(photos.float()), dim=1)
        return {"photo_teacher": self.weight * (1 - (predicted * wanted).sum(dim=1)).mean()}


def photo_features(config: DistillConfig, root: Path, paths: list[Path], device: torch.device) -> dict[str, Tensor]:
    """What the teacher makes of photos, float16 (d,) for each path as text; those that cannot be read are left out.

    Kept in `root`/photo_features, a file for each teacher; photos that are new are added to it.

    Raises:
        ConfigurationError: no such network, or its weights are not available. DataError: a full disk, a broken file.
    """
    kept = root / FOLDER / f"{_digest(config)}.safetensors"
    features = _read(kept, config)
    missing = [path for path in paths if _key(path, root) not in features]
    if missing:
        for number, (path, feature) in enumerate(_compute(config, missing, device), start=1):
            features[_key(path, root)] = feature
            if number % KEEP_EVERY == 0:
                _write(kept, features)
        _write(kept, features)
    return {str(path): features[_key(path, root)] for path in paths if _key(path, root) in features}


def _compute(config: DistillConfig, paths: list[Path], device: torch.device) -> Iterator[tuple[Path, Tensor]]:
    if config.photo_weights is False:
        raise ConfigurationError("distill.photo_weights: an untrained teacher teaches nothing; give true or a path")
    try:
        teacher = create_backbone(config.photo_teacher, config.photo_weights, 0.0, 1e-6).eval().to(device)
    except ConfigurationError as error:
        raise ConfigurationError(f"distill.photo_teacher, distill.photo_weights: {error}") from error
    teacher.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it
    normalization: Any = teacher.pretrained_cfg
    mean, std = (torch.tensor(normalization[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
    bar = tqdm(total=len(paths), desc=f"photos through {config.photo_teacher}", unit="photo", disable=None)
    with torch.inference_mode(), bar:
        for start in range(0, len(paths), AT_ONCE):
            read = [
                (path, image) for path in paths[start : start + AT_ONCE] if (image := _photo(path, config)) is not None
            ]
            bar.update(min(AT_ONCE, len(paths) - start))
            if not read:
                continue
            pixels = torch.from_numpy(np.stack([image for _, image in read])).permute(0, 3, 1, 2).float() / 255
            features = teacher(((pixels - mean) / std).to(device).contiguous(memory_format=torch.channels_last))
            yield from zip([path for path, _ in read], features.half().cpu(), strict=True)


def _photo(path: Path, config: DistillConfig) -> np.ndarray | None:
    """The middle of a photo at the teacher's size; None if it cannot be read, which the training tells of itself."""
    try:
        photo = read_photo(path)
    except (InvalidImage, OSError):
        return None
    side = min(photo.shape[:2])
    if side >= config.photo_size:
        return render_photo(photo, config.photo_size, PhotoSettings(fit="crop"))
    middle = render_photo(photo, side, PhotoSettings(fit="crop"))
    return cv2.resize(middle, (config.photo_size, config.photo_size), interpolation=cv2.INTER_CUBIC)


def _key(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _digest(config: DistillConfig) -> str:
    weights = config.photo_weights
    of_weights = sha256_of_file(Path(weights)) if isinstance(weights, str) and Path(weights).is_file() else weights
    return hashlib.sha256(json.dumps([config.photo_teacher, of_weights, config.photo_size]).encode()).hexdigest()[:16]


def _read(kept: Path, config: DistillConfig) -> dict[str, Tensor]:
    if not kept.is_file():
        return {}
    try:
        with safe_open(kept, "pt") as file:
            return dict(zip(json.loads(file.metadata()["paths"]), file.get_tensor("features"), strict=True))
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{kept}: no features of {config.photo_teacher} ({error}); delete it to make it again"
        ) from error


def _write(kept: Path, features: dict[str, Tensor]) -> None:
    stacked = torch.stack([*features.values()])
    write_whole(kept, save({"features": stacked}, {"paths": json.dumps([*features])}))
