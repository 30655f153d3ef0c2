# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Time bundles beside what a user would run instead, all in one interleaved run, each in a process of its own.

Rows: a camera frame to its embedding; a typed name, and an utterance, to matches; a frame remembered until it is on
disk; search among 1,000 to 1,000,000 memories; start to first answer, peak memory and files. The others (CLIP ViT-B/32,
MobileCLIP2-S0, Whisper-tiny with CLIP's text tower, CLAP) have random weights unless --weights names real ones: time
and size do not depend on them. They want: pip install '.[train,bench]'. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from visual_byte_core.bundle.starter import bundle_folder, starter_bundle
from visual_byte_core.commands.common import configuration_path, positive, print_json, write_json
from visual_byte_core.resources import SPOKEN_WORD, shipped

if TYPE_CHECKING:
    from visual_byte_core.bench.contenders import Contender

HELP = "time bundles beside other systems"
EXTRA = "train,bench"
OTHERS = ("clip", "mobileclip", "whisper", "clap")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--bundle", type=bundle_folder, action="append", metavar="DIR",
        help="a bundle; may be repeated; others are compared with the first, at most threads (default: starter)",
    )  # fmt: skip
    parser.add_argument("--threads", type=positive, nargs="+", default=[1, 2], metavar="N", help="default: 1 2")
    parser.add_argument(
        "--others", nargs="*", choices=OTHERS, default=list(OTHERS), metavar="NAME",
        help=f"what to compare with, of {', '.join(OTHERS)}; none: --others (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--weights", action="append", default=[], type=_named, metavar="NAME=PATH",
        help="real weights of one of them: a checkpoint of open_clip, a folder of transformers for whisper and clap",
    )  # fmt: skip
    parser.add_argument(
        "--memories", type=positive, nargs="*", default=[1_000, 10_000, 100_000], metavar="N",
        help="sizes of memory to search (default: 1000 10000 100000; 1000000 takes some minutes to fill)",
    )  # fmt: skip
    parser.add_argument(
        "--nodes", action="store_true",
        help="also measure whole nodes over DDS with the first bundle, two minutes; wants ROS",
    )  # fmt: skip
    parser.add_argument(
        "--training", type=Path, metavar="DIR",
        help="also measure training on this data set (image/, audio/ ...), a minute or two",
    )  # fmt: skip
    parser.add_argument(
        "--training-config", type=lambda text: configuration_path("train", text), default="starter", metavar="YAML",
        help="how it is trained: a file, or the name of a configuration of `train` (default: starter)",
    )  # fmt: skip
    parser.add_argument("--turns", type=positive, default=30, help="rounds measured (default: 30)")
    parser.add_argument(
        "--utterance", type=Path, default=shipped(SPOKEN_WORD), metavar="FILE", help="what is said (default: a word)"
    )
    parser.add_argument(
        "--cache", type=Path, metavar="DIR", help="for the others' files (default: ~/.cache/visual_byte/bench)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="write bench.json, bench.md and bench.png there")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")


def run(arguments: argparse.Namespace) -> int:
    import tempfile

    from tqdm import tqdm

    from visual_byte_core.bench import result, rounds
    from visual_byte_core.bench.training_speed import training_speed
    from visual_byte_core.bench.whole_nodes import whole_nodes

    with tempfile.TemporaryDirectory() as scratch:
        contenders = _contenders(arguments, Path(scratch))
        steps = len(contenders) + rounds.WARM_UP_TURNS + arguments.turns
        with tqdm(total=steps, desc="bench", unit="step", file=sys.stderr, disable=None) as bar:

            def progress(step: str) -> None:
                bar.set_postfix_str(step)
                bar.update()

            results = rounds.run(contenders, arguments.turns, progress)
        bundle = (arguments.bundle or [starter_bundle()])[0]
        nodes = whole_nodes(bundle) if arguments.nodes else {}
        training = training_speed(arguments.training_config, arguments.training) if arguments.training else {}
    report = {"machine": result.machine(), "contenders": results, "training": training, "nodes": nodes}
    if arguments.out:
        write_json(arguments.out / "bench.json", report)
        (arguments.out / "bench.md").write_text(result.table(report) + "\n", encoding="utf-8")
        result.draw(report, arguments.out / "bench.png")
    if arguments.json:
        print_json(report)
    else:
        print(result.table(report))
    return 0


