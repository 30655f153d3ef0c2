# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Thresholds between the calibrated points, and answers that refuse what was not seen."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visual_byte_core.bundle.score_calibration import ScoreCalibration
from visual_byte_core.engine.finder import Finder
from visual_byte_core.errors import BundleError, ConfigurationError, InvalidMemory
from visual_byte_core.memory.match import Filter
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.observation import Observation
from visual_byte_core.memory.taught_names import Prototype

TEXT: dict[str, Any] = {
    "memories": [10, 1000],
    "false_accept_rates": [0.01, 0.1],
    "thresholds": [[0.5, 0.3], [0.9, 0.7]],
    "probability": {"intercept": [-2.0, -4.0], "score": [10.0, 20.0]},
    "curve": {"memories": 10, "threshold": [], "far": [], "frr": []},
}


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory(tmp_path / "memory", "bundle@1", dimension=4) as memory:
        yield memory


def direction(cosine: float) -> np.ndarray:
    """A unit vector, float32 (4,), with this cosine to the first axis."""
    return np.array([cosine, math.sqrt(1 - cosine**2), 0, 0], np.float32)


AXIS = direction(1.0)


@pytest.mark.parametrize(
    ("memories", "rate", "expected"),
    [
        (10, 0.01, 0.5), (10, 0.1, 0.3), (1000, 0.01, 0.9), (1000, 0.1, 0.7),
        (100, 0.1, 0.5),  # half way between 10 and 1000 as logarithms
        (10, math.sqrt(0.001), 0.4),  # half way between .01 and .1
        (100, math.sqrt(0.001), 0.6),
        (1, 0.1, 0.3), (0, 0.1, 0.3), (10, 0.5, 0.3), (10, 1e-6, 0.5),  # the nearest point beyond
        (10_000, 0.1, 0.9), (10**6, 0.1, 1.0),  # more memories: on as before, to the highest cosine
    ],
)  # fmt: skip
def test_thresholds_between_and_beyond_the_points(memories: int, rate: float, expected: float) -> None:
    assert ScoreCalibration.from_dict({"text": TEXT}).threshold("text", memories, rate) == pytest.approx(expected)


def test_probability_is_the_logistic_function_of_the_number_of_memories() -> None:
    calibration = ScoreCalibration.from_dict({"text": TEXT})
    for memories, intercept, slope in ((10, -2, 10), (100, -3, 15), (1000, -4, 20), (10_000, -5, 25)):
        expected = 1 / (1 + math.exp(-(intercept + slope * 0.4)))
        assert calibration.probability("text", 0.4, memories) == pytest.approx(expected)
    assert 0 <= calibration.probability("text", -1e9, 1) < calibration.probability("text", 1e9, 1) <= 1


def test_a_bundle_calibrated_with_one_slope_for_all_sizes_is_read() -> None:
    old = TEXT | {"probability": {"intercept": -2.0, "score": 10.0, "log_memories": -0.5}}
    expected = 1 / (1 + math.exp(-(-2 + 10 * 0.4 - 0.5 * math.log(20))))
    assert ScoreCalibration.from_dict({"text": old}).probability("text", 0.4, 20) == pytest.approx(expected)


def test_a_probability_stays_under_its_ceiling() -> None:
    capped = TEXT | {"probability": TEXT["probability"] | {"ceiling": [1.0, 0.8]}}
    calibration = ScoreCalibration.from_dict({"text": capped})
    assert calibration.probability("text", 1.0, 10) == pytest.approx(1 / (1 + math.exp(-8)))
    assert calibration.probability("text", 1.0, 100) == pytest.approx(0.9 / (1 + math.exp(-12)))
    assert calibration.probability("text", 1.0, 10**6) == pytest.approx(0.8)


def test_a_match_of_a_taught_name_has_the_probability_of_its_kind(memory: Memory) -> None:
    memory.remember(direction(0.1), Observation(captured_at=1.0, label="mug"))
    memory.taught.teach("mug", [Prototype("text", AXIS, "mug")])
    taught = TEXT | {"taught": {"intercept": -8.0, "score": 10.0, "ceiling": 0.9}}
    answer = Finder(memory, {"text": taught}).find(direction(0.95), "text")
    assert answer.matches[0].label == "mug" and answer.matches[0].score == pytest.approx(0.95, abs=1e-3)
    assert answer.probability == [pytest.approx(0.9 / (1 + math.exp(-1.5)), abs=1e-3)]
    older = Finder(memory, {"text": TEXT}).find(direction(0.95), "text")
    assert older.probability == [0.9]  # a bundle that was calibrated before that was told


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values["probability"].update(ceiling=[1.0]),
        lambda values: values["probability"].update(ceiling=[1.0, 1.5]),
        lambda values: values.update(taught={"intercept": 1.0}),
        lambda values: values.pop("thresholds"),
        lambda values: values.pop("probability"),
        lambda values: values["probability"].pop("score"),
        lambda values: values["probability"].update(score=[1.0]),
        lambda values: values.update(memories="many"),
        lambda values: values.update(memories=[]),
        lambda values: values.update(memories=[1000, 10]),
        lambda values: values.update(memories=[0, 10]),
        lambda values: values.update(false_accept_rates=[0.1, 0.1]),
        lambda values: values.update(thresholds=[[0.5, 0.3]]),
        lambda values: values.update(thresholds=[[0.5], [0.9, 0.7]]),
        lambda values: values.update(thresholds=[0.5, 0.9]),
    ],
)
def test_what_is_no_calibration_is_refused(change: Callable[[dict[str, Any]], Any]) -> None:
    values = copy.deepcopy(TEXT)
    change(values)
    with pytest.raises(BundleError, match="calibration of 'text'.*run `visual-byte calibrate`"):
        ScoreCalibration.from_dict({"text": values})


