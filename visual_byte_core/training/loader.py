# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The batches of one epoch, made ahead by processes of their own, and what of the data set they could not read."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from functools import partial

import threadpoolctl
import torch
from torch.utils.data import DataLoader

from visual_byte_core.dataset.unreadable import LIMIT, too_many_unreadable
from visual_byte_core.errors import DataError, VisualByteError
from visual_byte_core.training import distributed
from visual_byte_core.training.stopping import leave_stopping_to_parent
from visual_byte_core.training.triplets import Batch, ClassBalancedBatchSampler, TripletDataset, collate

log = logging.getLogger("visual_byte")


def batches_of(data: TripletDataset, epoch: int, steps: int, done: int = 0) -> Iterator[Batch]:
    """This process's shard of the epoch's batches, but for the first `done` that a resumed run has behind it.

    steps: batches in the whole epoch. Raises DataError when a class cannot be read.
    """
    config = data.config
    sampler = ClassBalancedBatchSampler(
        [len(photos) for photos in data.photos],
        config.optimizer.classes,
        config.optimizer.distractors,
        steps,
        config.seed * 100_003 + epoch,
        balance=config.data.balance,
        start=done,
        shard=(distributed.rank(), distributed.world_size()),
        distinct=config.data.distinct_classes,
    )
    loader: DataLoader[Batch] = DataLoader(
        data,  # type: ignore[arg-type]  # its items are triplets, of which `collate` makes batches
        batch_sampler=sampler,
        num_workers=config.data.workers,
        collate_fn=partial(collate, config=config),
        prefetch_factor=4 if config.data.workers else None,
        worker_init_fn=_prepare_worker,
        generator=torch.Generator(),  # or it would draw from the one that a resumed run restores
    )
    try:
        yield from loader
    except VisualByteError as error:
        lines = str(error).strip().splitlines()
        if len(lines) == 1:
            raise
        raise type(error)(lines[-1].partition(": ")[2]) from error  # without where the other process came by


def report_unreadable(unreadable: Mapping[str, str], data: TripletDataset) -> None:
    """Log the files, with the reasons, that could not be read. Raises DataError if they are too many."""
    if not unreadable:
        return
    for reason in sorted(unreadable.values())[:20]:
        log.warning("left out: %s", reason)
    log.warning("%d of %d files could not be read and were left out", len(unreadable), data.file_count)
    if too_many_unreadable(len(unreadable), data.file_count):
        raise DataError(
            f"{data.config.data.root}: {len(unreadable)} of {data.file_count} files cannot be read,"
            f" over {LIMIT}; collect them again"
        )


def _prepare_worker(_: int) -> None:
    leave_stopping_to_parent()
    # Several BLAS threads for small matrices, beside torch's own, cost four times the work of one.
    threadpoolctl.threadpool_limits(1)
