# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Writing files so that a crash or a power cut leaves either the old content or the new one."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from visual_byte_core.errors import ConfigurationError, DataError


def home_folder() -> Path:
    """The folder of this user, by HOME or, if that is not set, by the system's list of users.

    Raises:
        ConfigurationError: there is none, as in a container with a user that it does not know.
    """
    home = os.environ.get("HOME")
    if home:
        return Path(home)
    if home is not None:
        raise ConfigurationError("HOME is empty, which names no folder; set it to one, or unset it")
    import pwd  # Windows has none, and always a HOME of its own

    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        raise ConfigurationError(
            f"user {os.getuid()} has no home folder: it has no name here, and HOME is not set; set HOME"
        ) from None


def expanded(path: str | Path) -> Path:
    """The path with `~` for the home folder. Raises ConfigurationError, as `home_folder` does."""
    first, *rest = Path(path).parts or ("",)
    if first == "~":
        return home_folder().joinpath(*rest)
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ConfigurationError(f"{path}: there is no user {first.lstrip('~')}") from error


def take_any_text() -> None:
    """A name that is no UTF-8 is read as it is and shown escaped, instead of ending the command."""
    for stream, errors in (
        (sys.stdin, "surrogateescape"),
        (sys.stdout, "backslashreplace"),
        (sys.stderr, "backslashreplace"),
    ):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)


def json_text(value: Any, **options: Any) -> str:
    """JSON of one value, in characters as they are.

    What is no UTF-8 (a file's name may not be) is escaped, and read back as it was.
    """
    return json.dumps(value, ensure_ascii=False, **options).encode("utf-8", "backslashreplace").decode()


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


def copy_whole(source: Path, target: Path) -> None:
    """Copy a file whole or not at all, and make its folder, as `write_whole` does.

    Raises:
        DataError: the copy cannot be written.
        OSError: the source cannot be read.
    """
    partial = target.with_name(f".{target.name}.part")
    with open(source, "rb") as content:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with open(partial, "wb") as copy:
                shutil.copyfileobj(content, copy)
            os.replace(partial, target)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise DataError(f"{target}: cannot be written ({error.strerror}); make room and run it again") from error
