# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Regions of a frame: does the map of a composed scene point to the photo that a typed name means?

Scenes are composed of photos of distinct classes, none of which may be taken for another. They are as large as the
network's ordinary input, or twice as wide and high, as in training (`training.parts`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visual_byte_core.dataset.class_folders import LabelledFile
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.embedding.regions import STRIDE, similarity
from visual_byte_core.errors import DataError
from visual_byte_core.metrics.labelled import Labelled
from visual_byte_core.names import overlaps
from visual_byte_core.rendering.photo import read_photo, render_photo

LAYOUTS = {"2x2": (2, 2), "3x3": (3, 2), "2x2_small": (2, 1)}
"""Photos along a side, and the side of the scene in sides of the ordinary input."""


@dataclass(frozen=True)
class Scene:
    """image: uint8 (side, side, 3) RGB; slugs: what its tiles show, row by row."""

    image: NDArray[np.uint8]
    slugs: tuple[str, ...]


def measure_regions(
    embedder: Embedder,
    photos: Sequence[LabelledFile],
    names: Labelled,
    scenes: int,
    layouts: Mapping[str, tuple[int, int]] = LAYOUTS,
) -> dict[str, dict[str, Any]]:
    """How often the cell that is nearest to a name lies in its tile.

    Returns for each layout `{"hit_rate", "chance", "side", "cells", "n"}`: the side in pixels and in cells of the map,
    and how many names were asked. names: the embedding of each name. The same photos give the same scenes every time.
    Empty if `scenes` is 0; a layout of more tiles than the map has cells is left out.
    Raises DataError if there are too few classes to compose a scene of, InvalidImage if the network's side is fixed.
    """
    found = {}
    by_slug = dict(zip(names.slugs, names.embeddings, strict=True))
    for layout, (grid, enlarged) in layouts.items() if scenes else ():
        if enlarged * embedder.size < grid * STRIDE:
            continue
        composed = compose_scenes(embedder, photos, grid, scenes, enlarged)
        maps = [embedder.embed_map(scene.image[None])[0] for scene in composed]
        hits = [
            tile_of_peak(similarity(cells, by_slug[slug]), grid) == tile
            for scene, cells in zip(composed, maps, strict=True)
            for tile, slug in enumerate(scene.slugs)
        ]
        found[layout] = {
            "hit_rate": round(float(np.mean(hits)), 4),
            "chance": round(1 / grid**2, 4),
            "side": enlarged * embedder.size,
            "cells": int(maps[0].shape[-1]),
            "n": len(hits),
        }
    return found


def compose_scenes(
    embedder: Embedder, photos: Sequence[LabelledFile], grid: int, count: int, enlarged: int = 2
) -> list[Scene]:
    """Scenes of grid x grid photos, drawn with a fixed seed, of `enlarged` sides of the ordinary input.

    Errors: see `measure_regions`.
    """
    generator = np.random.default_rng(grid)
    similar = overlaps(embedder.bundle.class_names)
    by_slug: dict[str, list[LabelledFile]] = {}
    for photo in photos:
        by_slug.setdefault(photo.slug, []).append(photo)
    scenes = []
    for _ in range(count):
        slugs = _distinct(sorted(by_slug), similar, grid, generator)
        files = [by_slug[slug][int(generator.integers(len(by_slug[slug])))] for slug in slugs]
        scenes.append(Scene(_compose(embedder, files, enlarged * embedder.size), tuple(slugs)))
    return scenes


def tile_of_peak(heat: NDArray[np.float32], grid: int) -> int:
    """The tile, row by row, in which the centre of the largest cell lies."""
    row, column = np.unravel_index(int(heat.argmax()), heat.shape)
    height, width = heat.shape
    return int((row + 0.5) * grid / height) * grid + int((column + 0.5) * grid / width)


def _distinct(
    slugs: list[str], similar: dict[str, frozenset[str]], grid: int, generator: np.random.Generator
) -> list[str]:
    chosen: list[str] = []
    for slug in generator.permutation(slugs):
        if not similar.get(str(slug), frozenset()) & set(chosen):
            chosen.append(str(slug))
        if len(chosen) == grid**2:
            return chosen
    raise DataError(f"scenes of {grid} x {grid}: photos of {len(chosen)} distinct classes, {grid**2} are needed")


def _compose(embedder: Embedder, files: Sequence[LabelledFile], side: int) -> NDArray[np.uint8]:
    grid = round(len(files) ** 0.5)
    edges = [round(i * side / grid) for i in range(grid + 1)]
    image = np.empty((side, side, 3), np.uint8)
    for tile, file in enumerate(files):
        row, column = divmod(tile, grid)
        height, width = edges[row + 1] - edges[row], edges[column + 1] - edges[column]
        rendered = render_photo(read_photo(file.path), max(height, width), embedder.bundle.renderer.photo)
        image[edges[row] : edges[row + 1], edges[column] : edges[column + 1]] = rendered[:height, :width]
    return image
