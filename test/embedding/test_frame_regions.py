# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A frame is remembered by its distinct regions too: which they are, and that a frame and its regions are one match."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.embedding.frame_pictures import FramePictures
from visual_byte_core.embedding.regions import RegionSettings, distinct, distinct_regions, heat_map, windows
from visual_byte_core.engine.finder import REGION_HANDICAP, Finder
from visual_byte_core.engine.observed_frame import ObservedFrame
from visual_byte_core.engine.questions import Question
from visual_byte_core.engine.settings import EngineSettings
from visual_byte_core.engine.worker import Worker
from visual_byte_core.errors import ConfigurationError
from visual_byte_core.memory.match import Filter
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.merging import MergeSettings
from visual_byte_core.memory.observation import Observation
from visual_byte_testing.sample_bundle import CALIBRATION, write_sample_bundle

RED, GREEN, BLUE = (220, 30, 30), (30, 200, 40), (30, 40, 220)
ALL = RegionSettings(max_count=20, size=0.5, max_cosine=0.999)
LOG = logging.getLogger("test")


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return Embedder(write_sample_bundle(tmp_path_factory.mktemp("bundles") / "pixels"), threads=1)


def pattern(seed: int, side: int = 128) -> np.ndarray:
    """Blocks of colour that no other seed has."""
    blocks = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    return blocks.repeat(side // 4, axis=0).repeat(side // 4, axis=1)


def scene(*seeds: int) -> np.ndarray:
    """2 x 2 patterns, uint8 (256, 256, 3)."""
    a, b, c, d = (pattern(seed) for seed in seeds)
    return np.vstack([np.hstack([a, b]), np.hstack([c, d])])


@pytest.mark.parametrize(("height", "width"), [(480, 640), (640, 480), (100, 100), (90, 5000)])
def test_windows_cover_the_frame(height: int, width: int) -> None:
    found = windows(height, width, 0.4)
    side = round(0.4 * min(height, width))
    assert {region[2:] for region in found} == {(side, side)}
    assert min(x for x, *_ in found) == min(y for _, y, *_ in found) == 0
    assert max(x + side for x, *_ in found) == width and max(y + side for _, y, *_ in found) == height
    assert len(found) <= 64


def pictures(embedder: Embedder, image: np.ndarray) -> FramePictures:
    return FramePictures(image, embedder.size, embedder.bundle.renderer.photo)


@pytest.mark.parametrize("shape", [(1, 5000), (5000, 1), (31, 31), (1, 1)])
def test_frames_smaller_than_a_region_have_none(embedder: Embedder, shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), 90, np.uint8)
    assert distinct_regions(embedder, pictures(embedder, image), embedder.embed_photo(image), ALL) == []


def test_a_gray_frame_has_no_distinct_region(embedder: Embedder) -> None:
    image = np.full((200, 300, 3), 128, np.uint8)
    assert distinct_regions(embedder, pictures(embedder, image), embedder.embed_photo(image), RegionSettings()) == []


def test_regions_are_unlike_the_frame_and_each_other() -> None:
    whole = np.array([1, 0, 0], np.float32)
    like, other, same_other, third = [0.9, 0.436, 0], [0, 1, 0], [0.02, 0.9998, 0], [0, -0.6, 0.8]
    embeddings = np.array([like, same_other, other, third], np.float32)
    assert distinct(embeddings, whole, RegionSettings(max_count=4, max_cosine=0.7)) == [2, 3]
    assert distinct(embeddings, whole, RegionSettings(max_count=1, max_cosine=0.7)) == [2]
    assert len(distinct(embeddings, whole, RegionSettings(max_count=9, max_cosine=1.0))) == 4


@pytest.mark.parametrize("middle", [0.0, 0.7])
def test_a_region_is_embedded_as_the_photo_it_is(embedder: Embedder, middle: float) -> None:
    renderer = embedder.bundle.renderer
    photo = replace(renderer.photo, middle=middle)
    embedder = Embedder(replace(embedder.bundle, renderer=replace(renderer, photo=photo)), threads=1)
    image = scene(1, 2, 3, 4)
    regions = distinct_regions(embedder, pictures(embedder, image), embedder.embed_photo(image), ALL)
    assert len(regions) > 3
    for region in regions:
        x, y, width, height = region.rectangle
        cut = image[y : y + height, x : x + width]
        np.testing.assert_array_equal(region.image, cut)
        np.testing.assert_allclose(region.embedding, embedder.embed_photo(cut), atol=1e-6)


@pytest.mark.parametrize("settings", [{"max_count": 0}, {"size": 0.0}, {"size": 1.5}])
def test_settings_out_of_range_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="regions: expected 1 or more of a size above 0"):
        RegionSettings(**settings)


def test_the_heat_map_is_hottest_where_the_query_is(convnext_bundle: Bundle) -> None:
    embedder = Embedder(convnext_bundle, threads=1)
    image = np.full((120, 240, 3), 127, np.uint8)
    image[:, :120] = pattern(5, 120)
    enlarged = cv2.resize(image, (256, 128), interpolation=cv2.INTER_LINEAR)
    query = embedder.embed_map(enlarged[None])[0][:, 2, 1]
    heat = heat_map(embedder, image, query)
    assert heat.shape == (4, 8) and heat.dtype == np.float32
    assert np.unravel_index(heat.argmax(), heat.shape) == (2, 1) and heat.max() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("shape", "cells"), [((1, 5000), (4, 24)), ((1, 1), (4, 4)), ((3000, 20), (24, 4))])
