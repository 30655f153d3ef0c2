# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The table at the head of a model card: what a bundle finds, by whom and by what it was never taught.

python studies/card_rows.py --data data/starter --bundle models/starter --float32 DIR --iconic DIR

DATA is a data set of `visual-byte collect`; only its evaluation splits are read. --float32 names the same network
before quantization (visual-byte export --target onnx-fp32), --iconic a folder of packshots <slug>.jpg; rows that lack
what they need are left out, and said to be. Prints Markdown; --write puts the table into the bundle and its card.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from visual_byte_core.bundle.bundle import load_bundle, update_bundle
from visual_byte_core.bundle.model_card import glance_table
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.errors import VisualByteError
from visual_byte_core.evaluation.report import EvaluationSettings, evaluate

TITLE = "at a glance"
SNR_DB = 10.0
SCENES = 200
MANY = 500  # queries, from which on the cost of INT8 is more than luck
Report = dict[str, Any]
Pick = Callable[[Report], "tuple[float | None, int]"]


@dataclass(frozen=True)
class Row:
    """One row.

    measured, on: its words; options: of `visual-byte evaluate`; pick: the number, None if there is none, and how many
    queries it is of; undisturbed: options of which the number is taken, so that the row tells the loss.
    """

    measured: str
    on: str
    options: dict[str, str]
    pick: Pick
    undisturbed: dict[str, str] | None = None


@dataclass
class Measurer:
    """Reports of one bundle; options that were asked before are not measured again."""

    embedder: Embedder
    data: Path
    reports: dict[str, Report] = field(default_factory=dict)

    def report(self, options: dict[str, str]) -> Report:
        key = json.dumps(options, sort_keys=True)
        if key not in self.reports:
            self.reports[key] = evaluate(self.embedder, _settings(options, self.data))
        return self.reports[key]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--bundle", type=Path, required=True, metavar="DIR")
    parser.add_argument("--float32", type=Path, metavar="DIR", help="the same network as a float32 bundle")
    parser.add_argument("--iconic", type=Path, metavar="DIR", help="packshots <slug>.jpg, of no camera that trained")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="put the table into the bundle and its card")
    arguments = parser.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    bundles = {"int8": arguments.bundle} | ({"float32": arguments.float32} if arguments.float32 else {})
    with _packshots(arguments.iconic) as iconic:
        measurers = {
            precision: Measurer(Embedder(path, threads=arguments.threads), arguments.data)
            for precision, path in bundles.items()
        }
        rows = [measured for row in ROWS if (measured := _measured(row, measurers, iconic))]
    if arguments.float32:
        rows.append(_cost_of_int8(rows))
    entry = {"rows": rows, "command": "python studies/card_rows.py --data data/starter --bundle THIS_FOLDER"}
    print(glance_table(entry))
    if arguments.write:
        metrics = load_bundle(arguments.bundle).metrics
        others = {title: old for title, old in metrics.items() if title != TITLE}
        update_bundle(arguments.bundle, metrics={TITLE: entry, **others})


def _measured(row: Row, measurers: dict[str, Measurer], iconic: Path | None) -> dict[str, Any] | None:
    """The row as the card holds it; None if the data or the bundle lack what it needs."""
    if row.options.get("images") == ICONIC and iconic is None:
        return None
    options = row.options | ({"images": str(iconic)} if row.options.get("images") == ICONIC else {})
    result: dict[str, Any] = {"measured": row.measured, "on": row.on}
    for precision, measurer in measurers.items():
        try:
            value, queries = row.pick(measurer.report(options))
            if row.undisturbed is not None and value is not None:
                value = (row.pick(measurer.report(row.undisturbed))[0] or 0.0) - value
        except VisualByteError as error:
            print(f"left out, {row.measured}: {error}", file=sys.stderr)
            return None
        result |= {precision: None if value is None else round(value, 4), "queries": queries}
    return result | {"options": " ".join(f"--{key} {value}" for key, value in row.options.items())}


