# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Several processes train one network: each embeds its classes of a global batch, all compute the loss of the whole.

Started by `torchrun`, whose environment variables say how many there are. Embeddings are gathered with their
gradients, so that negatives come from every process; the gradients of the weights are then averaged. Both together give
what one process with the whole batch would compute: gathering adds up what each of w processes sends back for the same
loss, and the mean takes the w away again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.nn.functional import all_gather

from visual_byte_core.training.losses import Embedded


def start(device_type: str) -> None:
    """Join the other processes that torchrun started; nothing if there are none."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if device_type == "cuda" else "gloo")


def stop() -> None:
    """Leave the other processes."""
    if dist.is_initialized():
        dist.destroy_process_group()


def rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def wait_for_all() -> None:
    if dist.is_initialized():
        dist.barrier()


def gather(embedded: Embedded) -> Embedded:
    """The global batch from every process's part, in an order that does not depend on who asks; with gradients."""
    if world_size() == 1:
        return embedded
    n, d = len(embedded.classes), embedded.photos.shape[1]
    photos = all_gather(embedded.photos.reshape(-1, n, d))  # the k photos of a class stay a column
    texts, sounds = all_gather(embedded.texts), all_gather(embedded.sounds)
    classes = [torch.empty_like(embedded.classes) for _ in texts]
    dist.all_gather(classes, embedded.classes)
    return Embedded(
        torch.cat(photos, dim=1).reshape(-1, d),
        torch.cat([t[:n] for t in texts] + [t[n:] for t in texts]),  # all classes first, then all distractors
        torch.cat([s[:n] for s in sounds] + [s[n:] for s in sounds]),
        torch.cat(classes),
    )


@torch.no_grad()
def average_gradients(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Replace every gradient by the mean of all processes' gradients, in one message."""
    if world_size() == 1:
        return
    gradients = []
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        gradients.append(parameter.grad)
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(flat)
    flat /= world_size()
    for gradient, values in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(values.reshape(gradient.shape))


@torch.no_grad()
def copy_from_first(tensors: Iterable[Tensor]) -> None:
    """Give every process the values of the first."""
    if world_size() > 1:
        for tensor in tensors:
            dist.broadcast(tensor, 0)
