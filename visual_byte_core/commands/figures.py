# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Draw figures as PNG and SVG, for print and for colour-blind readers.

--images and --speech   retrieval_grid, tsne, blog_simple, blog_tsne, blog_confusion: what a bundle makes of them;
                        regions, only if asked for by --only: scenes of 2 x 2 and 3 x 3 photos and the map of their
                        regions
--run                   training: the curves of a training run
--report                recall, not_found: the figures of a report of `visual-byte evaluate`

The classes, photos and clips that are drawn are chosen by --seed, never by how well they look. Korean names want a font
that has them (Debian, Ubuntu: apt install fonts-nanum).

Wants matplotlib and scikit-learn (pip install '.[train]' in Visual Byte's folder).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from visual_byte_core.bundle.starter import starter_bundle
from visual_byte_core.commands.common import add_bundle, print_json
from visual_byte_core.errors import DataError

HELP = "draw figures of a bundle, a training run or a report"
EXTRA = "train"
OF_BUNDLE = ("retrieval_grid", "tsne", "blog_simple", "blog_tsne", "blog_confusion", "regions")
OF_REPORT = ("recall", "not_found")
ALL = (*OF_BUNDLE, "training", *OF_REPORT)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_bundle(parser, required=False)
    parser.add_argument("--images", type=Path, metavar="DIR", help="photos, one folder a class")
    parser.add_argument("--speech", type=Path, metavar="DIR", help="spoken names, one folder a class")
    parser.add_argument("--names", type=Path, metavar="CSV", help="spellings that come before the bundle's")
    parser.add_argument("--language", choices=("en", "ko"), default="en", help="of the names (default: en)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of what is drawn (default: 0)")
    parser.add_argument("--run", type=Path, metavar="DIR", dest="run_folder", help="folder of a training run")
    parser.add_argument("--report", type=Path, metavar="JSON", help="what `visual-byte evaluate` wrote")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", choices=ALL, help=f"draw only these: {', '.join(ALL)}"
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the figures")
    parser.add_argument("--json", action="store_true", help="print the paths as a JSON list")


def run(arguments: argparse.Namespace) -> int:
    if (arguments.images is None) != (arguments.speech is None):
        arguments.parser.error("--images and --speech go together")
    if not any((arguments.images, arguments.run_folder, arguments.report)):
        arguments.parser.error("give --images and --speech, or --run, or --report")
    wanted = set(arguments.only or ALL) - (set() if arguments.only else {"regions"})
    arguments.out.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    if arguments.images and wanted & set(OF_BUNDLE):
        written += _draw_bundle(arguments, wanted)
    if arguments.run_folder and "training" in wanted:
        written += _draw_run(arguments)
    if arguments.report and wanted & set(OF_REPORT):
        written += _draw_report(arguments, wanted)
    if not written:
        arguments.parser.error(f"--only {' '.join(sorted(wanted))}: not drawn from what was given; --help tells")
    if arguments.json:
        print_json([str(path) for path in written])
    else:
        print("\n".join(map(str, written)))
    return 0


def _draw_bundle(arguments: argparse.Namespace, wanted: set[str]) -> list[Path]:
    from tqdm import tqdm

    from visual_byte_core.embedding.embedder import Embedder
    from visual_byte_core.evaluation.figures.alike import same_answer
    from visual_byte_core.evaluation.figures.embedding_map import blog_tsne, tsne
    from visual_byte_core.evaluation.figures.gallery import gather
    from visual_byte_core.evaluation.figures.grid import retrieval_grid
    from visual_byte_core.evaluation.figures.regions import regions_of_scenes
    from visual_byte_core.evaluation.figures.similarity_matrix import similarity_matrix
    from visual_byte_core.evaluation.figures.style import house_style, save

    embedder = Embedder(arguments.bundle or starter_bundle(), threads=arguments.threads)
    gathered = gather(embedder, arguments.images, arguments.speech, arguments.names, arguments.language, arguments.seed)
    figures = (retrieval_grid, tsne, same_answer, blog_tsne, similarity_matrix, regions_of_scenes)
    draw = dict(zip(OF_BUNDLE, figures, strict=True))
    written = []
    with house_style(gathered.names.values()):
        for name in tqdm([name for name in OF_BUNDLE if name in wanted], desc="figures", disable=None):
            written += save(draw[name](gathered), arguments.out, name)
    return written


def _draw_run(arguments: argparse.Namespace) -> list[Path]:
    from visual_byte_core.evaluation.figures.style import house_style, save
    from visual_byte_core.evaluation.figures.training_run import training_curves

    with house_style():
        return save(training_curves(arguments.run_folder), arguments.out, "training")


def _draw_report(arguments: argparse.Namespace, wanted: set[str]) -> list[Path]:
    from visual_byte_core.evaluation.figures.report import report_figures
    from visual_byte_core.evaluation.figures.style import house_style, save

    try:
        report = json.loads(arguments.report.read_bytes())
    except ValueError as error:
        raise DataError(
            f"{arguments.report}: no JSON ({error}); expected a report of `visual-byte evaluate`"
        ) from error
    with house_style():
        try:
            figures = report_figures(report, wanted)
        except DataError as error:
            raise DataError(f"{arguments.report}: {error}") from error
        return [path for name, figure in figures.items() for path in save(figure, arguments.out, name)]
