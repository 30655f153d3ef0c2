# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""False accepts and false refusals by hand, and thresholds that keep what they promise on data they never saw."""

from __future__ import annotations

import numpy as np
import pytest

from visual_byte_core.bundle.score_calibration import ScoreCalibration
from visual_byte_core.errors import DataError
from visual_byte_core.evaluation.calibrate import calibrate
from visual_byte_core.evaluation.calibrate_taught import spoken_once
from visual_byte_core.evaluation.calibration_check import calibration_error, refusal_rows
from visual_byte_core.metrics.drawn_memories import Samples
from visual_byte_core.metrics.labelled import Labelled
from visual_byte_core.metrics.probability_fit import fit_probability
from visual_byte_core.metrics.rejection import (
    BestScores,
    all_absent,
    auroc,
    false_rates_by_threshold,
    present_and_absent,
    refusal_rates,
)
from visual_byte_core.names import ClassName, overlaps

CLASSES, VIEWS, DIMENSION = 40, 30, 64


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def best(*scores: float, memories: int = 10) -> BestScores:
    return BestScores(np.array(scores), np.full(len(scores), memories))


def test_rates_worked_out_by_hand():
    present = best(0.9, 0.8, 0.7, 0.3)
    absent = BestScores(np.array([0.75, 0.6, 0.5, 0.2, 0.1]), np.array([5, 5, 5, 5, 50]))
    rates = refusal_rates(present, absent, lambda memories: 0.55 if memories < 20 else 0.05)
    # Accepted: .75 and .6 at .55, and .1, which was compared with 50 memories, at .05. Refused: .3.
    assert rates["far"] == pytest.approx(3 / 5) and rates["frr"] == 1 / 4 and rates["n"] == 5
    # 5 % of four is less than one, so none may be refused: the threshold is .3.
    assert rates["far_at_frr_05"] == pytest.approx(3 / 5)
    # Pairs in order: .9 and .8 beat all five, .7 beats four, .3 beats two.
    assert rates["auroc"] == pytest.approx((5 + 5 + 4 + 2) / 20)


def test_five_percent_of_forty_are_two():
    present = best(*np.linspace(0.1, 0.9, 40))
    rates = refusal_rates(present, best(0.13, 0.15), None)
    assert present.scores[2] == pytest.approx(0.141, abs=1e-3)
    assert rates["far_at_frr_05"] == 0.5 and rates["far"] is None and rates["frr"] is None


