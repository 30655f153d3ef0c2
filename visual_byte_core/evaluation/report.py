# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The evaluation report of a bundle on a folder of photos and a folder of speech.

Choices that the numbers depend on:

- A class with a single photo cannot be found by image_to_image; its query counts as a miss.
- An absent name is asked of the gallery without the photos of its class and of the classes that may be the same thing
  (its broader and narrower names); see `rejection.present_and_absent`. frr is measured on the whole gallery.
- A folder of speech without photos is asked as never trained if the bundle does not know its name, else left out.
  An absent name that the bundle knows or that has photos is left out as well: each with a warning.
- Numbers of nothing are None, with n = 0. Without a calibration in the bundle far and frr are None.
- A perturbation is laid on everything that is typed, also on absent names, but not on the candidates of image_to_text.
- Under `details` stand the pairs that the robot does not need (audio_to_audio leaves the query itself out; text_to_text
  says something only if names are perturbed), one row for each class, and the classes most often taken for others.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.bundle.false_accept_rate import DEFAULT_FALSE_ACCEPT_RATE
from visual_byte_core.bundle.score_calibration import ScoreCalibration
from visual_byte_core.dataset.class_folders import LabelledFile, find_photos, find_speech
from visual_byte_core.dataset.perturbation import NoiseMixer, perturb_text
from visual_byte_core.dataset.spelling import known_words, names_by_slug, read_words, spelled
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.errors import DataError
from visual_byte_core.evaluation.embedded_data import EmbeddedFiles, embed_photos, embed_speech, embed_words
from visual_byte_core.evaluation.scenes import measure_regions
from visual_byte_core.metrics.class_breakdown import Pair, answers, confusions, per_class
from visual_byte_core.metrics.labelled import Labelled
from visual_byte_core.metrics.rejection import (
    BestScores,
    all_absent,
    false_rates_by_threshold,
    present_and_absent,
    refusal_rates,
)
from visual_byte_core.names import ClassName, overlaps, read_names
from visual_byte_core.rendering.text import canonical_words, render_text
from visual_byte_core.seeding import seeded

LATENCY_RUNS = 50
LATENCY_WARM_UP = 5
CURVE_POINTS = 101
PAIRS = ("text_to_image", "audio_to_image", "image_to_image", "image_to_text", "audio_to_text")
CONFUSED_PAIRS = ("text_to_image", "image_to_text", "audio_to_text")

log = logging.getLogger("visual_byte")


@dataclass(frozen=True)
class EvaluationSettings:
    """What is evaluated.

    images, speech: `DIR/<slug>/` folders; speech may be None. names: CSV whose spellings come before the bundle's.
    language: of the names asked, English if None; if given, also of the speech (its folders `en` and `ko`).
    noise, snr_db: folder of recordings mixed into the speech at this ratio in dB. perturb: typo, plural or case.
    absent: file with one never-trained name a line. absent_speech: more of them, spoken, laid out as speech; typed too.
    false_accept_rate: operating point of the bundle's thresholds, 0..1. scenes: how many scenes of 2 x 2 and as many
    of 3 x 3 photos to compose and look for regions in; 0 for none.
    photos: pattern of the photos' file names. only_names: CSV of names; other classes are left out. num_classes: how
    many of the classes left are drawn by `seed`; 0 for all of them.
    """

    images: Path
    speech: Path | None = None
    names: Path | None = None
    language: str | None = None
    noise: Path | None = None
    snr_db: float | None = None
    perturb: str | None = None
    absent: Path | None = None
    absent_speech: Path | None = None
    false_accept_rate: float = DEFAULT_FALSE_ACCEPT_RATE
    scenes: int = 0
    photos: str = "*"
    only_names: Path | None = None
    num_classes: int = 0
    seed: int = 0


@dataclass(frozen=True)
class _QuerySet:
    """The queries of one kind: those of classes in the gallery, and those of things never trained."""

    known: Labelled
    never_trained: NDArray[np.float32]


