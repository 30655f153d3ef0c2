# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What several commands share: arguments of the same meaning, and writing JSON."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from visual_byte_core.bundle.starter import bundle_folder
from visual_byte_core.errors import ConfigurationError
from visual_byte_core.names import LANGUAGES
from visual_byte_core.resources import named_or_path


def add_configuration(parser: argparse.ArgumentParser, kind: str = "train", default: str = "starter") -> None:
    """`--config NAME_OR_FILE` and `--set section.key=value`; kind and a name make `config/train_starter.yaml`."""
    parser.add_argument(
        "--config", type=lambda text: configuration_path(kind, text), default=default, metavar="YAML",
        help=f"configuration: a file, or the name of one that comes with Visual Byte (default: {default})",
    )  # fmt: skip
    parser.add_argument(
        "--set", action="append", default=[], type=_override, dest="overrides", metavar="KEY=VALUE",
        help="override one value of the configuration, e.g. optimizer.epochs=3; may be repeated",
    )  # fmt: skip


def add_bundle(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """`--bundle FOLDER` and `--threads N`."""
    text = "folder with bundle.yaml, or starter, starter-small" + ("" if required else " (default: starter)")
    parser.add_argument("--bundle", type=bundle_folder, required=required, metavar="DIR", help=text)
    parser.add_argument("--threads", type=positive, default=2, metavar="N", help="threads of the network (default: 2)")


def add_split(parser: argparse.ArgumentParser, *, seed: int) -> None:
    """What "not found" is measured on: a split of a data set, and the seed of the memories that are drawn of it."""
    parser.add_argument("--images", type=Path, required=True, metavar="DIR", help="photos, one folder a class")
    parser.add_argument("--speech", type=Path, required=True, metavar="DIR", help="spoken names, one folder a class")
    parser.add_argument("--absent-speech", type=Path, metavar="DIR", help="spoken words that name nothing known")
    parser.add_argument(
        "--language", nargs="+", choices=LANGUAGES, default=LANGUAGES,
        help="languages in which names are typed, each name in those that it has (default: en ko)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=positive, default=seed, metavar="N", help=f"of the memories drawn (default: {seed})"
    )


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON; as `write_file`."""
    from visual_byte_core.files import json_text

    write_file(path, (json_text(value, indent=2) + "\n").encode())


def write_file(path: Path, content: bytes) -> None:
    """Write `content`; a crash leaves the old file or the new one. Makes the folder. Raises OSError."""
    from visual_byte_core.files import write_atomically

    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)


def print_json(value: Any) -> None:
    """Print a value as JSON, indented, for a program to read."""
    from visual_byte_core.files import json_text

    print(json_text(value, indent=2))


def configuration_path(kind: str, text: str) -> Path:
    """`text` as a path, or the shipped configuration of that name; for argparse."""
    try:
        return named_or_path(text, f"config/{kind}_*.yaml")
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def positive(text: str) -> int:
    """An argument that is a whole number from 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text}")
    return value


def rate(text: str) -> float:
    """An argument that is a share between 0 and 1, both left out."""
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"expected a share between 0 and 1, got {text}")
    return value


def _override(text: str) -> str:
    key, equals, _ = text.partition("=")
    if not equals or not all(part.isidentifier() for part in key.split(".")):
        raise argparse.ArgumentTypeError(f"expected section.key=value, got {text!r}")
    return text
