# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Write measured reports into a bundle and its model card, float32 and INT8 side by side.

A report of the same title is replaced. What a report did not measure is left out, and so are its details but for
regions of scenes.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from visual_byte_core.errors import DataError

HELP = "write reports into a bundle's model card"
EXTRA = "robot"
SECTIONS = ("bundle", "counts", "retrieval", "not_found", "latency_ms")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bundle", type=Path, required=True, metavar="DIR", help="folder with bundle.yaml")
    parser.add_argument("--title", required=True, help="what was measured on")
    parser.add_argument("--int8", type=Path, metavar="JSON", help="report of the INT8 bundle")
    parser.add_argument("--float32", type=Path, metavar="JSON", help="report of the same network in float32")
    parser.add_argument("--command", default="", help="how it was measured, for who wants to repeat it")


def run(arguments: argparse.Namespace) -> int:
    paths = {precision: getattr(arguments, precision) for precision in ("float32", "int8")}
    if not any(paths.values()):
        arguments.parser.error("give --int8 REPORT, --float32 REPORT, or both")
    from visual_byte_core.bundle.bundle import load_bundle, update_bundle

    entry = {"command": arguments.command} | {key: _read(path) for key, path in paths.items() if path}
    metrics = load_bundle(arguments.bundle).metrics
    update_bundle(arguments.bundle, metrics={**metrics, arguments.title: entry})
    print(f"written into {arguments.bundle}")
    return 0


def _read(path: Path) -> dict[str, Any]:
    try:
        report = json.loads(path.read_bytes())
        kept = {section: report[section] for section in SECTIONS}
        if report["details"].get("parts"):
            kept["parts"] = report["details"]["parts"]
        kept["retrieval"] = {pair: found for pair, found in kept["retrieval"].items() if found["n"]}
        kept["latency_ms"] = {step: times for step, times in kept["latency_ms"].items() if times["p50"] is not None}
        kept["not_found"] = {
            absence: measured
            for absence, kinds in kept["not_found"].items()
            if (measured := {kind: rates for kind, rates in kinds.items() if rates["n"]})
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: no report of `visual-byte evaluate` ({type(error).__name__} {error})") from error
    if any(rates["far"] is None for kinds in kept["not_found"].values() for rates in kinds.values()):
        raise DataError(f"{path}: measured without a calibration; run `visual-byte calibrate`, then evaluate again")
    return kept
