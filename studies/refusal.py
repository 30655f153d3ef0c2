# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""How honest "not found" is: a bundle's calibration on photos, voices and words that it was not calibrated on.

    python studies/refusal.py --bundle models/starter --data data/starter > tables.md

Prints the tables of docs/refusal.md and draws docs/refusal.png. DATA is a folder of
`visual-byte collect`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from visual_byte_core.bundle.score_calibration import ScoreCalibration
from visual_byte_core.capture.speech_likeness import DEFAULT_SPEECH_PROBABILITY, SpeechLikeness
from visual_byte_core.capture.utterance_detector import UtteranceDetector, UtteranceSettings
from visual_byte_core.dataset.perturbation import NoiseMixer
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.evaluation import embedded_data
from visual_byte_core.evaluation.calibration_check import RATES, calibration_error, refusal_rows
from visual_byte_core.evaluation.embedded_data import embed_words
from visual_byte_core.evaluation.embedded_split import EmbeddedSplit, read_split
from visual_byte_core.evaluation.figures.refusal import refusal_picture
from visual_byte_core.metrics.drawn_memories import Samples, ask_drawn_memories
from visual_byte_core.metrics.probability_fit import fit_probability
from visual_byte_core.metrics.rejection import auroc
from visual_byte_core.rendering.speech import read_sound, render_speech
from visual_byte_core.seeding import seeded

KINDS = {"text": "typed", "audio": "spoken", "image": "photo"}
MANY = 10_000
MARGIN = 100  # photos of the class asked are left out of the distractors
SECONDS_OF_MUSIC = 2.0
PIECES = 60
CLIPS = 200
GIBBERISH = 200
RATE = 16_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--picture", type=Path, default=Path("docs/refusal.png"), help="default: docs/refusal.png")
    arguments = parser.parse_args()
    embedder = Embedder(arguments.bundle, threads=1)
    calibration = ScoreCalibration.from_dict(embedder.bundle.calibration)
    data = arguments.data
    split = read_split(embedder, data / "image_eval", data / "audio_eval_tts", data / "distractors_eval")
    samples = ask_drawn_memories(split.photos, split.queries, split.never_embeddings, split.overlaps, seed=2)
    print_rates(refusal_rows(samples, calibration), samples)
    print_many(embedder, arguments.data, split, calibration)
    print_sounds(embedder, arguments.data, split, calibration)
    print_gibberish(embedder, split, calibration)
    arguments.picture.write_bytes(refusal_picture(samples, calibration))


def print_rates(rows: list[dict[str, Any]], samples: dict[str, dict[int, Samples]]) -> None:
    table = []
    for row in rows:
        cells = [
            KINDS[row["asked"]],
            str(row["memories"]),
            *(_or_dash(row["auroc"][what]) for what in ("known", "never")),
        ]
        cells += [_or_dash(row[what][i]) for i in range(len(RATES)) for what in ("known", "never", "refused")]
        best = error_at_best(samples[row["asked"]][row["memories"]], row["asked"], row["memories"])
        table.append([*cells, _number(row["calibration_error"]), _number(best)])
    header = ["asked", "memories", "AUROC known", "AUROC never"]
    header += [f"{what} at {rate:g}" for rate in RATES for what in ("known", "never", "refused")]
    print_table([*header, "ECE", "at best"], table)


def error_at_best(sample: Samples, kind: str, size: int) -> float:
    """The calibration error of a probability of the same form that was fitted on what it is measured on."""
    intercept, score, ceiling = fit_probability(*sample.best_matches())
    probability = {"intercept": [intercept], "score": [score], "ceiling": [ceiling]}
    fitted = {"memories": [size], "false_accept_rates": [0.05], "thresholds": [[0.0]], "probability": probability}
    return calibration_error(sample, ScoreCalibration.from_dict({kind: fitted}), kind, size)


def print_many(embedder: Embedder, data: Path, split: EmbeddedSplit, calibration: ScoreCalibration) -> None:
    """10,000 memories: the photos of the validation split among training photos of other classes than that asked."""
    same = split.overlaps
    files = embedded_data.find_photos(data / "image")
    some = seeded("distractors").permutation(len(files))[: MANY - len(split.photos.slugs) + MARGIN]
    others = embedded_data.embed_photos(embedder, [files[i] for i in some]).labelled
    rows = []
    for kind, labelled in split.queries.items():
        asked = seeded("many", kind).permutation(len(labelled.slugs))[:CLIPS]
        slugs = [labelled.slugs[i] for i in asked]
        best = []
        for gallery in (split.photos, others):
            scores = labelled.embeddings[asked] @ gallery.embeddings.T
            own = np.array([[slug in same.get(one, (one,)) for slug in gallery.slugs] for one in slugs])
            best.append((scores.max(axis=1), np.where(own, -1, scores).max(axis=1)))
        absent = np.maximum(best[0][1], best[1][1])
        present = np.maximum(best[0][0], best[1][1])
        never = np.maximum(
            *((split.never[kind].embeddings @ g.embeddings.T).max(axis=1) for g in (split.photos, others))
        )
        row = [KINDS[kind], str(MANY), _number(auroc(present, absent)), _number(auroc(present, never))]
        for rate in RATES:
            threshold = calibration.threshold(kind, MANY, rate)
            row += [_share(absent >= threshold), _share(never >= threshold), _share(present < threshold)]
        rows.append(row)
    header = ["asked", "memories", "AUROC known", "AUROC never"]
    print_table([*header, *(f"{what} at {rate:g}" for rate in RATES for what in ("known", "never", "refused"))], rows)


