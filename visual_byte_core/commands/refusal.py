# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Measure a bundle's "not found" on data that it was not calibrated on, and write it into its model card.

Reads the same folders as `visual-byte calibrate`. Memories of 10 to 10,000 are drawn from the photos. Writes a table,
and refusal.png beside it.

Wants matplotlib (pip install '.[train]' in Visual Byte's folder).
"""

from __future__ import annotations

import argparse

from visual_byte_core.commands.common import add_bundle, add_split, print_json

HELP = "measure a bundle's not found, and what its probabilities are worth"
EXTRA = "train"
TITLE = "not found"
PICTURE = "refusal.png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_bundle(parser, required=True)
    add_split(parser, seed=2)
    parser.add_argument("--command", default="", help="how it was measured, for who wants to repeat it")
    parser.add_argument("--json", action="store_true", help="print the rows of the table")


def run(arguments: argparse.Namespace) -> int:
    from tqdm import tqdm

    from visual_byte_core.bundle.bundle import load_bundle, update_bundle
    from visual_byte_core.bundle.score_calibration import ScoreCalibration
    from visual_byte_core.embedding.embedder import Embedder
    from visual_byte_core.errors import BundleError
    from visual_byte_core.evaluation.calibration_check import RATES, refusal_rows
    from visual_byte_core.evaluation.embedded_split import read_split
    from visual_byte_core.evaluation.figures.refusal import refusal_picture
    from visual_byte_core.files import write_atomically
    from visual_byte_core.metrics.drawn_memories import MEMORIES_DRAWN, ask_drawn_memories

    bundle = load_bundle(arguments.bundle)
    if not bundle.calibration:
        raise BundleError(f"bundle {arguments.bundle}: not calibrated; run `visual-byte calibrate` first")
    calibration = ScoreCalibration.from_dict(bundle.calibration)
    embedder = Embedder(bundle, threads=arguments.threads)
    split = read_split(
        embedder, arguments.images, arguments.speech, arguments.absent_speech, languages=arguments.language
    )
    with tqdm(total=MEMORIES_DRAWN * (len(split.queries) + 1), desc="memories", disable=None) as bar:
        samples = ask_drawn_memories(
            split.photos, split.queries, split.never_embeddings, split.overlaps, seed=arguments.seed,
            progress=bar.update,
        )  # fmt: skip
    rows = refusal_rows(samples, calibration)
    entry = {"command": arguments.command, "rates": list(RATES), "refusal": rows, "picture": PICTURE}
    write_atomically(arguments.bundle / PICTURE, refusal_picture(samples, calibration))
    update_bundle(arguments.bundle, metrics={**bundle.metrics, TITLE: entry})
    if arguments.json:
        print_json(rows)
        return 0
    for row in rows:
        print(f"{row['asked']}, {row['memories']} memories: calibration error {row['calibration_error']:.3f}")
    print(f"written into {arguments.bundle}")
    return 0