def test_a_heat_map_of_an_extreme_picture_is_small(
    convnext_bundle: Bundle, shape: tuple[int, int], cells: tuple[int, int]
) -> None:
    embedder = Embedder(convnext_bundle, threads=1)
    query = embedder.embed_photo(pattern(1))
    assert heat_map(embedder, np.full((*shape, 3), 90, np.uint8), query).shape == cells


class Robot:
    """A worker with regions and its memory."""

    def __init__(self, embedder: Embedder, folder: Path, regions: RegionSettings | None = ALL) -> None:
        self.embedder = embedder
        self.memory = Memory(folder, embedder.bundle.id, merge=MergeSettings(within_s=60.0))
        self.finder = Finder(self.memory, CALIBRATION)
        self.worker = Worker(
            embedder, self.memory, self.finder, LOG, EngineSettings(answer_within_s=None, regions=regions)
        )

    def see(self, image: np.ndarray, at: float, label: str = "") -> str:
        return self.worker.remember(ObservedFrame(image, Observation(captured_at=at, label=label))).result().id

    def search(self, image: np.ndarray, k: int = 5):
        return self.finder.find(self.embedder.embed_photo(image), "image", k)


@pytest.fixture
def robot(embedder: Embedder, tmp_path: Path):
    robot = Robot(embedder, tmp_path / "memory")
    yield robot
    robot.worker.close()


def test_a_region_is_found_with_its_region_and_stands_for_its_frame(robot: Robot) -> None:
    first = robot.see(scene(1, 2, 3, 4), 1.0)
    second = robot.see(scene(5, 6, 7, 8), 1000.0)
    assert robot.memory.count() > 8
    answer = robot.search(pattern(7))
    assert [match.parent_id or match.id for match in answer.nearest] in ([second, first], [second])
    best = answer.nearest[0]
    assert best.region == (0, 128, 128, 128) and best.parent_id == second
    assert best.score == pytest.approx(1 - REGION_HANDICAP, abs=0.01)
    whole = robot.search(scene(5, 6, 7, 8)).nearest[0]
    assert whole.id == second and whole.parent_id == "" and whole.region == (0, 0, 256, 256)


def test_k_sightings_are_given_however_many_regions_each_has(robot: Robot) -> None:
    frames = [robot.see(scene(20 + 4 * n, 21 + 4 * n, 22 + 4 * n, 23 + 4 * n), 1000.0 * n) for n in range(6)]
    nearest = robot.search(pattern(30), k=6).nearest
    assert sorted(match.parent_id or match.id for match in nearest) == sorted(frames)
    assert [match.score for match in nearest] == sorted((match.score for match in nearest), reverse=True)
    exact = robot.search(pattern(30), k=1).nearest
    assert exact[0].id == nearest[0].id


def test_regions_of_a_still_scene_are_merged(robot: Robot) -> None:
    frame = robot.see(scene(1, 2, 3, 4), 1.0)
    before = robot.memory.count()
    assert robot.see(scene(1, 2, 3, 4), 2.0) == frame
    assert robot.memory.count() == before
    assert {match.times for match in robot.memory.page()[0]} == {2}


def test_a_whole_frame_is_never_merged_into_a_region(robot: Robot) -> None:
    robot.see(scene(1, 2, 3, 4), 1.0)
    close_up = robot.see(pattern(2), 2.0)
    assert robot.memory.get(close_up).parent_id == ""


def test_a_labelled_frame_is_not_taken_apart(robot: Robot) -> None:
    robot.see(scene(1, 2, 3, 4), 1.0, label="my shelf")
    assert robot.memory.count() == 1


def test_a_frame_is_forgotten_with_its_regions(robot: Robot) -> None:
    first, second = robot.see(scene(1, 2, 3, 4), 1.0), robot.see(scene(5, 6, 7, 8), 1000.0)
    both = robot.memory.count()
    forgotten = robot.worker.do(lambda: robot.memory.forget([first])).result()
    assert forgotten > 3 and robot.memory.count() == both - forgotten
    assert all((match.parent_id or match.id) == second for match in robot.memory.page()[0])
    assert robot.memory.get(first) is None


def test_regions_survive_a_restart(embedder: Embedder, tmp_path: Path) -> None:
    robot = Robot(embedder, tmp_path / "memory")
    frame = robot.see(scene(1, 2, 3, 4), 1.0)
    robot.worker.close()
    with Memory(tmp_path / "memory", embedder.bundle.id) as memory:
        regions = [match for match in memory.page(Filter())[0] if match.parent_id]
        assert regions and all(match.parent_id == frame and match.region and match.thumbnail for match in regions)


def test_a_small_frame_is_remembered_whole(robot: Robot) -> None:
    robot.see(np.full((1, 5000, 3), 90, np.uint8), 1.0)
    robot.see(pattern(3, 16), 2.0)
    assert robot.memory.count() == 2 and all(not match.parent_id for match in robot.memory.page()[0])


def test_a_question_is_answered_with_regions(robot: Robot) -> None:
    frame = robot.see(scene(1, 2, 3, 4), 1.0)
    size = robot.embedder.size
    answer = robot.worker.ask(Question(np.zeros((size, size, 3), np.uint8), "text", 3)).result()
    assert len(answer.nearest) == 1 and (answer.nearest[0].parent_id or answer.nearest[0].id) == frame
