# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Parts of a frame: photos of a batch composed to scenes of 2 x 2 and 3 x 3, and a loss for every part.

A scene is twice as wide and high as the network's ordinary input, so that a thing in a scene of 2 x 2 keeps the size
that it has in training, and the map has four times as many cells. Each cell whose centre lies in a tile is to name
what the tile shows, and each name is to find its tile among the cells.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from visual_byte_core.training.config import LossConfig
from visual_byte_core.training.losses import Embedded
from visual_byte_core.training.network import VisualByteNet
from visual_byte_core.training.pixels import prepare_pixels

ENLARGED = 2  # side of a scene in sides of the ordinary input
GRIDS = (2, 3)  # tiles along a side


class Parts:
    """The term `parts` of the loss; called once a step, and drawing its scenes from torch's generator."""

    def __init__(self, config: LossConfig, network: VisualByteNet, overlap: Tensor) -> None:
        self.config, self.network, self.overlap = config, network, overlap

    def __call__(self, images: Tensor, embedded: Embedded) -> dict[str, Tensor]:
        """The weighted term for images uint8 (n, s, s, 3), of which the photos come first."""
        photos = images[: len(embedded.photos)]
        grids = [grid for grid in GRIDS if grid**2 <= len(photos)]
        terms = [self._scenes(photos, embedded, grid, self.config.scenes // len(grids)) for grid in grids]
        return {"parts": self.config.parts * torch.stack(terms).mean()}

    def _scenes(self, photos: Tensor, embedded: Embedded, grid: int, count: int) -> Tensor:
        count = max(1, min(count, len(photos) // grid**2))
        chosen = torch.randperm(len(photos))[: count * grid**2].to(photos.device).reshape(count, grid**2)
        scenes = compose(photos[chosen.flatten()].unflatten(0, chosen.shape), ENLARGED * photos.shape[1])
        _, cells = self.network.with_map(prepare_pixels(scenes))
        return cell_loss(cells, chosen % len(embedded.classes), embedded, self.overlap, self.network.logit_scale)


def compose(photos: Tensor, side: int) -> Tensor:
    """Scenes uint8 (n, side, side, 3) of photos uint8 (n, grid * grid, s, s, 3), row by row; any integer grid."""
    n, tiles, size = photos.shape[:3]
    grid = round(tiles**0.5)
    edges = [round(i * side / grid) for i in range(grid + 1)]
    scenes = torch.empty(n, side, side, 3, dtype=photos.dtype, device=photos.device)
    for row in range(grid):
        for column in range(grid):
            height, width = edges[row + 1] - edges[row], edges[column + 1] - edges[column]
            tile = photos[:, row * grid + column]
            if (height, width) != (size, size):
                tile = _resized(tile, height, width)
            scenes[:, edges[row] : edges[row + 1], edges[column] : edges[column + 1]] = tile
    return scenes


def tiles_of_cells(cells: int, grid: int) -> Tensor:
    """int64 (cells * cells,): the tile in which the centre of each cell of a square map lies."""
    place = (torch.arange(cells) + 0.5) * grid / cells
    row = place.long()
    return (row[:, None] * grid + row[None, :]).flatten()


def cell_loss(cells: Tensor, shown: Tensor, embedded: Embedded, overlap: Tensor, scale: Tensor) -> Tensor:
    """Cross-entropy of cells against the batch's words, and of the words shown against the cells of their scene.

    cells: unit length (n, d, h, w); shown: which class of the batch each tile shows, (n, grid * grid).
    """
    flat = cells.float().flatten(2)  # (n, d, h * w)
    grid = round(shown.shape[1] ** 0.5)
    of_cell = tiles_of_cells(cells.shape[-1], grid).to(cells.device)
    target = shown[:, of_cell]  # (n, h * w)
    logits = scale * torch.einsum("ndc,md->nmc", flat, embedded.texts)
    similar = torch.zeros(len(embedded.classes), len(embedded.texts), dtype=torch.bool, device=cells.device)
    similar[:, : len(embedded.classes)] = overlap[embedded.classes][:, embedded.classes].fill_diagonal_(False)
    hidden = similar[target].transpose(1, 2)  # (n, m, h * w): words that may name the cell's thing as well
    by_cell = F.cross_entropy(logits.masked_fill(hidden, -torch.inf), target)
    return (by_cell + _find_tiles(logits, shown, of_cell, similar)) / 2


def _find_tiles(logits: Tensor, shown: Tensor, of_cell: Tensor, similar: Tensor) -> Tensor:
    """-log of the share of a name's attention, over the cells of its scene, that falls into tiles of its class."""
    of_words = logits.gather(1, shown[:, :, None].expand(-1, -1, logits.shape[2]))  # (n, tiles, h * w)
    in_cell = shown[:, of_cell]  # (n, h * w)
    right = in_cell[:, None, :] == shown[:, :, None]
    alike = similar[shown[:, :, None], in_cell[:, None, :]]
    of_words = of_words.masked_fill(alike & ~right, -torch.inf)
    return (of_words.logsumexp(2) - of_words.masked_fill(~right, -torch.inf).logsumexp(2)).mean()


def _resized(tile: Tensor, height: int, width: int) -> Tensor:
    pixels = tile.permute(0, 3, 1, 2).float()
    resized = F.interpolate(pixels, size=(height, width), mode="bilinear", antialias=True)
    return resized.round().clamp(0, 255).to(tile.dtype).permute(0, 2, 3, 1)