def test_nothing_to_count_is_none_and_not_zero():
    assert refusal_rates(best(0.5), best(), lambda memories: 0.4) == {
        "far": None, "frr": 0.0, "far_at_frr_05": None, "auroc": None, "n": 0
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_auroc_is_that_of_scikit_learn(seed: int) -> None:
    from sklearn.metrics import roc_auc_score

    generator = np.random.default_rng(seed)
    present, absent = generator.normal(1, 1, 57).round(1), generator.normal(0, 1, 91).round(1)
    assert set(present) & set(absent)
    expected = roc_auc_score([1] * len(present) + [0] * len(absent), np.concatenate([present, absent]))
    assert auroc(present, absent) == pytest.approx(expected, abs=1e-12)


def test_auroc_counts_ties_half():
    assert auroc(np.array([1.0, 2.0]), np.array([1.0, 0.0])) == pytest.approx((0.5 + 1 + 1 + 1) / 4)
    same = np.full(7, 0.3)
    assert auroc(same, same) == 0.5


def test_curve_agrees_with_counting():
    generator = np.random.default_rng(0)
    present, absent = generator.normal(1, 1, 50).round(1), generator.normal(0, 1, 70).round(1)
    thresholds = np.linspace(-2, 3, 21).round(1)
    far, frr = false_rates_by_threshold(present, absent, thresholds)
    assert far == pytest.approx([(absent >= t).mean() for t in thresholds])
    assert frr == pytest.approx([(present < t).mean() for t in thresholds])


def test_an_absent_name_leaves_out_what_may_be_the_same_thing():
    broader = {"apple": (), "gala": ("apple",), "granny": ("apple",), "pear": ()}
    same = overlaps([ClassName(slug, slug, broader=names) for slug, names in broader.items()])
    gallery = Labelled(np.eye(4, dtype=np.float32)[[0, 1, 2, 3]], ("apple", "gala", "granny", "pear"))
    towards = unit(np.array([[4.0, 3, 2, 1], [3, 4, 2, 1], [1, 1, 2, 4]]))
    present, absent = present_and_absent(Labelled(towards, ("apple", "gala", "pear")), gallery, same)
    length = np.linalg.norm(towards[0])  # 1, and each row's largest part is 4 of sqrt(30), 4 of sqrt(30), 4 of sqrt(22)
    assert length == pytest.approx(1) and present.memories.tolist() == [4, 4, 4]
    assert present.scores == pytest.approx([4 / 30**0.5, 4 / 30**0.5, 4 / 22**0.5])
    # With apple go gala and granny, and pear is left. With gala goes apple, but its sister granny stays.
    assert absent.scores == pytest.approx([1 / 30**0.5, 2 / 30**0.5, 2 / 22**0.5])
    assert absent.memories.tolist() == [1, 2, 3]


def test_a_name_with_nothing_beside_it_is_not_asked_of_an_empty_memory():
    gallery = Labelled(unit(np.ones((2, 3))), ("cup", "cup"))
    present, absent = present_and_absent(Labelled(unit(np.ones((1, 3))), ("cup",)), gallery, {})
    assert len(present.scores) == 1 and len(absent.scores) == 0
    with pytest.raises(ValueError, match="not in the gallery: mug"):
        present_and_absent(Labelled(unit(np.ones((1, 3))), ("mug",)), gallery, {})


def world(seed: int) -> tuple[Labelled, Labelled, np.ndarray]:
    """Photos and spoken names around the same centres of classes, and words that belong nowhere."""
    centres = np.random.default_rng(7).normal(size=(CLASSES, DIMENSION))
    generator = np.random.default_rng(seed)
    slugs = tuple(f"class_{i}" for i in range(CLASSES))
    photos = np.repeat(centres, VIEWS, axis=0) + 1.0 * generator.normal(size=(CLASSES * VIEWS, DIMENSION))
    spoken = np.repeat(centres, 4, axis=0) + 0.8 * generator.normal(size=(CLASSES * 4, DIMENSION))
    never = unit(generator.normal(size=(150, DIMENSION)))
    return (
        Labelled(unit(photos), tuple(np.repeat(slugs, VIEWS))),
        Labelled(unit(spoken), tuple(np.repeat(slugs, 4))),
        never,
    )


@pytest.fixture(scope="module")
def calibration() -> dict:
    photos, spoken, never = world(seed=1)
    return calibrate(photos, {"audio": spoken}, {"audio": never}, {}, seed=3)


@pytest.mark.parametrize("memories", [60, 500])
@pytest.mark.parametrize("promised", [0.05, 0.1, 0.3])
def test_false_accepts_are_what_was_promised_on_fresh_data(calibration, memories, promised):
    photos, spoken, never = world(seed=2)
    shown = np.random.default_rng(memories).choice(len(photos.slugs), memories, replace=False)
    gallery = Labelled(photos.embeddings[shown], tuple(photos.slugs[i] for i in shown))
    asked = [i for i, slug in enumerate(spoken.slugs) if slug in gallery.slugs]
    queries = Labelled(spoken.embeddings[asked], tuple(spoken.slugs[i] for i in asked))
    present, absent = present_and_absent(queries, gallery, {})
    threshold = ScoreCalibration.from_dict(calibration).threshold
    rates = refusal_rates(present, absent, lambda n: threshold("audio", n, promised))
    strange = refusal_rates(present, all_absent(never, gallery), lambda n: threshold("audio", n, promised))
    assert promised / 3 < (rates["far"] + strange["far"]) / 2 < promised * 1.7 + 0.02
    assert rates["frr"] < 0.1 and rates["auroc"] > 0.9


def test_thresholds_rise_with_memories_and_fall_with_the_rate(calibration):
    for values in calibration.values():
        thresholds = np.array(values["thresholds"])
        assert thresholds.shape == (len(values["memories"]), len(values["false_accept_rates"]))
        assert (np.diff(thresholds, axis=0) >= 0).all() and (np.diff(thresholds, axis=1) < 0).all()
        assert thresholds[-1, 0] > thresholds[0, 0]
        # The last is the largest memory that leaves room for any one class to be absent.
        assert values["memories"][-1] == (CLASSES - 1) * VIEWS


def test_false_refusals_are_those_of_the_curve(calibration):
    for values in calibration.values():
        refused = np.array(values["false_refusals"])
        assert refused.shape == np.array(values["thresholds"]).shape and (np.diff(refused, axis=1) <= 0).all()
        at, curve = values["memories"].index(300), values["curve"]
        expected = np.interp(values["thresholds"][at], curve["threshold"], curve["frr"])
        assert refused[at] == pytest.approx(expected, abs=0.05)


def test_probability_is_the_share_that_is_right(calibration):
    photos, spoken, never = world(seed=4)
    read = ScoreCalibration.from_dict(calibration)
    shown = np.random.default_rng(0).choice(len(photos.slugs), 300, replace=False)
    scores = spoken.embeddings @ photos.embeddings[shown].T
    nearest = scores.argmax(axis=1)
    right = np.array(spoken.slugs) == np.array(photos.slugs)[shown][nearest]
    sure = np.array([read.probability("audio", float(score), 300) for score in scores.max(axis=1)])
    strange = (never @ photos.embeddings[shown].T).max(axis=1)
    unsure = np.array([read.probability("audio", float(score), 300) for score in strange])
    assert abs(sure[sure > 0.7].mean() - right[sure > 0.7].mean()) < 0.12
    assert sure[right].mean() > 0.8 and unsure.mean() < 0.3


@pytest.mark.parametrize(("intercept", "slope", "ceiling"), [(-6.0, 12.0, 1.0), (-6.0, 14.0, 0.8)])
def test_a_probability_that_rises_to_a_ceiling_is_fitted(intercept: float, slope: float, ceiling: float) -> None:
    generator = np.random.default_rng(1)
    scores = generator.uniform(0.0, 1.0, 100_000)
    expected = ceiling / (1 + np.exp(-intercept - slope * scores))
    right = generator.random(len(scores)) < expected
    a, b, c = fit_probability(scores, right, np.full(len(scores), 3.0))
    assert np.abs(c / (1 + np.exp(-a - b * scores)) - expected).max() < 0.03 and abs(c - ceiling) < 0.05


def test_classes_that_scores_part_wholly_are_fitted_to_finite_values() -> None:
    scores = np.array([0.1, 0.2, 0.8, 0.9])
    a, b, c = fit_probability(scores, scores > 0.5, np.ones(4))
    assert np.isfinite([a, b, c]).all()
    assert c / (1 + np.exp(-a - b * 0.9)) > 0.99
    assert c / (1 + np.exp(-a - b * 0.1)) < 0.01


def test_what_a_taught_name_is_worth_is_learned_from_right_and_wrong_ones() -> None:
    photos, spoken, _ = world(seed=1)
    centres = unit(np.random.default_rng(5).normal(size=(60, DIMENSION)))
    clips = np.repeat(centres, 4, axis=0) + 0.09 * np.random.default_rng(6).normal(size=(240, DIMENSION))
    # Words 0 and 1, 2 and 3, ... sound alike: who asks for the one is now and then taken for the other.
    clips = unit(clips + 0.9 * np.repeat(np.repeat(centres[::2], 2, axis=0), 4, axis=0))
    new = spoken_once(Labelled(clips, tuple(f"word_{i}" for i in np.repeat(np.arange(60), 4))))
    assert len(new.taught.slugs) == 60 and len(new.asked.slugs) == 180
    calibration = calibrate(photos, {"audio": spoken}, {"audio": clips}, {}, new_names={"audio": new}, seed=3)
    worth = ScoreCalibration.from_dict(calibration).taught_probability
    assert 0.2 < worth("audio", 0.6) < worth("audio", 0.95) < 1
    unlike = spoken_once(Labelled(clips[:4], ("one",) * 4))  # a single word: nothing to mistake it for
    assert "taught" not in calibrate(photos, {"audio": spoken}, {}, {}, new_names={"audio": unlike})["audio"]


def test_the_calibration_error_is_that_of_the_bins() -> None:
    sample = Samples(
        present=[np.array([0.9, 0.9], np.float32)],
        right=[np.array([True, False])],
        absent=[np.array([0.1, 0.1], np.float32)],
        never=[np.empty(0, np.float32)],
    )
    flat = {"memories": [10], "false_accept_rates": [0.1], "thresholds": [[0.5]]}
    sure = ScoreCalibration.from_dict(
        {"text": flat | {"probability": {"intercept": [0.0], "score": [0.0], "ceiling": [0.5]}}}
    )
    # A quarter said, and a quarter of the weight right.
    assert calibration_error(sample, sure, "text", 10) == pytest.approx(0.0, abs=1e-6)
    (row,) = refusal_rows({"text": {10: sample}}, sure)
    assert row["known"] == [0.0] * 3 and row["never"] == [None] * 3 and row["refused"] == [0.0] * 3
    assert row["auroc"] == {"known": 1.0, "never": None} and row["calibration_error"] == 0


def test_the_curve_runs_from_all_accepted_to_all_refused(calibration):
    curve = calibration["audio"]["curve"]
    assert curve["memories"] == 300
    assert (curve["far"][0], curve["frr"][0]) == (1, 0) and (curve["far"][-1], curve["frr"][-1]) == (0, 1)
    assert curve["threshold"] == sorted(curve["threshold"])


def test_the_same_data_give_the_same_calibration(calibration):
    photos, spoken, never = world(seed=1)
    assert calibrate(photos, {"audio": spoken}, {"audio": never}, {}, seed=3) == calibration


def test_a_photo_that_asks_does_not_find_itself(calibration):
    # If it did, every present score would be 1 and no threshold would refuse anything.
    refused = np.interp(0.99, calibration["image"]["curve"]["threshold"], calibration["image"]["curve"]["frr"])
    assert refused > 0.9


def test_too_little_to_calibrate_on_is_told():
    few = Labelled(unit(np.random.default_rng(0).normal(size=(12, 8))), ("a",) * 6 + ("b",) * 6)
    with pytest.raises(DataError, match="12 calibration photos of 2 classes: too few"):
        calibrate(few, {}, {}, {})
    photos, spoken, _ = world(seed=1)
    strangers = Labelled(spoken.embeddings, tuple(f"other_{slug}" for slug in spoken.slugs))
    with pytest.raises(DataError, match="no query names a class"):
        calibrate(photos, {"audio": strangers}, {}, {})
