# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Measure a bundle on photos in IMAGES/<name>/*.{jpg,png} and speech in SPEECH/<name>/**/*.{wav,flac,ogg}.

The report holds R@1 and R@5 of all pairs of kinds, how well absent things are refused, and latencies; what was set,
which files could not be read, a row for each class and the most frequent confusions stand under "details". A folder of
speech without photos whose name the bundle does not know is asked as a never-trained name.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from visual_byte_core.bundle.false_accept_rate import DEFAULT_FALSE_ACCEPT_RATE
from visual_byte_core.commands.common import add_bundle, positive, print_json, rate, write_file, write_json

HELP = "measure a bundle and write the report"
EXTRA = "robot"
CONFUSIONS_SHOWN = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_bundle(parser, required=True)
    parser.add_argument("--images", type=Path, required=True, metavar="DIR", help="photos, one folder a class")
    parser.add_argument("--speech", type=Path, metavar="DIR", help="spoken names, one folder a class")
    parser.add_argument(
        "--names", type=Path, metavar="CSV", help="spellings (header en,ko) that come before the bundle's"
    )
    parser.add_argument(
        "--language", choices=("en", "ko"),
        help="language of the names asked (default: en); if given, speech in folders of the other one is left out",
    )  # fmt: skip
    parser.add_argument("--noise", type=Path, metavar="DIR", help="recordings to mix into the speech; wants --snr")
    parser.add_argument("--snr", type=float, metavar="DB", help="signal-to-noise ratio of that mix")
    parser.add_argument("--perturb-text", choices=("typo", "plural", "case"), help="disturb the typed names")
    parser.add_argument("--absent", type=Path, metavar="FILE", help="names that were never trained, one a line")
    parser.add_argument(
        "--absent-speech", type=Path, metavar="DIR", help="spoken names that were never trained; typed too"
    )
    parser.add_argument(
        "--false-accept-rate", type=rate, default=DEFAULT_FALSE_ACCEPT_RATE, metavar="RATE",
        help="operating point: share of absent things that the thresholds were set to accept (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--scenes", type=positive, default=0, metavar="N",
        help="also compose N scenes of 2 x 2 and N of 3 x 3 photos, and look for each name's place in them",
    )  # fmt: skip
    parser.add_argument(
        "--photos", default="*", metavar="PATTERN", help="take only photos whose file names fit, such as 'cifar_*'"
    )
    parser.add_argument("--only-names", type=Path, metavar="CSV", help="take only these classes (header en,ko)")
    parser.add_argument("--eval-num-classes", type=positive, default=0, metavar="N", help="of these draw N classes")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of that draw (default: 0)")
    parser.add_argument("--out", type=Path, metavar="JSON", help="file for the report")
    parser.add_argument("--per-class", type=Path, metavar="CSV", help="file for R@1 and R@5 of every class")
    parser.add_argument("--json", action="store_true", help="print the report instead of a table")


def run(arguments: argparse.Namespace) -> int:
    if (arguments.noise is None) != (arguments.snr is None):
        arguments.parser.error("--noise and --snr go together")
    if arguments.out is None and not arguments.json:
        arguments.parser.error("give --out FILE, --json, or both")
    from visual_byte_core.embedding.embedder import Embedder
    from visual_byte_core.evaluation.report import EvaluationSettings, evaluate
    from visual_byte_core.metrics.class_breakdown import per_class_csv

    settings = EvaluationSettings(
        images=arguments.images,
        speech=arguments.speech,
        names=arguments.names,
        language=arguments.language,
        noise=arguments.noise,
        snr_db=arguments.snr,
        perturb=arguments.perturb_text,
        absent=arguments.absent,
        absent_speech=arguments.absent_speech,
        false_accept_rate=arguments.false_accept_rate,
        scenes=arguments.scenes,
        photos=arguments.photos,
        only_names=arguments.only_names,
        num_classes=arguments.eval_num_classes,
        seed=arguments.seed,
    )
    report = evaluate(Embedder(arguments.bundle, threads=arguments.threads), settings)
    if arguments.out:
        write_json(arguments.out, report)
    if arguments.per_class:
        write_file(arguments.per_class, per_class_csv(report["details"]["per_class"]))
    if arguments.json:
        print_json(report)
    else:
        _print_table(report)
        print(f"report: {arguments.out}")
    return 0


def _print_table(report: dict[str, Any]) -> None:
    counts = report["counts"]
    print(f"{report['bundle']}: {counts['images']} photos, {counts['speech']} spoken, {counts['classes']} classes")
    for pair, found in {**report["retrieval"], **report["details"]["retrieval"]}.items():
        if not found["n"]:
            continue
        print(f"  {pair:<16} R@1 {_share(found['r1'])}  R@5 {_share(found['r5'])}  of {found['n']}")
    for confused in report["details"]["confusions"]["image_to_text"][:CONFUSIONS_SHOWN]:
        print(f"  {confused['n']} photos of {confused['asked']} are called {confused['answered']}")
    for absence, kinds in report["not_found"].items():
        for kind, rates in kinds.items():
            accepted, refused = _share(rates["far"]), _share(rates["frr"])
            print(
                f"  {absence + ', ' + kind:<22} accepted {accepted}  present refused {refused}"
                f"  AUROC {_share(rates['auroc'])}  of {rates['n']}"
            )
    for scene, found in report["details"]["parts"].items():
        how = f"{found['side']} pixels, {found['cells']} x {found['cells']} cells, by chance {found['chance']}"
        print(f"  regions of {scene:<12} right place {_share(found['hit_rate'])}  of {found['n']} ({how})")
    embed = report["latency_ms"]["embed"]
    print(f"  one image {embed['p50']} ms (median), {embed['p95']} ms (95 %)")
    if unreadable := report["details"]["unreadable"]:
        print(f"  {len(unreadable)} files could not be read and do not count")


def _share(value: float | None) -> str:
    return "  -  " if value is None else f"{value:.3f}"
