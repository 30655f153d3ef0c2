# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Files that come with the package, wherever it is installed: bundles, configurations, names, a spoken word."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from visual_byte_core.errors import ConfigurationError

SPOKEN_WORD = "sounds/banana.flac"
"""One word, spoken by a person."""


def shipped(name: str) -> Path:
    """Path of a file or folder below this package, such as `models/starter`.

    Raises:
        ConfigurationError: it is not there, or the package lies in an archive, where nothing has a path.
    """
    found = files(__name__).joinpath(name)
    if not isinstance(found, Path):
        raise ConfigurationError(f"{name}: Visual Byte is installed in an archive ({found}); install it unpacked")
    if not found.exists():
        raise ConfigurationError(f"{found}: not there, though it comes with Visual Byte; install the package anew")
    return found


def shipped_names(pattern: str) -> list[str]:
    """What `*` of a pattern such as `config/train_*.yaml` stands for among the files that come with the package."""
    before, _, after = pattern.partition("*")
    root = shipped(".")
    paths = (path.relative_to(root).as_posix() for path in root.glob(pattern))
    return sorted(path[len(before) : len(path) - len(after)] for path in paths)


def named_or_path(text: str | os.PathLike[str], pattern: str) -> Path:
    """The path `text`; if that is a bare word, without a folder or a suffix, the shipped file which `*` names so.

    Raises:
        ConfigurationError: no file of that name comes with Visual Byte; the message lists those that do.
    """
    path = Path(text)
    if path.suffix or os.fspath(text) != path.name:
        return path
    known = shipped_names(pattern)
    if path.name not in known:
        suffix = pattern.rpartition("*")[2]
        raise ConfigurationError(f"{path.name}: expected {' or '.join(known)}, or the path of a file, *{suffix}")
    return shipped(pattern.replace("*", path.name))
