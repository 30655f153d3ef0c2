# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Make a bundle of a checkpoint: ONNX, checked against PyTorch, and quantized to INT8 unless told otherwise.

Wants PyTorch (pip install '.[train]' in Visual Byte's folder). Before the bundle can say "not found", it needs
`visual-byte calibrate`.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import redirect_stdout
from pathlib import Path

from visual_byte_core.commands.common import print_json

HELP = "make a bundle of a checkpoint"
EXTRA = "train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="DIR", help="folder that `train` wrote")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the bundle")
    parser.add_argument("--name", default="", help="of the bundle (default: that of its folder)")
    parser.add_argument("--precision", choices=("int8", "float32"), default="int8", help="default: int8")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="data set that gives the ranges for INT8 (default: the checkpoint's)"
    )
    parser.add_argument("--card", type=Path, metavar="YAML", help="what the model card says of data and commands")
    parser.add_argument("--json", action="store_true", help="print the bundle's id and quantization as JSON")


def run(arguments: argparse.Namespace) -> int:
    from visual_byte_core.deployment.export import export

    with redirect_stdout(sys.stderr):  # what PyTorch says of its exporter; standard output is for the answer
        bundle = export(
            arguments.checkpoint,
            arguments.out,
            name=arguments.name,
            precision=arguments.precision,
            data=arguments.data,
            card=arguments.card,
        )
    if arguments.json:
        print_json({"bundle": bundle.id, "path": str(bundle.path), "quantization": bundle.quantization})
    else:
        print(f"{bundle.path}: {bundle.id}, {arguments.precision}, {bundle.size} pixels")
    if bundle.quantization and not arguments.json:
        facts = bundle.quantization
        print(
            f"float32 {facts['float32_bytes'] / 1e6:.2f} MB, INT8 {facts['int8_bytes'] / 1e6:.2f} MB; "
            f"cosine INT8 to float32 on {facts['compared_on']}: mean {facts['mean_cosine_to_float32']:.5f}, "
            f"lowest {facts['lowest_cosine_to_float32']:.5f}"
        )
    return 0
