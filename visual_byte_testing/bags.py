# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A small bag that several tests read: things are shown, moved out of sight, shown again, and asked for."""

from __future__ import annotations

from pathlib import Path

import cv2

from visual_byte_core.bags.compose import BagPlan, Event, compose
from visual_byte_core.bags.reading import Bag
from visual_byte_core.bags.replay import ReplaySettings
from visual_byte_core.bags.report import evaluate_bag
from visual_byte_core.bundle.bundle import Bundle
from visual_byte_testing.fixtures_bundle import photo
from visual_byte_testing.paths import BANANA

SETTINGS = ReplaySettings(image="/image", query="/query", k=3)


def write_photos(folder: Path) -> None:
    for seed, name in enumerate(("mug", "lamp", "chair")):
        (folder / name).mkdir(parents=True)
        cv2.imwrite(str(folder / name / "1.png"), photo(seed))


def sample_plan() -> BagPlan:
    """Paths are relative to the folder of `write_photos`."""
    return BagPlan(
        events=(
            Event(at=0.0, pose=(1.0, 2.0, 0.0)),
            Event(at=0.0, picture="chair/1.png", expect="chair"),  # nothing was seen yet
            Event(at=0.5, show="mug/1.png", seconds=2.0),
            Event(at=2.5, show="lamp/1.png", label="lamp|light"),
            Event(at=3.75, picture="mug/1.png", expect="mug"),
            Event(at=4.0, picture="lamp/1.png", expect="light"),
            Event(at=4.25, picture="chair/1.png", expect="absent"),
            Event(at=5.0, pose=(4.0, 2.0, 0.0, 0.0, 0.0, 0.0, 1.0)),
            Event(at=5.5, show="chair/1.png"),
            Event(at=6.75, text="chair", expect="chair", language="en"),
            Event(at=7.0, speech=str(BANANA), expect="absent", language="en"),
            Event(at=100.0, show="mug/1.png"),  # long after: a memory of its own, and as near as the first
            Event(at=102.0, picture="mug/1.png", expect="mug"),
        ),
        rate=4.0,
    )


def write_sample_bag(folder: Path, bundle: Bundle, storage: str = "mcap", plan: BagPlan | None = None) -> Path:
    """Write the bag `folder`/walk; its truth is `folder`/walk.truth.csv."""
    write_photos(folder / "photos")
    compose(plan or sample_plan(), bundle, folder / "walk", storage, folder / "photos")  # type: ignore[arg-type]
    return folder / "walk"


def evaluated(
    path: Path, bundle: Bundle, out: Path, truth: Path | None = None, settings: ReplaySettings = SETTINGS
) -> dict:
    with Bag(path) as bag:
        return evaluate_bag(bag, bundle, settings, out, truth)
