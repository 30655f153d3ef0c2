# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Features at the cut between frozen and trained blocks, computed once and kept as files.

What the lower blocks make of a picture never changes, so a training reads it instead of rendering, augmenting and
computing it anew in every epoch. A bank is a folder: `features.npy` float16 (n, channels, h, w), `labels.npy` int32
(n,), and `targets.npy` float16 (n, d) where something is learned from a teacher.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from visual_byte_core.errors import DataError
from visual_byte_core.files import write_whole
from visual_byte_core.training.pixels import prepare_pixels

AT_ONCE = 32
FEATURES, LABELS, TARGETS, FACTS = "features.npy", "labels.npy", "targets.npy", "bank.json"

Item = tuple[int, NDArray[np.uint8], NDArray[np.floating] | None]
"""Number of the name, picture uint8 (size, size, 3), and what a teacher makes of it, (d,), if anything."""


@dataclass(frozen=True)
class Bank:
    """A bank, opened: labels in memory, the others read from the disk as they are drawn."""

    features: NDArray[np.float16]
    labels: NDArray[np.int32]
    targets: NDArray[np.float16] | None
    facts: dict[str, Any]

    def __len__(self) -> int:
        return len(self.labels)


def open_bank(folder: Path) -> Bank:
    """Raises DataError if the folder holds no whole bank."""
    try:
        features = np.load(folder / FEATURES, mmap_mode="r", allow_pickle=False)
        labels = np.load(folder / LABELS, allow_pickle=False)
        targets = np.load(folder / TARGETS, mmap_mode="r", allow_pickle=False) if (folder / TARGETS).is_file() else None
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{folder}: no kept features ({error}); delete the folder to make them anew") from error
    if len(features) != len(labels) or (targets is not None and len(targets) != len(labels)):
        raise DataError(f"{folder}: {len(features)} features of {len(labels)} pictures; delete it to make them anew")
    return Bank(features, labels, targets, facts)


def keep(
    folder: Path,
    items: Iterable[Item],
    count: int,
    lower: Callable[[Tensor], Tensor],
    *,
    facts: dict[str, Any],
    title: str,
    target_of: Callable[[Tensor], Tensor] | None = None,
) -> Bank:
    """Write the bank of at most `count` items, whole or not at all, and open it; one that is there stays.

    lower: normalized pixels (n, 3, s, s) -> features (n, channels, h, w); target_of: features -> what is to be learned
    of them, (n, d), instead of the items' own. Raises DataError if there are none, or the disk is full.
    """
    if (folder / FACTS).is_file():
        return open_bank(folder)
    partial = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        written = _write(partial, items, count, lower, target_of, title)
        if not written:
            raise DataError(f"{folder}: nothing to keep of {title}; collect the data first")
        write_whole(partial / FACTS, json.dumps({**facts, "count": written}, indent=1).encode())
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(partial, folder)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written ({error.strerror}); make room and run it again") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return open_bank(folder)


def _write(
    folder: Path,
    items: Iterable[Item],
    count: int,
    lower: Callable[[Tensor], Tensor],
    target_of: Callable[[Tensor], Tensor] | None,
    title: str,
) -> int:
    labels: list[int] = []
    targets: list[NDArray[np.float16]] = []
    with open(folder / "raw", "wb") as raw, tqdm(total=count, desc=title, unit="picture") as bar:
        shape: tuple[int, ...] = ()
        for chunk in _chunks(items):
            images = torch.from_numpy(np.stack([image for _, image, _ in chunk]))
            with torch.inference_mode():
                features = lower(prepare_pixels(images))
                raw.write(features.half().numpy().tobytes())
                if target_of is not None:
                    targets.append(target_of(features).half().numpy())
            if target_of is None and chunk[0][2] is not None:
                targets.append(np.stack([np.asarray(target) for _, _, target in chunk]).astype(np.float16))
            labels += [label for label, _, _ in chunk]
            shape = tuple(features.shape[1:])
            bar.update(len(chunk))
    if not labels:
        return 0
    _as_npy(folder / "raw", folder / FEATURES, (len(labels), *shape))
    np.save(folder / LABELS, np.array(labels, np.int32))
    if targets:
        np.save(folder / TARGETS, np.concatenate(targets))
    return len(labels)


def _as_npy(raw: Path, out: Path, shape: tuple[int, ...]) -> None:
    """The file of values with a header before it, without holding them in memory."""
    with open(out, "wb") as file, open(raw, "rb") as values:
        np.lib.format.write_array_header_1_0(
            file, {"descr": np.lib.format.dtype_to_descr(np.dtype(np.float16)), "fortran_order": False, "shape": shape}
        )
        shutil.copyfileobj(values, file, 1 << 24)
    raw.unlink()


def _chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    chunk: list[Item] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
