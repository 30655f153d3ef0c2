# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Regions of a frame: photos of a batch composed to scenes of 2 x 2 and 3 x 3, and a loss for every region.

A scene is as large as the network's ordinary input, where a robot asks the map of the frame that it embeds anyway, or
twice as wide and high, so that a thing in a scene of 2 x 2 keeps the size that it has in training, and the map has four
times as many cells. Each cell whose centre lies in a tile is to name what the tile shows, and each name is to find its
tile among the cells. In half of the scenes the photos leave a margin of one colour.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from visual_byte_core.training.config import LossConfig
from visual_byte_core.training.losses import Embedded
from visual_byte_core.training.network import VisualByteNet
from visual_byte_core.training.pixels import prepare_pixels

LAYOUTS = ((2, 1), (2, 2), (3, 2))  # tiles along a side, and the side in sides of the ordinary input
STRIDE = 32  # pixels a cell of the map
MIN_TILE_SIDE = 0.75  # side of a photo in sides of its tile, where there is a margin


class RegionLoss:
    """The term `regions` of the loss; called once a step, and drawing its scenes from torch's generator."""

    def __init__(self, config: LossConfig, network: VisualByteNet, overlap: Tensor) -> None:
        self.config, self.network, self.overlap = config, network, overlap

    def __call__(self, images: Tensor, embedded: Embedded) -> dict[str, Tensor]:
        """The weighted term for images uint8 (n, s, s, 3), of which the photos come first."""
        photos = images[: len(embedded.photos)]
        size, largest = photos.shape[1], max(enlarged for _, enlarged in LAYOUTS)
        layouts = [(g, e) for g, e in LAYOUTS if g**2 <= len(photos) and g * STRIDE <= e * size]
        terms = []
        for grid, enlarged in layouts:
            # As many pixels of each layout: what costs time.
            count = round(self.config.scenes * (largest / enlarged) ** 2 / len(layouts))
            terms.append(self._scenes(photos, embedded, grid, enlarged * size, count))
        return {"regions": self.config.regions * torch.stack(terms).mean()} if terms else {}

    def _scenes(self, photos: Tensor, embedded: Embedded, grid: int, side: int, count: int) -> Tensor:
        count = max(1, min(count, len(photos) // grid**2))
        chosen = torch.randperm(len(photos))[: count * grid**2].to(photos.device).reshape(count, grid**2)
        tile = MIN_TILE_SIDE + (1 - MIN_TILE_SIDE) * min(1.0, 2 * float(torch.rand(())))
        scenes = compose(photos[chosen.flatten()].unflatten(0, chosen.shape), side, tile)
        with _fixed_statistics(self.network):
            _, cells = self.network.with_map(prepare_pixels(scenes))
        with torch.autocast(cells.device.type, enabled=False):
            return cell_loss(cells, chosen % len(embedded.classes), embedded, self.overlap, self.network.logit_scale)


@contextlib.contextmanager
def _fixed_statistics(network: nn.Module) -> Iterator[None]:
    """Batch norms, where there are any, take their statistics from whole pictures alone."""
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.training]
    for norm in norms:
        norm.eval()
    try:
        yield
    finally:
        for norm in norms:
            norm.train()


def compose(photos: Tensor, side: int, tile: float = 1.0) -> Tensor:
    """Scenes uint8 (n, side, side, 3) of photos uint8 (n, grid * grid, s, s, 3), row by row; any integer grid.

    Args:
        tile: side of a photo in sides of its tile, 0..1; below 1 it lies anywhere in the tile, on a colour of the
            scene's.
    """
    n, tiles = photos.shape[:2]
    grid = round(tiles**0.5)
    edges = [round(i * side / grid) for i in range(grid + 1)]
    colours = torch.randint(0, 256, (n, 1, 1, 3), dtype=photos.dtype, device=photos.device)
    scenes = colours.repeat(1, side, side, 1)
    for number in range(tiles):
        row, column = divmod(number, grid)
        top, height = _place(edges[row], edges[row + 1], tile)
        left, width = _place(edges[column], edges[column + 1], tile)
        scenes[:, top : top + height, left : left + width] = _resized(photos[:, number], height, width)
    return scenes


def _place(first: int, end: int, share: float) -> tuple[int, int]:
    """Where a photo begins between two edges, by chance, and how long it is."""
    length = max(1, round(share * (end - first)))
    return first + int(torch.randint(end - first - length + 1, ())), length


def tiles_of_cells(cells: int, grid: int) -> Tensor:
    """int64 (cells * cells,): the tile in which the centre of each cell of a square map lies."""
    place = (torch.arange(cells) + 0.5) * grid / cells
    row = place.long()
    return (row[:, None] * grid + row[None, :]).flatten()


def cell_loss(cells: Tensor, shown: Tensor, embedded: Embedded, overlap: Tensor, scale: Tensor) -> Tensor:
    """Cross-entropy of cells against the batch's words, and of the words shown against the cells of their scene.

    Args:
        cells: unit length (n, d, h, w).
        shown: which class of the batch each tile shows, (n, grid * grid).
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
    if tile.shape[1:3] == (height, width):
        return tile
    pixels = tile.permute(0, 3, 1, 2).float()
    resized = F.interpolate(pixels, size=(height, width), mode="bilinear", antialias=True)
    return resized.round().clamp(0, 255).to(tile.dtype).permute(0, 2, 3, 1)
