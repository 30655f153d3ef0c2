# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Render the speech and the names of a data set into PNG caches, as the training configuration renders them."""

from __future__ import annotations

import argparse
from pathlib import Path

from visual_byte_core.commands.common import add_configuration, print_json

HELP = "render speech and names into caches"
EXTRA = "robot"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_configuration(parser, default="config/train_starter.yaml")
    parser.add_argument("--overwrite", action="store_true", help="replace caches of other renderer settings")
    parser.add_argument("--json", action="store_true", help="print the count as JSON")


def run(arguments: argparse.Namespace) -> int:
    from visual_byte_core.dataset.cache import precompute
    from visual_byte_core.names import read_names
    from visual_byte_core.training.config import load_config

    config = load_config(arguments.config, arguments.overrides)
    root, names = Path(config.data.root), read_names(config.data.names)
    written = precompute(root, names, config.renderer, overwrite=arguments.overwrite)
    if arguments.json:
        print_json({"images": written})
    else:
        print(f"{root}: rendered {written} images")
    return 0