def _cost_of_int8(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The largest loss of a row that has many queries."""
    many = [row for row in rows if row["queries"] >= MANY]
    worst = min(many, key=lambda row: row["int8"] - row["float32"])
    return {
        "measured": "INT8 against float32, largest loss",
        "on": f"rows of {MANY} queries or more; it is that of “{worst['measured']}”",
        "int8": round(worst["int8"] - worst["float32"], 4),
        "queries": worst["queries"],
        "options": "",
    }


def _settings(options: dict[str, str], data: Path) -> EvaluationSettings:
    folders = {key: data / options[key] for key in ("speech", "noise", "absent-speech") if key in options}
    return EvaluationSettings(
        images=data / options.get("images", "image_eval"),
        speech=folders.get("speech"),
        noise=folders.get("noise"),
        absent_speech=folders.get("absent-speech"),
        snr_db=float(options["snr"]) if "snr" in options else None,
        photos=options.get("photos", "*"),
        language=options.get("language", "en"),
        perturb=options.get("perturb-text"),
        scenes=int(options.get("scenes", 0)),
    )


@contextmanager
def _packshots(folder: Path | None) -> Iterator[Path | None]:
    """The packshots as a folder a class."""
    if folder is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as temporary:
        for path in sorted(folder.resolve().glob("*.jpg")):
            place = Path(temporary) / path.stem
            place.mkdir()
            os.symlink(path, place / path.name)
        yield Path(temporary)


def _recall(pair: str) -> Pick:
    return lambda report: (report["retrieval"][pair]["r1"], report["retrieval"][pair]["n"])


def _refused(absence: str, kind: str) -> Pick:
    def pick(report: Report) -> tuple[float | None, int]:
        rates = report["not_found"][absence][kind]
        return (None if rates["far_at_frr_05"] is None else 1 - rates["far_at_frr_05"]), rates["n"]

    return pick


def _parts(grid: str) -> Pick:
    return lambda report: (report["details"]["parts"][grid]["hit_rate"], report["details"]["parts"][grid]["n"])


ICONIC = "ICONIC"
CIFAR = "CIFAR-100, 100 names, tiles 450-499 of each"
EVERYTHING = "CIFAR-100 and groceries together"
GROCERY = "groceries, validation photos, 60 of the 81 names"
PLAIN = {"photos": "cifar_*", "speech": "audio_eval_tts"}
HUMAN = {"speech": "audio_eval_human"}
NOISE = {"noise": "noise_eval", "snr": f"{SNR_DB:g}"}
KOREAN = {"photos": "cifar_*", "speech": "audio_eval_tts", "language": "ko"}
ABSENT = {"speech": "audio_eval_tts", "absent-speech": "distractors_eval"}
COMPOSED = {"scenes": str(SCENES)}
PEOPLE = f"{EVERYTHING}; recordings of people kept apart"
ROWS = (
    Row("typed name → photo", CIFAR, PLAIN, _recall("text_to_image")),
    Row("photo → name", CIFAR, PLAIN, _recall("image_to_text")),
    Row("synthetic voice never heard → photo", f"{CIFAR}; 6 voices", PLAIN, _recall("audio_to_image")),
    Row("person → photo", PEOPLE, HUMAN, _recall("audio_to_image")),
    Row("person → photo, noise at 10 dB", f"{PEOPLE}; noises kept apart", HUMAN | NOISE, _recall("audio_to_image")),
    Row("typed Korean name → photo", CIFAR, KOREAN, _recall("text_to_image")),
    Row("Korean synthetic voice never heard → photo", f"{CIFAR}; 6 voices", KOREAN, _recall("audio_to_image")),
    Row("packshot → name", "studio pictures of the 81 groceries", {"images": ICONIC}, _recall("image_to_text")),
    Row("part: peak of the map in the right cell, 2 x 2", f"{EVERYTHING}, {SCENES} scenes", COMPOSED, _parts("2x2")),
    Row("part: peak of the map in the right cell, 3 x 3", f"{EVERYTHING}, {SCENES} scenes", COMPOSED, _parts("3x3")),
    Row("typed name → photo", GROCERY, {"photos": "*.jpg"}, _recall("text_to_image")),
    Row("photo → name", GROCERY, {"photos": "*.jpg"}, _recall("image_to_text")),
    Row("loss of typed name → photo by a typing slip", CIFAR, PLAIN | {"perturb-text": "typo"},
        _recall("text_to_image"), PLAIN),
    Row("loss of typed name → photo by the plural", CIFAR, PLAIN | {"perturb-text": "plural"},
        _recall("text_to_image"), PLAIN),
    Row("loss of typed name → photo by other capitals", CIFAR, PLAIN | {"perturb-text": "case"},
        _recall("text_to_image"), PLAIN),
    Row("absent refused at 5 % false refusals, typed", f"{EVERYTHING}; known names without their photos", ABSENT,
        _refused("known_absent", "text")),
    Row("absent refused at 5 % false refusals, spoken", f"{EVERYTHING}; known names without their photos", ABSENT,
        _refused("known_absent", "audio")),
    Row("absent refused at 5 % false refusals, typed", f"{EVERYTHING}; words never trained", ABSENT,
        _refused("never_trained", "text")),
    Row("absent refused at 5 % false refusals, spoken", f"{EVERYTHING}; words never trained", ABSENT,
        _refused("never_trained", "audio")),
)  # fmt: skip


if __name__ == "__main__":
    main()
