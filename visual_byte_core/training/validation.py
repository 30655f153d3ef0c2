# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""R@1 and R@5 after every epoch, on photos, voices and words that training never touches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from visual_byte_core.dataset.class_folders import photos_of, sounds_below
from visual_byte_core.dataset.image_cache import cached_speech
from visual_byte_core.errors import DataError
from visual_byte_core.metrics.recall import recall_at_k
from visual_byte_core.names import ClassName
from visual_byte_core.pretrained.renderers import render_text
from visual_byte_core.rendering.photo import read_photo, render_photo
from visual_byte_core.training.config import TrainingConfig
from visual_byte_core.training.network import VisualByteNet
from visual_byte_core.training.pixels import prepare_pixels

# The best checkpoint is chosen on `calibrate`; `eval` is looked at and never chosen by.
SPLITS = {"calibrate": ("image_calibrate", "audio_calibrate"), "eval": ("image_eval", "audio_eval_tts")}
PHOTOS_A_CLASS, SOUNDS_A_CLASS = 8, 2
AT_ONCE = 128

Labelled = tuple[np.ndarray, list[str]]


class Validation:
    """Holds the rendered images of both splits; `measure` embeds and compares them."""

    def __init__(self, config: TrainingConfig, names: list[ClassName]) -> None:
        """Raises DataError if a split has no photo or no speech."""
        self.config, self.names, self.root = config, names, Path(config.data.root)
        self.splits = {
            split: (self._photos(photos), self._sounds(sounds)) for split, (photos, sounds) in SPLITS.items()
        }
        size, text = config.renderer.size_of("text"), config.renderer.text
        self.texts = np.stack([render_text(name.en, size, text) for name in names])

    def measure(self, network: VisualByteNet, device: torch.device) -> dict[str, dict[str, dict[str, float]]]:
        """`{split: {pair: {"r1", "r5", "n"}}}`; names whose class has no photo in the split are not asked."""
        texts = _embed(network, self.texts, device)
        slugs = np.array([name.slug for name in self.names])
        metrics = {}
        for split, ((photos, classes), (sounds, spoken)) in self.splits.items():
            gallery, heard = _embed(network, photos, device), _embed(network, sounds, device)
            shown = np.isin(slugs, classes)
            asked = np.isin(spoken, classes)
            metrics[split] = {
                "text_to_image": recall_at_k(texts[shown], slugs[shown], gallery, classes),
                "audio_to_image": recall_at_k(heard[asked], np.array(spoken)[asked], gallery, classes),
                "image_to_text": recall_at_k(gallery, classes, texts[shown], slugs[shown]),
                "image_to_image": recall_at_k(gallery, classes, gallery, classes, exclude_self=True),
            }
        return metrics

    def _photos(self, folder: str) -> Labelled:
        paths = [(p, n.slug) for n in self.names for p in photos_of(self.root / folder / n.slug, PHOTOS_A_CLASS)]
        if not paths:
            raise DataError(f"{self.root / folder}: no photos to validate on; run visual-byte collect")
        renderer = self.config.renderer
        images = [render_photo(read_photo(path), renderer.size, renderer.photo) for path, _ in paths]
        return np.stack(images), [slug for _, slug in paths]

    def _sounds(self, folder: str) -> Labelled:
        paths = [(p, n.slug) for n in self.names for p in self._spread(self.root / folder / n.slug / "en")]
        if not paths:
            raise DataError(f"{self.root / folder}: no speech to validate on; run visual-byte collect")
        images = [cached_speech(path, self.root, self.config.renderer) for path, _ in paths]
        return np.stack(images), [slug for _, slug in paths]

    @staticmethod
    def _spread(folder: Path) -> list[Path]:
        paths = sounds_below(folder)
        return paths[:: max(1, len(paths) // SOUNDS_A_CLASS)][:SOUNDS_A_CLASS]


def _embed(network: VisualByteNet, images: np.ndarray, device: torch.device) -> np.ndarray:
    network.eval()
    with torch.inference_mode():
        chunks = [network(prepare_pixels(chunk.to(device))).cpu() for chunk in torch.from_numpy(images).split(AT_ONCE)]
    return torch.cat(chunks).numpy()
