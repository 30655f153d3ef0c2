# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Train a small network to embed as a large one does: a training run with the terms of `distill` beside its losses.

The teacher is a checkpoint that `train` wrote, or a bundle; both must render alike and embed in as many dimensions.

Wants PyTorch (pip install '.[train]' in Visual Byte's folder).
"""

from __future__ import annotations

import argparse

from visual_byte_core.commands import train
from visual_byte_core.errors import ConfigurationError

HELP = "train a small network from a large one"
EXTRA = "train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--teacher", metavar="DIR", help="checkpoint or bundle to learn from; sets distill.teacher")
    train.add_arguments(parser, "distill", "small")


def run(arguments: argparse.Namespace) -> int:
    from visual_byte_core.training.config import load_config

    if arguments.teacher:
        arguments.overrides.append(f"distill.teacher={arguments.teacher}")
    if not load_config(arguments.config, arguments.overrides).distill.teacher:
        raise ConfigurationError("no teacher: give --teacher DIR, a checkpoint or a bundle, or set distill.teacher")
    return train.run(arguments)
