# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Build a data set: photos from folders, CIFAR-100 and image search, names spoken by voices, recordings of people.

What is there already stays, so an interrupted run goes on. --list shows what there is of each class and collects
nothing.

Speaking with espeak-ng wants pip install '.[tts]' in Visual Byte's folder, image search '.[web]' (docs/data.md).
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import asdict, astuple
from pathlib import Path
from typing import TYPE_CHECKING

from visual_byte_core.commands.common import add_configuration, print_json

if TYPE_CHECKING:
    from visual_byte_core.dataset.collection import Collected
    from visual_byte_core.dataset.inventory import ClassCounts

HELP = "build a data set of photos and speech"
EXTRA = "tts,web"
SHOWN = 20  # of a long list of files or classes
HEADER = ("class", "photos", "calibrate", "evaluate", "English", "Korean", "calibrate", "TTS eval", "human eval")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_configuration(parser, "collect")
    parser.add_argument("--overwrite", action="store_true", help="make files again that are there already")
    parser.add_argument(
        "--list", action="store_true", help="count what the data set has of each class, collect nothing"
    )
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")


def run(arguments: argparse.Namespace) -> int:
    from visual_byte_core.dataset.collect_config import load_collect_config
    from visual_byte_core.dataset.collection import collect
    from visual_byte_core.dataset.inventory import inventory
    from visual_byte_core.names import read_names

    config = load_collect_config(arguments.config, arguments.overrides)
    if arguments.list:
        counts = inventory(Path(config.out), read_names(config.names))
        if arguments.json:
            print_json([asdict(each) for each in counts])
        else:
            _print_table(counts)
        return 0
    collected = collect(config, overwrite=arguments.overwrite)
    if arguments.json:
        print_json(asdict(collected))
    else:
        _print_summary(config.out, collected)
    return 0


def _print_summary(out: str, collected: Collected) -> None:
    from visual_byte_core.dataset.filing import Filed

    counts = f"{collected.photos} photos, {collected.spoken} spoken, {collected.recordings.new} recordings"
    print(f"{out}: wrote {counts}, {collected.noises.new} noises")
    for source in collected.sources:
        filed = Filed(source.photos, source.written, source.there, Counter(source.left_out))
        unknown = f"; {source.unknown} folders of no known name" if source.unknown else ""
        print(f"  {source.source}: photos of {source.classes} classes: {filed}{unknown}")
        if source.searched:
            print(f"    searched: {', '.join(f'{count} {what}' for what, count in source.searched.items())}")
    for what, filed in (("recordings", collected.recordings), ("noises", collected.noises)):
        if filed.read:
            print(f"  {what}: {filed}")
    _print_some("files could not be read and are left out:", collected.unreadable)
    for language, count in collected.without_spelling.items():
        if count:
            print(f"{count} names have no spelling in the language {language} and are not spoken in it")
    _print_some("names are reserved for measuring; no voice says them for training:", collected.reserved)
    _print_some("clips were taken out, as Whisper cannot place them:", collected.unplaced)
    _print_some(
        "classes have no photo to learn from; add photos, or take them out of the names:", collected.without_photos
    )


def _print_some(what: str, items: tuple[str, ...]) -> None:
    if items:
        print(f"{len(items)} {what}")
        print("\n".join(f"  {item}" for item in items[:SHOWN]))
    if len(items) > SHOWN:
        print(f"  and {len(items) - SHOWN} more; --json lists them all")


def _print_table(counts: list[ClassCounts]) -> None:
    totals = [sum(column) for column in zip(*(astuple(each)[1:] for each in counts), strict=True)]
    rows = [HEADER, *(astuple(each) for each in counts), (f"{len(counts)} classes", *totals)]
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(HEADER))]
    for name, *values in rows:
        numbers = "  ".join(f"{value:>{width}}" for value, width in zip(values, widths[1:], strict=True))
        print(f"{name:<{widths[0]}}  {numbers}")