def _contenders(arguments: argparse.Namespace, scratch: Path) -> list[Contender]:
    """Everybody who takes part, with their files made."""
    from dataclasses import replace

    from tqdm import tqdm

    from visual_byte_core.bench.contenders import MEMORIES, Contender
    from visual_byte_core.bench.our_bundles import fill
    from visual_byte_core.bundle.bundle import load_bundle
    from visual_byte_core.rendering.speech import read_sound

    read_sound(arguments.utterance)
    utterance = str(arguments.utterance)
    contenders: list[Contender] = []
    for folder in arguments.bundle or [starter_bundle()]:
        bundle = load_bundle(folder)
        precision = "int8" if bundle.quantization else "float32"
        for threads in sorted(arguments.threads, reverse=True):
            memory = scratch / f"memory_{len(contenders)}"
            fill(memory, bundle.id, MEMORIES)
            contenders.append(
                Contender(
                    f"{bundle.name} {precision}",
                    "ours",
                    str(folder),
                    precision,
                    threads,
                    str(memory),
                    utterance=utterance,
                    weights="its own",
                )
            )
    models = _Models(arguments)
    for precision in ("int8", "float32"):
        contenders += (
            Contender(f"{models.names[kind]} {precision}", kind, **models(kind, precision))
            for kind in ("clip", "mobileclip")
            if kind in arguments.others
        )
    if "whisper" in arguments.others:
        text = models("clip", "int8")["model"]
        for kind, name in (
            ("whisper", "Whisper-tiny (30 s)"),
            ("whisper-cut", "Whisper-tiny (cut)"),
        ):
            contender = Contender(f"{name} + CLIP text int8", kind, **models("whisper", "int8"))
            contenders.append(replace(contender, text=text, utterance=utterance))
    if "clap" in arguments.others:
        for precision in ("int8", "float32"):
            contender = Contender(f"CLAP audio {precision}", "clap", **models("clap", precision))
            contenders.append(replace(contender, utterance=utterance))
    for memories in tqdm(arguments.memories, desc="memories", file=sys.stderr, disable=None):
        memory = scratch / f"memories_{memories}"
        fill(memory, "bench", memories)
        contenders.append(
            Contender(f"memory of {memories:,}", "memory", "bench", "float32", 2, str(memory), memories, weights="none")
        )
    return contenders


class _Models:
    """What the others load, made when first asked for."""

    names: ClassVar = {"clip": "CLIP ViT-B/32", "mobileclip": "MobileCLIP2-S0"}

    def __init__(self, arguments: argparse.Namespace) -> None:
        from visual_byte_core.user_folders import cache_folder

        self._weights = dict(arguments.weights)
        from visual_byte_core.files import expanded

        self._cache = expanded(arguments.cache) if arguments.cache else cache_folder("bench")
        self._threads = max(arguments.threads)

    def __call__(self, kind: str, precision: str) -> dict[str, Any]:
        from visual_byte_core.bench.random_models import model_folder

        weights = self._weights.get(kind)
        folder = model_folder(kind, precision, weights, self._cache)
        return {
            "model": str(folder), "precision": precision, "threads": self._threads, "weights": str(weights or "random"),
        }  # fmt: skip


def _named(text: str) -> tuple[str, Path]:
    name, _, path = text.partition("=")
    if name not in OTHERS or not path:
        raise argparse.ArgumentTypeError(f"expected NAME=PATH with a name of {', '.join(OTHERS)}, got {text!r}")
    return name, Path(path)
