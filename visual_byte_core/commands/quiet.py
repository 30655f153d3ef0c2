# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Find sounds that are too quiet to learn from, and speak them again.

Lists the quiet and the unreadable sounds of a data set: peak and RMS in dB of full scale, duration, and how many images
in the caches were made of them. --repair speaks them again by their own voices; --regenerate does that and makes the
images of all changed sounds again. Recordings of people are only listed.

Exit code 0: no sound is quiet or unreadable (any more); 1: some are.

Repairing wants the engine of the voice: pip install '.[tts]' in Visual Byte's folder for espeak-ng.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visual_byte_core.commands.common import add_configuration, print_json

if TYPE_CHECKING:
    from visual_byte_core.dataset.loudness import Loudness

HELP = "find quiet sounds and speak them again"
EXTRA = "robot,tts"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_configuration(parser)
    parser.add_argument("--peak", type=decibels, default=-30.0, metavar="DB", help="quiet below this peak (-30 dBFS)")
    parser.add_argument("--rms", type=decibels, default=-50.0, metavar="DB", help="quiet below this RMS (-50 dBFS)")
    parser.add_argument("--repair", action="store_true", help="speak quiet and unreadable sounds again")
    parser.add_argument("--regenerate", action="store_true", help="repair, and make images of changed sounds again")
    parser.add_argument("--all", action="store_true", help="list every sound, not only the quiet ones")
    parser.add_argument("--json", action="store_true", help="print the list and what was done as JSON")


def run(arguments: argparse.Namespace) -> int:
    from visual_byte_core.dataset.loudness import Threshold, check_readable, measure, regenerate, repair, survey
    from visual_byte_core.names import read_names
    from visual_byte_core.training.config import load_config

    config = load_config(arguments.config, arguments.overrides)
    root, threshold = Path(config.data.root), Threshold(arguments.peak, arguments.rms)
    measured = survey(root)
    report: dict[str, Any] = {"root": str(root), "threshold": {"peak": threshold.peak, "rms": threshold.rms}}
    if arguments.repair or arguments.regenerate:
        wanted = [loudness.path for loudness in measured if loudness.problem or loudness.is_quiet(threshold)]
        done = repair(wanted, root, read_names(config.data.names))
        again = {loudness.path: loudness for loudness in measure(done.spoken, root)}
        measured = [again.get(loudness.path, loudness) for loudness in measured]
        report["spoken_again"] = [_relative(path, root) for path in done.spoken]
        report["not_spoken_again"] = [{"path": _relative(p, root), "reason": reason} for p, reason in done.refused]
    if arguments.regenerate:
        report["images_made_again"] = regenerate([loudness.path for loudness in measured], root, config.renderer)
    quiet = [loudness for loudness in measured if loudness.is_quiet(threshold)]
    broken = [loudness for loudness in measured if loudness.problem]
    report |= {"sounds": len(measured), "quiet": len(quiet), "unreadable": len(broken)}
    report["list"] = [_row(loudness, root) for loudness in (measured if arguments.all else [*quiet, *broken])]
    print_json(report) if arguments.json else _print(report)
    check_readable(measured)
    return 1 if quiet or broken else 0


def decibels(text: str) -> float:
    value = float(text)
    if not -120 <= value <= 0:
        raise argparse.ArgumentTypeError(f"expected decibels of full scale, -120 to 0, got {text}")
    return value


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _row(loudness: Loudness, root: Path) -> dict[str, Any]:
    levels = None if loudness.problem else (round(loudness.peak, 1), round(loudness.rms, 1), round(loudness.seconds, 2))
    peak, rms, seconds = levels or (None, None, None)
    row = {"path": _relative(loudness.path, root), "peak": peak, "rms": rms, "seconds": seconds}
    return {**row, "images": loudness.images, "problem": loudness.problem}


def _print(report: dict[str, Any]) -> None:
    if report["list"]:
        print(f"{'peak dBFS':>9} {'RMS dBFS':>9} {'seconds':>8} {'images':>6}  sound")
    for row in report["list"]:
        levels = f"{row['peak']:9.1f} {row['rms']:9.1f} {row['seconds']:8.2f}" if not row["problem"] else f"{'-':>28}"
        print(f"{levels} {row['images']:6d}  {row['path']}{': ' if row['problem'] else ''}{row['problem']}")
    for refused in report.get("not_spoken_again", []):
        print(f"not spoken again: {refused['path']}: {refused['reason']}", file=sys.stderr)
    if "spoken_again" in report:
        print(f"spoken again: {len(report['spoken_again'])}")
    if "images_made_again" in report:
        print(f"images made again: {report['images_made_again']}")
    counts = f"{report['quiet']} quiet, {report['unreadable']} unreadable"
    print(f"{report['root']}: {report['sounds']} sounds, {counts}")
