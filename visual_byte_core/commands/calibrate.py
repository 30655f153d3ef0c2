# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Set a bundle's thresholds of "not found", and store them in the bundle.

On data that neither training nor a report uses: IMAGES/<name>/*.{jpg,png}, SPEECH/<name>/**/*.{wav,flac,ogg} and the
same of words that name nothing in ABSENT_SPEECH/<word>/, which are typed too. Absent are these words, and the known
names before memories without their photos; both kinds weigh the same.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visual_byte_core.commands.common import add_bundle, add_split, print_json

if TYPE_CHECKING:
    from visual_byte_core.embedding.embedder import Embedder

HELP = "set a bundle's thresholds of not found"
EXTRA = "robot"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_bundle(parser, required=True)
    parser.add_argument("--absent", type=Path, metavar="FILE", help="typed words that name nothing known, one a line")
    add_split(parser, seed=1)
    parser.add_argument("--json", action="store_true", help="print the calibration instead of a table")


def run(arguments: argparse.Namespace) -> int:
    from visual_byte_core.bundle.bundle import update_bundle
    from visual_byte_core.embedding.embedder import Embedder

    calibration = _calibrate(Embedder(arguments.bundle, threads=arguments.threads), arguments)
    update_bundle(arguments.bundle, calibration=calibration)
    if arguments.json:
        print_json(calibration)
    else:
        _print_table(calibration)
        print(f"written into {arguments.bundle}")
    return 0


def _calibrate(embedder: Embedder, arguments: argparse.Namespace) -> dict[str, Any]:
    from tqdm import tqdm

    from visual_byte_core.dataset.spelling import read_words
    from visual_byte_core.evaluation.calibrate import calibrate
    from visual_byte_core.evaluation.calibrate_taught import NewNames, spoken_once, typed_again
    from visual_byte_core.evaluation.embedded_split import read_split
    from visual_byte_core.metrics.drawn_memories import MEMORIES_DRAWN

    words = read_words(arguments.absent) if arguments.absent else []
    split = read_split(embedder, arguments.images, arguments.speech, arguments.absent_speech, words, arguments.language)
    new_names: dict[str, NewNames] = {}
    if "text" in split.never:
        new_names["text"] = typed_again(embedder, split.never["text"])
    if "audio" in split.never:
        new_names["audio"] = spoken_once(split.never["audio"])
    with tqdm(total=MEMORIES_DRAWN * (len(split.queries) + 1), desc="memories", disable=None) as bar:
        return calibrate(
            split.photos,
            split.queries,
            split.never_embeddings,
            split.overlaps,
            new_names=new_names,
            seed=arguments.seed,
            progress=bar.update,
        )


def _print_table(calibration: dict[str, Any]) -> None:
    """False refusals that go with some false accepts, where the curve was taken."""
    for kind, values in calibration.items():
        curve = values["curve"]
        print(f"{kind}, {curve['memories']} memories:")
        for wanted in (0.02, 0.05, 0.1, 0.2):
            at = next((i for i, far in enumerate(curve["far"]) if far <= wanted), len(curve["far"]) - 1)
            far, frr, score = (curve[key][at] for key in ("far", "frr", "threshold"))
            print(f"  false accepts {far:.3f}  false refusals {frr:.3f}  score {score:.3f}")
