# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Make a bundle of a checkpoint: ONNX, checked against PyTorch, and quantized to INT8 unless told otherwise.

Wants PyTorch (pip install '.[train]' in Visual Byte's folder). Before the bundle can say "not found", it needs
`visual-byte calibrate`. The targets litert-* and coreml make a folder for a phone's own program: docs/deployment.md.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from visual_byte_core.commands.common import print_json

ONNX = ("onnx-int8", "onnx-fp32", "onnx-fp16")
MOBILE = ("litert-fp32", "litert-fp16", "litert-int8", "coreml")
HELP = "make a bundle of a checkpoint"
EXTRA = "train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="DIR", help="folder that `train` wrote")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the bundle")
    parser.add_argument("--name", default="", help="of the bundle (default: that of its folder)")
    parser.add_argument("--target", choices=(*ONNX, *MOBILE), default=ONNX[0], help="what runs it (default: onnx-int8)")
    parser.add_argument(
        "--reduce-range", choices=("auto", "on", "off"), default="auto",
        help="onnx-int8: weights of 7 bits, for every processor; off: 8 bits, for x86-64 with VNNI, and ARM; auto: on, "
        "unless that costs more than 0.01 of the cosine to float32 (default: auto)",
    )  # fmt: skip
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="data set that gives the ranges for INT8 (default: the checkpoint's)"
    )
    parser.add_argument(
        "--middle", type=float, metavar="SHARE",
        help="embed a photo together with its middle, mirrored: share of the side, 0.3 to 1, or 0 for the photo alone"
        " (default: as the checkpoint was trained with)",
    )  # fmt: skip
    parser.add_argument("--card", type=Path, metavar="YAML", help="what the model card says of data and commands")
    parser.add_argument("--json", action="store_true", help="print the bundle's id and quantization as JSON")


def run(arguments: argparse.Namespace) -> int:
    with redirect_stdout(sys.stderr):  # what PyTorch says of its exporter; standard output is for the answer
        answer, text = _export_mobile(arguments) if arguments.target in MOBILE else _export_bundle(arguments)
    if arguments.json:
        print_json(answer)
    else:
        print(text)
    return 0


def _export_bundle(arguments: argparse.Namespace) -> tuple[dict[str, Any], str]:
    from visual_byte_core.export.bundle_export import export

    bundle = export(
        arguments.checkpoint,
        arguments.out,
        name=arguments.name,
        target=arguments.target,
        reduce_range=arguments.reduce_range,
        data=arguments.data,
        middle=arguments.middle,
        card=arguments.card,
    )
    facts = {key: value for key, value in bundle.quantization.items() if key != "probe"}
    text = f"{bundle.path}: {bundle.id}, {arguments.target}, {bundle.size} pixels"
    if "int8_bytes" in facts:
        text += (
            f"\nfloat32 {facts['float32_bytes'] / 1e6:.2f} MB, INT8 {facts['int8_bytes'] / 1e6:.2f} MB for "
            f"{facts['processors']}; cosine INT8 to float32 on {facts['compared_on']}: mean "
            f"{facts['mean_cosine_to_float32']:.5f}, lowest {facts['lowest_cosine_to_float32']:.5f}"
        )
    return {"bundle": bundle.id, "path": str(bundle.path), "target": arguments.target, "quantization": facts}, text


def _export_mobile(arguments: argparse.Namespace) -> tuple[dict[str, Any], str]:
    from visual_byte_core.export.bundle_export import with_middle
    from visual_byte_core.export.mobile import export_mobile
    from visual_byte_core.training.checkpoint import load_checkpoint

    network, config, names = load_checkpoint(arguments.checkpoint)
    renderer = with_middle(config.renderer, arguments.middle)
    made = export_mobile(network, renderer, names, arguments.out, arguments.target)
    facts = {key: value for key, value in made.facts.items() if key not in ("class_names", "renderer", "files")}
    ran = facts["ran_here"]
    if facts["mean_cosine"] is not None:
        ran += f"; cosine to PyTorch: mean {facts['mean_cosine']:.5f}, lowest {facts['min_cosine']:.5f}"
    text = f"{made.path}: {arguments.target}, {facts['bytes'] / 1e6:.2f} MB; run here: {ran}"
    return {"path": str(made.path)} | facts, text