def evaluate(embedder: Embedder, settings: EvaluationSettings) -> dict[str, Any]:
    """Measure a bundle.

    Returns the report as plain JSON data: bundle, counts, retrieval, not_found, latency_ms and details (the settings,
    the files left out, the curves of false accepts against false refusals).

    Raises DataError, InvalidNames or another VisualByteError if a folder or file lacks what is needed.
    """
    if (settings.noise is None) != (settings.snr_db is None):
        raise DataError("noise wants both a folder of recordings and a signal-to-noise ratio in dB")
    names, language = names_by_slug(embedder.bundle, settings.names), settings.language or "en"
    photos = embed_photos(embedder, _of_chosen_classes(find_photos(settings.images, settings.photos), settings))
    gallery = photos.labelled
    slugs = sorted(set(gallery.slugs))
    candidates, text, text_s = _ask_text(embedder, names, slugs, settings)
    speech, audio = _ask_speech(embedder, names, slugs, settings)
    _warn_of_lone_photos(gallery)
    answered = {
        pair: answers(asked)
        for pair, asked in {
            "text_to_image": Pair(text.known, gallery),
            "audio_to_image": Pair(audio.known, gallery),
            "image_to_image": Pair(gallery, gallery, exclude_self=True),
            "image_to_text": Pair(gallery, candidates),
            "audio_to_text": Pair(audio.known, candidates),
            "text_to_text": Pair(text.known, candidates),
            "text_to_audio": Pair(text.known, audio.known),
            "image_to_audio": Pair(gallery, audio.known),
            "audio_to_audio": Pair(audio.known, audio.known, exclude_self=True),
        }.items()
    }
    not_found, curves = _not_found(embedder.bundle, gallery, {"text": text, "audio": audio}, names, settings)
    latency = {
        "embed": _percentiles(_embed_s(embedder)),
        "render_photo": _percentiles(photos.render_s),
        "render_text": _percentiles(text_s),
        "render_speech": _percentiles(speech.render_s),
    }
    return {
        "bundle": embedder.bundle.id,
        "counts": {"images": len(gallery.slugs), "speech": len(audio.known.slugs), "classes": len(slugs)},
        "retrieval": {pair: answered[pair].recall() for pair in PAIRS},
        "not_found": not_found,
        "latency_ms": latency,
        "details": {
            "settings": {key: str(v) if isinstance(v, Path) else v for key, v in asdict(settings).items()},
            "unreadable": photos.unreadable + speech.unreadable,
            "retrieval": {pair: found.recall() for pair, found in answered.items() if pair not in PAIRS},
            "per_class": per_class(answered, dict(zip(slugs, spelled(slugs, names, language), strict=True))),
            "confusions": {pair: confusions(found) for pair, found in answered.items() if pair in CONFUSED_PAIRS},
            "curves": curves,
            "parts": measure_regions(embedder, photos.files, candidates, settings.scenes),
        },
    }


def _ask_text(
    embedder: Embedder,
    names: Mapping[str, ClassName],
    slugs: Sequence[str],
    settings: EvaluationSettings,
) -> tuple[Labelled, _QuerySet, list[float]]:
    """The names as candidates, the names as they are typed, and the seconds that rendering each took."""
    asked = spelled(slugs, names, settings.language or "en")
    if settings.language not in (None, "en") and (unknown := [slug for slug in slugs if slug not in names]):
        log.warning(
            "%d of %d folders have no name in %r and are asked for in English, by their own: %s",
            len(unknown), len(slugs), settings.language, _some(unknown),
        )  # fmt: skip
    known = known_words(names.values()) | {canonical_words(words) for words in asked}
    absent = read_words(settings.absent) if settings.absent else []
    if settings.absent_speech:
        absent += sorted({file.slug.replace("_", " ") for file in find_speech(settings.absent_speech)} - set(absent))
    never = [words for words in absent if canonical_words(words) not in known]
    if len(never) < len(absent):
        log.warning("left out, absent names that are trained or have photos: %s", _some(set(absent) - set(never)))
    if absent and not never:
        raise DataError("every absent name is trained or has photos; give names that are neither")
    typed = [_typed(words, settings.perturb) for words in (*asked, *never)]
    if settings.perturb and (same := sum(a == b for a, b in zip(typed, (*asked, *never), strict=True))):
        log.warning("%d of %d names are the same with --perturb-text %s", same, len(typed), settings.perturb)
    embeddings, seconds = embed_words(embedder, typed)
    candidates = Labelled(embed_words(embedder, asked)[0], tuple(slugs))
    return candidates, _QuerySet(Labelled(embeddings[: len(slugs)], tuple(slugs)), embeddings[len(slugs) :]), seconds


def _ask_speech(
    embedder: Embedder, names: Mapping[str, ClassName], slugs: Sequence[str], settings: EvaluationSettings
) -> tuple[EmbeddedFiles, _QuerySet]:
    used: list[LabelledFile] = []
    if settings.speech:
        files = find_speech(settings.speech, settings.language)
        used += _those(files, lambda slug: slug in slugs or slug not in names, "known names that have no photos")
    if settings.absent_speech:
        files = find_speech(settings.absent_speech, settings.language)
        used += _those(files, lambda slug: slug not in slugs and slug not in names, "names trained or not absent")
    if not used:
        empty = np.empty((0, embedder.bundle.dimension), np.float32)
        return EmbeddedFiles(), _QuerySet(Labelled(empty, ()), empty)
    noise = NoiseMixer(settings.noise, settings.snr_db) if settings.noise and settings.snr_db is not None else None
    speech = embed_speech(embedder, used, noise)
    shown = np.array([file.slug in slugs for file in speech.files], bool)
    known = Labelled(speech.embeddings[shown], tuple(file.slug for file in speech.files if file.slug in slugs))
    return speech, _QuerySet(known, speech.embeddings[~shown])


