# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Build a data set: photos from folders and CIFAR-100, names spoken by espeak-ng, recordings of people.

What is there already stays, so an interrupted run goes on.

Speaking wants espeak-ng (pip install '.[tts]' in Visual Byte's folder).
"""

from __future__ import annotations

import argparse
from dataclasses import asdict

from visual_byte_core.commands.common import add_configuration, print_json

HELP = "build a data set of photos and speech"
EXTRA = "tts"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_configuration(parser, default="config/collect_starter.yaml")
    parser.add_argument("--overwrite", action="store_true", help="make files again that are there already")
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")


def run(arguments: argparse.Namespace) -> int:
    from visual_byte_core.dataset.collect_config import load_collect_config
    from visual_byte_core.dataset.sources import collect

    config = load_collect_config(arguments.config, arguments.overrides)
    collected = collect(config, overwrite=arguments.overwrite)
    if arguments.json:
        print_json(asdict(collected))
    else:
        counts = f"{collected.photos} photos, {collected.spoken} spoken, {collected.recordings} recordings"
        print(f"{config.out}: wrote {counts}")
        if collected.without_photos:
            print(f"{len(collected.without_photos)} names without photos: {', '.join(collected.without_photos)}")
        if collected.unreadable:
            print(f"{len(collected.unreadable)} photos left out:", *collected.unreadable, sep="\n  ")
    return 0
