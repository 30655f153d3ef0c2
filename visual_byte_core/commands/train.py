# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Train a network as a configuration says; the checkpoints `best` and `last` and the log lie in its folder `out`.

Wants PyTorch (pip install '.[train]' in Visual Byte's folder).
"""

from __future__ import annotations

import argparse
import sys
from contextlib import redirect_stdout

from visual_byte_core.commands.common import add_configuration, print_json
from visual_byte_core.commands.interruption import interrupt_on_sigterm

HELP = "train a network"
EXTRA = "train"


def add_arguments(parser: argparse.ArgumentParser, kind: str = "train", default: str = "starter") -> None:
    add_configuration(parser, kind, default)
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in `out`")
    parser.add_argument("--json", action="store_true", help="print the metrics of the last epoch as JSON")


def run(arguments: argparse.Namespace) -> int:
    from visual_byte_core.training.config import load_config

    config = load_config(arguments.config, arguments.overrides)  # before torch is loaded, which takes seconds
    if config.transfer.classifier:
        from visual_byte_core.training.transfer.loop import train_transfer as train
    else:
        from visual_byte_core.training.loop import train

    # A service manager's stop is a keyboard's, also while the training is still being set up.
    interrupt_on_sigterm()
    with redirect_stdout(sys.stderr):  # what it says of its epochs; standard output is for the answer
        metrics = train(config, resume=arguments.resume)
    if not metrics:
        return 0  # one of several processes: the first tells
    if arguments.json:
        print_json(metrics)
    else:
        kept = ("last",) if config.transfer.classifier else ("best", "last")
        print(f"checkpoints: {', '.join(f'{config.out}/{one}' for one in kept)}")
    return 0