def _those(files: Sequence[LabelledFile], wanted: Callable[[str], bool], others: str) -> list[LabelledFile]:
    """The files of wanted slugs; warns of the `others`. Raises DataError if none are wanted."""
    kept = [file for file in files if wanted(file.slug)]
    if left_out := {file.slug for file in files if not wanted(file.slug)}:
        log.warning("left out, speech of %s: %s", others, _some(left_out))
    if not kept:
        raise DataError(
            f"{files[0].path.parent}: speech only of {others}; its folders must be named as those of the photos"
        )
    return kept


def _of_chosen_classes(files: list[LabelledFile], settings: EvaluationSettings) -> list[LabelledFile]:
    """The files of the classes that are evaluated. Raises DataError if there are fewer than are asked for."""
    slugs = {file.slug for file in files}
    if settings.only_names:
        chosen = {name.slug for name in read_names(settings.only_names)}
        if without := sorted(chosen - slugs):
            log.warning("%d of %d chosen classes have no photos: %s", len(without), len(chosen), _some(without))
        slugs &= chosen
        if not slugs:
            raise DataError(f"{settings.images}: no photos of a name in {settings.only_names}")
    if settings.num_classes > len(slugs):
        raise DataError(f"{settings.images}: photos of {len(slugs)} classes, {settings.num_classes} were asked for")
    if settings.num_classes:
        drawn = seeded("classes", settings.seed).choice(sorted(slugs), settings.num_classes, replace=False)
        slugs = set(drawn.tolist())
    return [file for file in files if file.slug in slugs]


def _warn_of_lone_photos(gallery: Labelled) -> None:
    if lone := [slug for slug, count in Counter(gallery.slugs).items() if count == 1]:
        log.warning("image_to_image: a single photo, which counts as a miss, have: %s", _some(lone))


def _not_found(
    bundle: Bundle,
    gallery: Labelled,
    asked: Mapping[str, _QuerySet],
    names: Mapping[str, ClassName],
    settings: EvaluationSettings,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The rates of both kinds of absence for each kind of query, and the curves they lie on."""
    if not bundle.calibration:
        log.warning("%s has no calibration: far and frr are left empty; run `visual-byte calibrate`", bundle.id)
    same_thing = overlaps(names.values())
    rates: dict[str, Any] = {"known_absent": {}, "never_trained": {}}
    curves: dict[str, Any] = {"known_absent": {}, "never_trained": {}}
    for kind, queries in asked.items():
        present, without = present_and_absent(queries.known, gallery, same_thing)
        if len(without.scores) < len(present.scores):
            log.warning("known_absent, %s: without the class itself no photo is left for some names", kind)
        absences = {"known_absent": without, "never_trained": all_absent(queries.never_trained, gallery)}
        threshold = None
        if kind in bundle.calibration:
            calibration = ScoreCalibration.from_dict(bundle.calibration)

            def threshold(memories: int, kind: str = kind, calibration: ScoreCalibration = calibration) -> float:
                return calibration.threshold(kind, memories, settings.false_accept_rate)

        for absence, absent in absences.items():
            found = refusal_rates(present, absent, threshold)
            rates[absence][kind] = {k: round(v, 6) if isinstance(v, float) else v for k, v in found.items()}
            curves[absence][kind] = _curve(present, absent)
    return rates, curves


def _curve(present: BestScores, absent: BestScores) -> dict[str, list[float]]:
    if not len(present.scores) or not len(absent.scores):
        return {"threshold": [], "far": [], "frr": []}
    both = np.concatenate([present.scores, absent.scores])
    # From where nothing is refused to just above the best score, where everything is.
    thresholds = np.linspace(both.min(), both.max() + 1e-4, CURVE_POINTS)
    far, frr = false_rates_by_threshold(present.scores, absent.scores, thresholds)
    return {key: np.round(v, 4).tolist() for key, v in (("threshold", thresholds), ("far", far), ("frr", frr))}


def _embed_s(embedder: Embedder) -> list[float]:
    """One image at a time, as on the robot; what is in the picture makes no difference."""
    image = render_text("latency", embedder.size_of("text"), embedder.bundle.renderer.text)[None]
    seconds = []
    for _ in range(LATENCY_WARM_UP + LATENCY_RUNS):
        started = time.perf_counter()
        embedder.embed(image)
        seconds.append(time.perf_counter() - started)
    return seconds[LATENCY_WARM_UP:]


def _percentiles(seconds: Sequence[float]) -> dict[str, float | None]:
    if not seconds:
        return {"p50": None, "p95": None}
    p50, p95 = np.percentile(seconds, (50, 95)) * 1000
    return {"p50": round(float(p50), 3), "p95": round(float(p95), 3)}


def _typed(words: str, perturb: str | None) -> str:
    return perturb_text(words, perturb) if perturb else words


def _some(names: Iterable[str], max_names: int = 10) -> str:
    """Names for a message, the first few of many."""
    ordered = sorted(names)
    return ", ".join(ordered[:max_names]) + (
        f" and {len(ordered) - max_names} more" if len(ordered) > max_names else ""
    )