def test_an_uncalibrated_kind_of_query_is_named(memory: Memory) -> None:
    with pytest.raises(BundleError, match=r"not calibrated for 'audio' queries \(only for text\)"):
        Finder(memory, {"text": TEXT}).find(AXIS, "audio")
    with pytest.raises(BundleError, match="not calibrated, so it cannot tell what is absent"):
        Finder(memory, {})


def test_an_empty_memory_says_so(memory: Memory) -> None:
    answer = Finder(memory, {"text": TEXT}).find(AXIS, "text")
    assert (answer.status, answer.reason) == ("NOT_FOUND", "memory is empty")
    assert answer.matches == answer.nearest == answer.probability == []


def test_matches_are_those_over_the_threshold(memory: Memory) -> None:
    for cosine in (0.9, 0.35, 0.2, -0.5):
        memory.remember(direction(cosine), Observation(captured_at=1.0, source=str(cosine)))
    finder = Finder(memory, {"text": TEXT}, false_accept_rate=0.1)
    answer = finder.find(AXIS, "text", k=3)
    assert (answer.status, answer.reason, answer.threshold) == ("FOUND", "", 0.3)
    assert [match.source for match in answer.matches] == ["0.9", "0.35"]
    assert [match.source for match in answer.nearest] == ["0.9", "0.35", "0.2"]
    calibration = ScoreCalibration.from_dict({"text": TEXT})
    assert answer.probability == [calibration.probability("text", match.score, 4) for match in answer.nearest]
    assert answer.probability == sorted(answer.probability, reverse=True)
    stricter = Finder(memory, {"text": TEXT}, false_accept_rate=0.01).find(AXIS, "text")
    assert stricter.threshold == 0.5 and [match.source for match in stricter.matches] == ["0.9"]


def test_what_was_not_seen_is_refused_with_the_nearest_beside(memory: Memory) -> None:
    memory.remember(direction(0.29), Observation(captured_at=1.0))
    answer = Finder(memory, {"text": TEXT}, false_accept_rate=0.1).find(AXIS, "text")
    assert answer.status == "NOT_FOUND" and answer.matches == [] and len(answer.nearest) == 1
    assert answer.reason == "the nearest memory scores 0.290, under the threshold 0.300"


def test_the_threshold_follows_how_many_memories_are_searched(memory: Memory) -> None:
    for number in range(100):
        memory.remember(direction(0.4), Observation(captured_at=float(number), label="cup" if number < 10 else ""))
    finder = Finder(memory, {"text": TEXT}, false_accept_rate=0.1)
    assert finder.find(AXIS, "text").threshold == pytest.approx(0.5)
    assert finder.find(AXIS, "text").status == "NOT_FOUND"
    cups = finder.find(AXIS, "text", where=Filter(label="cup"))
    assert cups.threshold == pytest.approx(0.3) and cups.status == "FOUND"
    nothing = finder.find(AXIS, "text", where=Filter(label="plate"))
    assert (nothing.status, nothing.reason) == ("NOT_FOUND", "no memory fits the filter")


def test_bad_queries_are_refused(memory: Memory) -> None:
    memory.remember(AXIS, Observation(captured_at=1.0))
    finder = Finder(memory, {"text": TEXT})
    with pytest.raises(ConfigurationError, match="modality: expected one of text, audio, image, got 'smell'"):
        finder.find(AXIS, "smell")
    for bad in (np.full(4, np.nan, np.float32), np.ones(5, np.float32), np.zeros(4, np.float32)):
        with pytest.raises(InvalidMemory, match="embedding: expected"):
            finder.find(bad, "text")
    with pytest.raises(InvalidMemory, match="k: expected 1 or more"):
        finder.find(AXIS, "text", k=0)
    for rate in (0.0, 1.0, math.nan):
        with pytest.raises(ConfigurationError, match="false_accept_rate"):
            Finder(memory, {"text": TEXT}, false_accept_rate=rate)
