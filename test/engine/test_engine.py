# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The engine: a question in any form, frames in their turn, and settings that are checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.engine.engine import Engine
from visual_byte_core.engine.settings import EngineSettings
from visual_byte_core.engine.teaching import NoFrame
from visual_byte_core.errors import BundleError, ConfigurationError, InvalidText
from visual_byte_core.memory.match import Filter
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.merging import MergeSettings
from visual_byte_core.memory.observation import Observation
from visual_byte_core.messages.poses import Pose
from visual_byte_core.rendering.query import Example, RenderedQuery, SpokenName
from visual_byte_testing.fixtures_bundle import photo

SETTINGS = EngineSettings(threads=1, acknowledge_within_s=0.05)


@pytest.fixture
def engine(bundle: Bundle, tmp_path: Path) -> Iterator[Engine]:
    with Engine(bundle, tmp_path / "memory", SETTINGS) as engine:
        yield engine


def at(second: float, **values: Any) -> Observation:
    return Observation(captured_at=1e9 + second, **values)


def test_words_a_spoken_name_a_photo_and_a_rendered_picture_are_asked_alike(engine: Engine) -> None:
    first = engine.remember(photo(1), at(0)).result(20)
    other = engine.remember(photo(2), at(100)).result(20)
    assert engine.count().result(20) == 2 and engine.memories == 2
    example = engine.ask(Example(photo(2))).result(20)
    assert example.nearest[0].id == other.id and example.nearest[0].score == pytest.approx(1, abs=1e-3)
    seconds = np.arange(0, 0.5, 1 / 16000)
    spoken = SpokenName((np.sin(3000 * seconds**2) * np.hanning(len(seconds))).astype(np.float32), 16000)
    for asked in ("mug", spoken, Example(photo(1))):
        rendered = engine.render(asked)
        assert isinstance(rendered, RenderedQuery)
        one, same = engine.ask(asked).result(20), engine.ask(rendered).result(20)
        assert [(match.id, match.score) for match in one.nearest] == [(match.id, match.score) for match in same.nearest]
    found, begin = engine.page(size=1).result(20)
    assert [found[0].id] == sorted([first.id, other.id])[:1] and begin


def test_what_cannot_be_asked_is_refused_at_once(engine: Engine) -> None:
    with pytest.raises(InvalidText):
        engine.ask("")
    with pytest.raises(ConfigurationError, match="k is 0"):
        engine.ask("mug", k=0)
    with pytest.raises(BundleError, match="give all nodes the same `bundle`"):
        engine.ask(replace(engine.render("mug"), renderer="another"))


def test_the_last_frame_is_remembered_and_taught_and_forgotten(engine: Engine) -> None:
    for begin in (lambda: engine.remember(label="mug"), lambda: engine.teach("mug")):
        with pytest.raises(NoFrame, match="no frame has arrived"):
            begin()
    engine.see(photo(1), at(0)).result(20)
    engine.remember(label="mug").result(20)
    assert engine.teach("Grandma's mug").result(20)
    engine.ask("something", id="q1").result(20)
    assert engine.teach(question_id="q1").result(20)
    assert engine.ask("Grandma's mug").result(20).matches
    assert engine.forget(everything=True).result(20) and engine.memories == 0


def test_frames_that_are_not_remembered_can_be_taught(bundle: Bundle, tmp_path: Path) -> None:
    with Engine(bundle, tmp_path / "memory", replace(SETTINGS, remember_frames=False)) as engine:
        assert engine.see(photo(1), at(0)).cancelled()
        assert engine.memories == 0 and engine.teach("mug").result(20)


def test_in_order_every_frame_waits_its_turn_and_its_pose_is_looked_up_once(bundle: Bundle, tmp_path: Path) -> None:
    looked_up: list[float] = []

    def pose_at(observation: Observation) -> Pose:
        looked_up.append(observation.captured_at - 1e9)
        return (observation.captured_at - 1e9, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)

    settings = replace(SETTINGS, in_order=True, answer_within_s=None)
    with Engine(bundle, tmp_path / "memory", settings, pose_at=pose_at) as engine:
        asked = engine.ask(Example(photo(1)), stamp=1e9 + 2.5)
        frames = [engine.see(photo(second), at(second)) for second in (3, 1, 2)]
        answer = asked.result(20)
        assert {round(match.last_seen - 1e9) for match in answer.nearest} == {1, 2}, "what came before the question"
        assert all(frame.result(20).id for frame in frames)
        assert looked_up == [1, 2, 3]
        late = engine.see(photo(4), at(4))
        engine.settle()
        assert late.done() and looked_up == [1, 2, 3, 4]
        engine.remember(label="newest").result(20)
        ((labelled,), _) = engine.page(Filter(label="newest")).result(20)
        assert labelled.pose is not None and labelled.pose[0] == 4


def test_settings_are_checked_and_change_while_it_runs(engine: Engine, bundle: Bundle) -> None:
    for wrong in (
        {"threads": 0}, {"provider": ""}, {"skip_unchanged": -1.0}, {"false_accept_rate": 1.0}, {"max_waiting": 0},
        {"acknowledge_within_s": 0.0}, {"answer_within_s": 0.0}, {"in_order": True, "answer_within_s": 1.0},
    ):  # fmt: skip
        with pytest.raises(ConfigurationError, match="expected"):
            EngineSettings(**wrong)
    for second in (0, 1):
        engine.remember(photo(1), at(second)).result(20)
    assert engine.memories == 1
    engine.update(replace(SETTINGS, merging=MergeSettings(enabled=False)))
    engine.remember(photo(1), at(2)).result(20)
    assert engine.memories == 2 and engine.ask("mug").result(20).nearest
    with pytest.raises(ConfigurationError, match="threads cannot change while it runs"):
        engine.update(replace(SETTINGS, threads=2))
    values = engine.report().values()
    assert values["bundle"] == bundle.id and values["memories"] == 2 and values["answered queries"] == 1


def test_a_folder_is_free_again_when_the_engine_cannot_be_made(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="not calibrated"):
        Engine(replace(bundle, calibration={}), tmp_path / "memory", SETTINGS)
    with Memory(tmp_path / "memory", bundle.id, dimension=bundle.dimension) as memory:
        assert memory.count() == 0
