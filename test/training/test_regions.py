# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Scenes are composed as they say, and the loss of their cells falls when the map is right."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from visual_byte_core.training.config import LossConfig
from visual_byte_core.training.losses import Embedded
from visual_byte_core.training.network import VisualByteNet
from visual_byte_core.training.regions import RegionLoss, cell_loss, compose, tiles_of_cells

NO_OVERLAP = torch.eye(4, dtype=torch.bool)


@pytest.mark.parametrize("grid", [2, 3])
def test_a_scene_shows_its_photos_row_by_row(grid: int) -> None:
    colours = torch.arange(grid**2, dtype=torch.uint8) * 20 + 10
    photos = colours[None, :, None, None, None].expand(2, -1, 32, 32, 3)
    scenes = compose(photos, 64)
    assert scenes.shape == (2, 64, 64, 3) and scenes.dtype == torch.uint8
    centres = ((torch.arange(grid) + 0.5) * 64 / grid).long()
    assert scenes[1, centres][:, centres, 0].flatten().tolist() == colours.tolist()


def test_photos_with_margins_stay_in_their_tiles() -> None:
    photos = torch.full((3, 4, 32, 32, 3), 255, dtype=torch.uint8)
    torch.manual_seed(1)
    scenes = compose(photos, 64, 0.75)
    covered = (scenes == 255).all(dim=3)
    assert covered.sum(dim=(1, 2)).tolist() == 3 * [4 * 24 * 24]
    assert covered[:, 16][:, [16, 48]].all() and covered[:, 48][:, [16, 48]].all()  # the centres of a map of 2 x 2
    assert len({tuple(scene[~mask][0].tolist()) for scene, mask in zip(scenes, covered, strict=True)}) == 3


def test_batch_norms_keep_the_statistics_of_whole_pictures() -> None:
    torch.manual_seed(0)
    network = VisualByteNet("mobilenetv4_conv_small", classes=4, dimension=16).train()
    before = {name: value.clone() for name, value in network.named_buffers()}
    images = torch.randint(0, 256, (8, 64, 64, 3), dtype=torch.uint8)
    RegionLoss(LossConfig(regions=1.0, scenes=2), network, NO_OVERLAP)(images, embedded())["regions"].backward()
    assert all(torch.equal(before[name], value) for name, value in network.named_buffers())
    assert all(module.training for module in network.modules())


def test_a_cell_belongs_to_the_tile_of_its_centre() -> None:
    assert tiles_of_cells(4, 2).reshape(4, 4)[:, 0].tolist() == [0, 0, 2, 2]
    assert tiles_of_cells(4, 3).reshape(4, 4)[0].tolist() == [0, 1, 1, 2]


def embedded(seed: int = 0) -> Embedded:
    generator = torch.Generator().manual_seed(seed)
    texts = F.normalize(torch.randn(5, 16, generator=generator), dim=1)  # four classes and a distractor
    return Embedded(texts[:4].repeat(2, 1), texts, texts, torch.arange(4))


def right_map(batch: Embedded, shown: torch.Tensor, cells: int, grid: int) -> torch.Tensor:
    """Every cell is the word of what it shows."""
    return batch.texts[shown[:, tiles_of_cells(cells, grid)]].transpose(1, 2).unflatten(2, (cells, cells))


def test_the_right_map_costs_least_and_swapped_tiles_most() -> None:
    batch, shown = embedded(), torch.tensor([[0, 1, 2, 3], [3, 1, 0, 2]])
    scale = torch.tensor(20.0)
    right = cell_loss(right_map(batch, shown, 4, 2), shown, batch, NO_OVERLAP, scale)
    swapped = cell_loss(right_map(batch, shown.flip(1), 4, 2), shown, batch, NO_OVERLAP, scale)
    assert right < 0.05 and swapped > 5


def test_words_for_the_same_thing_are_not_told_apart() -> None:
    batch, shown = embedded(), torch.tensor([[0, 1, 2, 3]])
    confused = right_map(batch, torch.tensor([[1, 0, 2, 3]]), 4, 2)  # 0 and 1 taken for each other
    overlap = NO_OVERLAP.clone()
    overlap[0, 1] = overlap[1, 0] = True
    scale = torch.tensor(20.0)
    assert cell_loss(confused, shown, batch, overlap, scale) < cell_loss(confused, shown, batch, NO_OVERLAP, scale) - 1


def test_training_on_scenes_teaches_the_map_where_things_are() -> None:
    torch.manual_seed(0)
    network = VisualByteNet("convnext_atto", classes=4, dimension=16, layer_scale=0.1)
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (4, 1, 1, 3), dtype=np.uint8))
    images = images.expand(4, 32, 32, 3).repeat(2, 1, 1, 1)  # two photos of each of four colours
    batch = embedded()
    regions = RegionLoss(LossConfig(regions=1.0, scenes=4), network, NO_OVERLAP)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    values = []
    for _ in range(25):
        loss = regions(images, batch)["regions"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(float(loss.detach()))
    assert np.mean(values[-3:]) < 0.75 * np.mean(values[:3])