def music(number: int) -> NDArray[np.float64]:
    """Chords of plucked harmonics, 16 kHz."""
    generator = seeded("music", number)
    time = np.arange(round(SECONDS_OF_MUSIC * RATE)) / RATE
    sound = np.zeros(len(time))
    for beat in np.arange(0, SECONDS_OF_MUSIC, float(generator.choice([0.15, 0.25, 0.4]))):
        after = time[time >= beat] - beat
        for _ in range(int(generator.integers(1, 4))):
            pitch = 110 * 2 ** (int(generator.integers(0, 36)) / 12)
            harmonics = sum(np.sin(2 * np.pi * pitch * n * after) * generator.uniform(0.2, 1) / n for n in range(1, 7))
            sound[time >= beat] += harmonics * np.exp(-after / generator.uniform(0.1, 0.6))
    return 0.3 * sound / np.abs(sound).max()


def utterances(samples: NDArray[np.floating], rate: int) -> list[NDArray[np.float32]]:
    """What the microphone would take for utterances by their energy; Silero VAD is a column of its own."""
    detector = UtteranceDetector(UtteranceSettings(voice_activity="energy"), after_silence=True)
    found = detector.push(soxr.resample(samples, rate, RATE).astype(np.float32))
    last = detector.finish()
    return [utterance.samples for utterance in [*found, *([last] if last else [])]]


def sounds(data: Path) -> dict[str, list[tuple[NDArray[Any], int]]]:
    """Sounds by what they are: those of the noise folders, generated music, and spoken names, also in noise."""
    found: dict[str, list[tuple[NDArray[Any], int]]] = {"music": [(music(n), RATE) for n in range(PIECES)]}
    for path in sorted(path for folder in data.glob("noise*") for path in folder.glob("*.flac")):
        parts = path.stem.split("_")
        what = " ".join(parts[1:3]).rstrip(" 0123456789") if parts[0].isdigit() else " ".join(parts)
        samples, rate = read_sound(path)
        found.setdefault(what.lower(), []).extend((one, RATE) for one in utterances(samples, rate))
    for folder in ("audio_eval_tts", "audio_eval_human"):
        files = embedded_data.find_speech(data / folder)
        files = [files[i] for i in seeded(folder).permutation(len(files))[:CLIPS]]
        found[folder] = [read_sound(file.path) for file in files]
        for decibels in (10, 5):
            mixer = NoiseMixer(data / "noise_eval", decibels)
            noisy = [mixer.mix(*read_sound(file.path), file.key) for file in files]
            rates = [read_sound(file.path)[1] for file in files]
            found[f"{folder}, noise at {decibels} dB"] = list(zip(noisy, rates, strict=True))
    return found


def print_sounds(embedder: Embedder, data: Path, split: EmbeddedSplit, calibration: ScoreCalibration) -> None:
    """What the test for speech lets through, and what the threshold then still takes for found, 300 memories."""
    likeness = SpeechLikeness()
    shown = seeded("memory").permutation(len(split.photos.slugs))[:300]
    threshold = calibration.threshold("audio", 300, RATES[0])
    settings = embedder.bundle.renderer.speech
    rows = []
    for what, heard in sounds(data).items():
        speech = np.array([likeness.probability(s, rate) >= DEFAULT_SPEECH_PROBABILITY for s, rate in heard])
        images = np.stack([render_speech(s, rate, embedder.size_of("audio"), settings) for s, rate in heard])
        accepted = (embedder.embed(images) @ split.photos.embeddings[shown].T).max(axis=1) >= threshold
        rows.append([what, str(len(heard)), _share(speech), _share(accepted), _share(speech & accepted)])
    print_table(["sound", "n", "taken for speech", "over the threshold", "both"], rows)


def print_gibberish(embedder: Embedder, split: EmbeddedSplit, calibration: ScoreCalibration) -> None:
    generator = seeded("gibberish")
    letters = list("bcdfghjklmnpqrstvwxz")
    words = ["xqzvk", *("".join(generator.choice(letters, int(generator.integers(4, 9)))) for _ in range(GIBBERISH))]
    embeddings = embed_words(embedder, words)[0]
    shown = seeded("memory").permutation(len(split.photos.slugs))
    rows = []
    for size in (10, 100, 1000):
        best = (embeddings @ split.photos.embeddings[shown[:size]].T).max(axis=1)
        found = [_share(best >= calibration.threshold("text", size, rate)) for rate in RATES]
        rows.append([str(size), str(len(words)), *found])
    print_table(["memories", "words without vowels", *(f"found at {rate:g}" for rate in RATES)], rows)


def print_table(header: list[str], rows: list[list[str]]) -> None:
    for row in (header, ["---"] * len(header), *rows):
        print("| " + " | ".join(row) + " |")
    print(flush=True)


def _share(flags: NDArray[np.bool_]) -> str:
    return _number(float(flags.mean())) if len(flags) else "-"


def _or_dash(value: float | None) -> str:
    return "-" if value is None else _number(value)


def _number(value: float) -> str:
    return f"{value:.3f}"


if __name__ == "__main__":
    main()
