# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""How honest "not found" is: a bundle's calibration on photos, voices and words that it was not calibrated on.

    python bench/refusal.py --bundle models/starter --data data/starter [--fit] > tables.md

Prints the tables of docs/refusal.md and draws docs/reliability_diagram.png and docs/refusal.png. DATA is a folder of
`visual-byte collect`; --fit calibrates on its calibration part first, as `visual-byte calibrate` does, and leaves the
bundle as it is.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import soxr
from numpy.typing import NDArray

matplotlib.use("Agg")
from matplotlib import pyplot

from visual_byte_core.capture.speech_likeness import DEFAULT_SPEECH_PROBABILITY, SpeechLikeness
from visual_byte_core.capture.utterance import UtteranceDetector, UtteranceSettings
from visual_byte_core.evaluation import folders
from visual_byte_core.evaluation.calibration import calibrate
from visual_byte_core.evaluation.drawn_memories import Samples, ask_drawn_memories
from visual_byte_core.evaluation.perturb import NoiseMixer, seeded
from visual_byte_core.evaluation.queries import embed_words, names_by_slug, spelled
from visual_byte_core.evaluation.rejection import Labelled, auroc
from visual_byte_core.names import overlaps
from visual_byte_core.rendering.speech import read_sound, render_speech
from visual_byte_core.runtime.calibration import Calibration
from visual_byte_core.runtime.embedder import Embedder

RATES = (0.05, 0.1, 0.3)
BINS = 10
KINDS = {"text": "typed", "audio": "spoken", "image": "photo"}
MANY = 10_000
MARGIN = 100  # photos of the class asked are left out of the distractors
SECONDS_OF_MUSIC = 2.0
PIECES = 60
CLIPS = 200
GIBBERISH = 200
RATE = 16_000


