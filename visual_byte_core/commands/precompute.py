# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Render the names and the speech of a data set into PNG caches (text_img_*, audio_img_*).

Without --text and --speech the caches are those that the training configuration uses. What is there stays, unless its
sound or name has changed since; an interrupted run resumes where it stopped. Speech method 1 and the text renderers
`semantic` and `smooth+sentence` want the training packages (pip install '.[train]' in Visual Byte's folder).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from visual_byte_core.commands.common import add_configuration, positive, print_json

HELP = "render speech and names into caches"
EXTRA = "robot"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from visual_byte_core.rendering.settings import SPEECH_METHODS, TEXT_RENDERERS

    add_configuration(parser)
    parser.add_argument(
        "--text", nargs="*", choices=TEXT_RENDERERS, metavar="RENDERER",
        help=f"renderers to cache names of: {', '.join(TEXT_RENDERERS)}; none after --text for no names",
    )  # fmt: skip
    parser.add_argument(
        "--speech", nargs="*", choices=SPEECH_METHODS, type=int, metavar="METHOD",
        help="methods to cache speech by: 1 (Whisper), 2 (log-mel); none after --speech for no speech",
    )  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="empty these caches first, whatever they hold")
    parser.add_argument("--workers", type=positive, default=0, metavar="N", help="processes (default: one a CPU)")
    parser.add_argument("--json", action="store_true", help="print the counts and what was left out as JSON")


def run(arguments: argparse.Namespace) -> int:
    from visual_byte_core.dataset.image_cache import precompute
    from visual_byte_core.names import read_names
    from visual_byte_core.training.config import load_config

    config = load_config(arguments.config, arguments.overrides)
    root, names = Path(config.data.root), read_names(config.data.names)
    report = precompute(
        root,
        names,
        config.renderer,
        texts=arguments.text,
        methods=arguments.speech,
        overwrite=arguments.overwrite,
        workers=arguments.workers,
    )
    if arguments.json:
        print_json({"images": report.images, "caches": report.written, "left_out": list(report.left_out)})
        return 0
    for cache, images in report.written.items():
        print(f"{root / cache}: rendered {images} images")
    for reason in report.left_out:
        print(f"left out: {reason}", file=sys.stderr)
    if report.left_out:
        print(f"{len(report.left_out)} sounds hold no name and were left out (listed above)", file=sys.stderr)
    return 0
