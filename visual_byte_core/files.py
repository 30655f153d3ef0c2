# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Writing files so that a crash or a power cut leaves either the old content or the new one."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from visual_byte_core.errors import DataError


def write_atomically(path: Path, content: bytes) -> None:
    """Replace `path` by `content`, on disk when it returns. Raises OSError; then the old file is untouched."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, and make its folder; not synchronised, so for files that can be made again.

    Raises DataError; then nothing new is there.
    """
    partial = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise DataError(f"{path}: cannot be written ({error.strerror}); make room and run it again") from error


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` durable (POSIX: a directory is synchronised on its own)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of_file(path: Path) -> str:
    """SHA-256 of a file as 64 hexadecimal characters."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
