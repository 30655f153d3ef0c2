# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Photos that were taken beside those a network was trained on, changed until they are as hard as photos taken
elsewhere: a calibration on them as they are would promise too much."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from fnmatch import fnmatch

import cv2
import numpy as np
from numpy.typing import NDArray

from visual_byte_core.errors import DataError
from visual_byte_core.evaluation.folders import LabelledFile
from visual_byte_core.evaluation.part import Part
from visual_byte_core.evaluation.perturb import seeded
from visual_byte_core.evaluation.rejection import Labelled
from visual_byte_core.evaluation.retrieval import recall_at_k
from visual_byte_core.rendering.photo import read_photo, render_photo
from visual_byte_core.runtime.embedder import Embedder

HALVINGS = 8  # of the strength, 0 to 1
SMALLEST, LARGEST = 0.1, 0.7  # side of what is left, as a share of the shorter side, at strength 1
DEGREES = 22.0  # standard deviations at strength 1: of the turn,
LIGHT = 0.45  # of the logarithms of brightness and contrast
TINT = 0.22  # and of those of the colours

log = logging.getLogger("visual_byte")


def as_hard(
    embedder: Embedder, part: Part, pattern: str, named_right: float, *, progress: Callable[[], object] = lambda: None
) -> Part:
    """The part with those of its photos changed whose file names fit `pattern`, as strongly as it takes until the share
    `named_right` of them is nearest to their own typed name, or fully if more of them still are. They stay as they are
    if no more are already.

    progress: called HALVINGS times. Raises DataError if no photo fits.
    """
    fitting = np.array([fnmatch(file.path.name, pattern) for file in part.files])
    if not fitting.any():
        raise DataError(f"{pattern}: the file name of none of the {len(part.files)} photos fits")
    files = [file for file, fits in zip(part.files, fitting, strict=True) if fits]
    slugs, names = [file.slug for file in files], part.names

    def right(embeddings: NDArray[np.float32]) -> float:
        return recall_at_k(embeddings, slugs, names.embeddings, names.slugs, ks=(1,))["r1"]

    embeddings = part.photos.embeddings.copy()
    if (share := right(embeddings[fitting])) <= named_right:
        log.info("%d photos stay as they are: %.3f of them are named right", len(files), share)
        return part
    weak, strong = 0.0, 1.0
    embeddings[fitting] = _embed(embedder, files, strong)
    for _ in range(HALVINGS):
        strength = (weak + strong) / 2
        changed = _embed(embedder, files, strength)
        if right(changed) > named_right:
            weak = strength
        else:
            strong, embeddings[fitting] = strength, changed
        progress()
    share = right(embeddings[fitting])
    log.info("%d photos changed by %.2f of the most: %.3f of them are named right", len(files), strong, share)
    return replace(part, photos=Labelled(embeddings, part.photos.slugs))


def change(image: NDArray[np.uint8], strength: float, generator: np.random.Generator) -> NDArray[np.uint8]:
    """A photo seen otherwise, uint8 (height, width, 3) -> uint8 (side, side, 3): nearer, turned, mirrored, in another
    light. strength: 0 to 1."""
    height, width = image.shape[:2]
    share = generator.uniform(1 - (1 - SMALLEST) * strength, 1 - (1 - LARGEST) * strength)
    side = max(1, round(min(height, width) * share))
    top, left = generator.integers(0, height - side + 1), generator.integers(0, width - side + 1)
    middle = (float(left + side / 2), float(top + side / 2))
    turn = cv2.getRotationMatrix2D(middle, generator.normal() * DEGREES * strength, 1.0)
    turned = cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
    seen = turned[top : top + side, left : left + side].astype(np.float32)
    brightness, contrast = np.exp(generator.normal(size=2) * LIGHT * strength)
    seen = (seen - seen.mean()) * contrast + seen.mean() * brightness
    seen *= np.exp(generator.normal(size=3) * TINT * strength)
    if generator.random() < 0.5:
        seen = seen[:, ::-1]
    return seen.clip(0, 255).astype(np.uint8)


def _embed(embedder: Embedder, files: Sequence[LabelledFile], strength: float) -> NDArray[np.float32]:
    settings = embedder.bundle.renderer.photo
    rendered = [
        render_photo(change(read_photo(file.path), strength, seeded("change", file.key)), embedder.size, settings)
        for file in files
    ]
    return embedder.embed_photos(np.stack(rendered))