class Part:
    """The calibration or the validation part of a data set, embedded."""

    def __init__(self, embedder: Embedder, data: Path, photos: str, speech: str, absent: str) -> None:
        self.names = names_by_slug(embedder.bundle)
        self.photos = folders.embed_photos(embedder, folders.find_photos(data / photos)).labelled
        shown = set(self.photos.slugs)
        spoken = [file for file in folders.find_speech(data / speech) if file.slug in shown]
        strange = folders.find_speech(data / absent)
        slugs = sorted(shown & set(self.names))
        words = sorted({file.slug.replace("_", " ") for file in strange})
        self.queries = {
            "text": Labelled(embed_words(embedder, spelled(slugs, self.names, "en"))[0], tuple(slugs)),
            "audio": folders.embed_speech(embedder, spoken).labelled,
        }
        self.never = {
            "text": embed_words(embedder, words)[0],
            "audio": folders.embed_speech(embedder, strange).embeddings,
        }

    def samples(self, seed: int) -> dict[str, dict[int, Samples]]:
        return ask_drawn_memories(self.photos, self.queries, self.never, overlaps(self.names.values()), seed=seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--fit", action="store_true", help="calibrate first, and leave the bundle as it is")
    parser.add_argument("--pictures", type=Path, default=Path("docs"), metavar="DIR", help="default: docs")
    arguments = parser.parse_args()
    embedder = Embedder(arguments.bundle, threads=1)
    stored = embedder.bundle.calibration
    if arguments.fit:
        fitted = Part(embedder, arguments.data, "image_calibrate", "audio_calibrate", "distractors_calibrate")
        same = overlaps(fitted.names.values())
        stored = calibrate(fitted.photos, fitted.queries, fitted.never, same, seed=1)
    calibration = Calibration.from_dict(stored)
    part = Part(embedder, arguments.data, "image_eval", "audio_eval_tts", "distractors_eval")
    samples = part.samples(seed=2)
    print_rates(samples, calibration)
    print_many(embedder, arguments.data, part, calibration)
    print_sounds(embedder, arguments.data, part, calibration)
    print_gibberish(embedder, part, calibration)
    draw_reliability(samples, calibration, arguments.pictures / "reliability_diagram.png")
    draw_curves(samples, calibration, arguments.pictures / "refusal.png")


def print_rates(samples: dict[str, dict[int, Samples]], calibration: Calibration) -> None:
    header = ["asked", "memories", "AUROC known", "AUROC never"]
    header += [f"{what} at {rate:g}" for rate in RATES for what in ("known", "never", "refused")]
    rows = []
    for kind, sizes in samples.items():
        for size, sample in sizes.items():
            present, absent, never = (np.concatenate(s) for s in (sample.present, sample.absent, sample.never))
            row = [KINDS[kind], str(size), _number(auroc(present, absent))]
            row.append(_number(auroc(present, never)) if len(never) else "-")
            for rate in RATES:
                threshold = calibration.threshold(kind, size, rate)
                row += [_share(absent >= threshold), _share(never >= threshold), _share(present < threshold)]
            rows.append([*row, _number(calibration_error(sample, calibration, kind, size))])
    print_table([*header, "ECE"], rows)


def print_many(embedder: Embedder, data: Path, part: Part, calibration: Calibration) -> None:
    """10,000 memories: the photos of the validation part among training photos of other classes than that asked."""
    same = overlaps(part.names.values())
    files = folders.find_photos(data / "image")
    some = seeded("distractors").permutation(len(files))[: MANY - len(part.photos.slugs) + MARGIN]
    others = folders.embed_photos(embedder, [files[i] for i in some]).labelled
    rows = []
    for kind, labelled in part.queries.items():
        asked = seeded("many", kind).permutation(len(labelled.slugs))[:CLIPS]
        slugs = [labelled.slugs[i] for i in asked]
        best = []
        for gallery in (part.photos, others):
            scores = labelled.embeddings[asked] @ gallery.embeddings.T
            own = np.array([[slug in same.get(one, (one,)) for slug in gallery.slugs] for one in slugs])
            best.append((scores.max(axis=1), np.where(own, -1, scores).max(axis=1)))
        absent = np.maximum(best[0][1], best[1][1])
        present = np.maximum(best[0][0], best[1][1])
        never = np.maximum(*((part.never[kind] @ g.embeddings.T).max(axis=1) for g in (part.photos, others)))
        row = [KINDS[kind], str(MANY), _number(auroc(present, absent)), _number(auroc(present, never))]
        for rate in RATES:
            threshold = calibration.threshold(kind, MANY, rate)
            row += [_share(absent >= threshold), _share(never >= threshold), _share(present < threshold)]
        rows.append(row)
    header = ["asked", "memories", "AUROC known", "AUROC never"]
    print_table([*header, *(f"{what} at {rate:g}" for rate in RATES for what in ("known", "never", "refused"))], rows)


def reliability(
    sample: Samples, calibration: Calibration, kind: str, size: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """For ten equal bins of the probability of the best match: its mean, the share that is right, the weight."""
    scores, right, weights = sample.best_matches()
    probability = np.array([calibration.probability(kind, float(score), size) for score in scores])
    bins = np.minimum((probability * BINS).astype(int), BINS - 1)
    weight = np.bincount(bins, weights, BINS).astype(np.float64)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(bins, weights * probability, BINS) / weight
        return mean, np.bincount(bins, weights * right, BINS) / weight, weight


def calibration_error(sample: Samples, calibration: Calibration, kind: str, size: int) -> float:
    """Expected calibration error (Naeini et al., AAAI 2015) of the best match, half of the things being absent."""
    mean, right, weight = reliability(sample, calibration, kind, size)
    return float(np.nansum(weight * np.abs(mean - right)) / weight.sum())


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
        files = folders.find_speech(data / folder)
        files = [files[i] for i in seeded(folder).permutation(len(files))[:CLIPS]]
        found[folder] = [read_sound(file.path) for file in files]
        for decibels in (10, 5):
            mixer = NoiseMixer(data / "noise_eval", decibels)
            noisy = [mixer.mix(*read_sound(file.path), file.key) for file in files]
            rates = [read_sound(file.path)[1] for file in files]
            found[f"{folder}, noise at {decibels} dB"] = list(zip(noisy, rates, strict=True))
    return found


def print_sounds(embedder: Embedder, data: Path, part: Part, calibration: Calibration) -> None:
    """What the test for speech lets through, and what the threshold then still takes for found, 300 memories."""
    likeness = SpeechLikeness()
    shown = seeded("memory").permutation(len(part.photos.slugs))[:300]
    threshold = calibration.threshold("audio", 300, RATES[0])
    settings = embedder.bundle.renderer.speech
    rows = []
    for what, heard in sounds(data).items():
        speech = np.array([likeness.probability(s, rate) >= DEFAULT_SPEECH_PROBABILITY for s, rate in heard])
        images = np.stack([render_speech(s, rate, embedder.size, settings) for s, rate in heard])
        accepted = (embedder.embed(images) @ part.photos.embeddings[shown].T).max(axis=1) >= threshold
        rows.append([what, str(len(heard)), _share(speech), _share(accepted), _share(speech & accepted)])
    print_table(["sound", "n", "taken for speech", "over the threshold", "both"], rows)


def print_gibberish(embedder: Embedder, part: Part, calibration: Calibration) -> None:
    generator = seeded("gibberish")
    letters = list("bcdfghjklmnpqrstvwxz")
    words = ["xqzvk", *("".join(generator.choice(letters, int(generator.integers(4, 9)))) for _ in range(GIBBERISH))]
    embeddings = embed_words(embedder, words)[0]
    shown = seeded("memory").permutation(len(part.photos.slugs))
    rows = []
    for size in (10, 100, 1000):
        best = (embeddings @ part.photos.embeddings[shown[:size]].T).max(axis=1)
        found = [_share(best >= calibration.threshold("text", size, rate)) for rate in RATES]
        rows.append([str(size), str(len(words)), *found])
    print_table(["memories", "words without vowels", *(f"found at {rate:g}" for rate in RATES)], rows)


def draw_reliability(samples: dict[str, dict[int, Samples]], calibration: Calibration, out: Path) -> None:
    figure, axes = pyplot.subplots(1, len(samples), figsize=(4 * len(samples), 4.2), sharey=True)
    for axis, (kind, sizes) in zip(axes, samples.items(), strict=True):
        axis.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        for size, sample in sizes.items():
            mean, right, weight = reliability(sample, calibration, kind, size)
            enough = weight > 0.01  # a bin of a few matches says nothing
            error = calibration_error(sample, calibration, kind, size)
            axis.plot(mean[enough], right[enough], marker="o", markersize=3, label=f"{size} memories, ECE {error:.3f}")
        axis.set(title=KINDS[kind], xlabel="probability said", xlim=(0, 1), ylim=(0, 1))
        axis.legend(fontsize=7, loc="upper left")
    axes[0].set_ylabel("share that is right")
    figure.tight_layout()
    figure.savefig(out, dpi=110)


def draw_curves(samples: dict[str, dict[int, Samples]], calibration: Calibration, out: Path) -> None:
    """Above, false refusals against false accepts for each size; below, what is promised and kept by size."""
    figure, axes = pyplot.subplots(2, len(samples), figsize=(4 * len(samples), 7.5), squeeze=False)
    for column, (kind, sizes) in enumerate(samples.items()):
        above, below = axes[:, column]
        accepted: dict[float, list[float]] = {rate: [] for rate in RATES}
        for size, sample in sizes.items():
            present = np.sort(np.concatenate(sample.present))
            absent, weights = sample.absent_scores()
            order = np.argsort(-absent)
            far = np.cumsum(weights[order])
            frr = np.searchsorted(present, absent[order]) / len(present)
            above.plot(far, frr, linewidth=1, label=f"{size} memories")
            for rate in RATES:
                accepted[rate].append(float(weights[absent >= calibration.threshold(kind, size, rate)].sum()))
        above.set(title=KINDS[kind], xlabel="false accepts", ylabel="false refusals", xlim=(0, 0.5), ylim=(0, 1))
        above.legend(fontsize=7)
        for rate, shares in accepted.items():
            (line,) = below.plot(list(sizes), shares, marker="o", markersize=3, label=f"promised {rate:g}")
            below.axhline(rate, color=line.get_color(), linewidth=0.7, linestyle=":")
        below.set(xscale="log", xlabel="memories", ylabel="false accepts", ylim=(0, 0.5))
        below.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(out, dpi=110)


def print_table(header: list[str], rows: list[list[str]]) -> None:
    for row in (header, ["---"] * len(header), *rows):
        print("| " + " | ".join(row) + " |")
    print(flush=True)


def _share(flags: NDArray[np.bool_]) -> str:
    return _number(float(flags.mean())) if len(flags) else "-"


def _number(value: float) -> str:
    return f"{value:.3f}"


if __name__ == "__main__":
    main()
