# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Disks that are full, and folders that became read-only."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def frozen(folder: Path) -> Iterator[None]:
    """A folder in which nothing can be made, removed or opened for writing, as on a disk that became read-only."""
    paths = [folder, *folder.rglob("*")]
    if os.geteuid() == 0:
        if subprocess.run(["chattr", "+i", *paths], capture_output=True).returncode:
            pytest.skip("root, on a file system without immutable files")

        def thaw() -> None:
            subprocess.run(["chattr", "-i", *paths], check=True, capture_output=True)

    else:
        modes = {path: stat.S_IMODE(path.stat().st_mode) for path in paths}
        for path, mode in modes.items():
            path.chmod(mode & ~0o222)

        def thaw() -> None:
            for path, mode in modes.items():
                path.chmod(mode)

    try:
        yield
    finally:
        thaw()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 240 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=240m", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no right to mount a small disk: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


def fill(disk: Path, leave: int) -> Path:
    """Write a file until only `leave` bytes are free; returns it."""
    filler = disk / "filler"
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with open(filler, "wb") as file:
        for _ in range((free - leave) // (1 << 16)):
            file.write(bytes(1 << 16))
    return filler
