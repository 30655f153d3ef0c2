# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Draw the figures of a report: recall of all pairs, and false accepts against false refusals.

Wants matplotlib (pip install '.[train]' in Visual Byte's folder).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from visual_byte_core.commands.common import print_json
from visual_byte_core.errors import DataError

HELP = "draw the figures of a report"
EXTRA = "train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--report", type=Path, required=True, metavar="JSON", help="what `visual-byte evaluate` wrote")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for recall.png and not_found.png"
    )
    parser.add_argument("--json", action="store_true", help="print the paths as a JSON list")


def run(arguments: argparse.Namespace) -> int:
    from visual_byte_core.evaluation.figures import write_figures

    try:
        report = json.loads(arguments.report.read_bytes())
    except ValueError as error:
        raise DataError(
            f"{arguments.report}: no JSON ({error}); expected a report of `visual-byte evaluate`"
        ) from error
    try:
        written = [str(path) for path in write_figures(report, arguments.out)]
    except DataError as error:
        raise DataError(f"{arguments.report}: {error}") from error
    if arguments.json:
        print_json(written)
    else:
        print("\n".join(written))
    return 0
