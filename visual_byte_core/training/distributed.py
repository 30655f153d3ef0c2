# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Several processes train one network: each embeds its classes of a global batch, all compute the loss of the whole.

Started by `torchrun`, whose environment variables say how many there are. Embeddings are gathered with their
gradients, so that negatives come from every process; the gradients of the weights are then averaged. Both together give
what one process with the whole batch would compute: gathering adds up what each of w processes sends back for the same
loss, and the mean takes the w away again.

A process that fails leaves its reason in the store through which they met. The others look there, so that nobody waits
in a collective for one that will not come.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.rendezvous import rendezvous

from visual_byte_core.errors import DataError, VisualByteError
from visual_byte_core.training.losses import Embedded

if TYPE_CHECKING:
    from torch._C._distributed_c10d import Store

FAILURE = "failure"
LOOKS_EVERY, GRACE = 0.5, 10.0  # seconds; a collective mostly breaks off by itself and says so earlier


@contextmanager
def together(device_type: str) -> Iterator[None]:
    """Join the other processes that torchrun started, each with a GPU of its own; nothing if there are none.

    What fails in here fails in all: an error of any process is raised in the others as a DataError with its message.
    One that hangs in a collective all the same prints the message and ends.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    if device_type == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    store, number, size = next(iter(rendezvous("env://")))
    dist.init_process_group("nccl" if device_type == "cuda" else "gloo", store=store, rank=number, world_size=size)
    others = _Others(store)
    try:
        yield
    except BaseException as error:
        told = others.told()
        if told and isinstance(error, Exception) and not isinstance(error, VisualByteError):
            raise DataError(told) from error
        if not told:
            others.tell(str(error) or f"process {number} was interrupted")
        raise
    finally:
        dist.destroy_process_group()
        others.leave()  # after it, for this too can hang when a process is gone


class _Others:
    """Why another process failed: kept in the store through which all met, and looked for in a thread."""

    def __init__(self, store: Store) -> None:
        # One for each thread; torch's stubs lack `clone`.
        self._mine, self._watched = (dist.PrefixStore("visual_byte", store.clone()) for _ in range(2))  # type: ignore[attr-defined]
        self._heard, self._left = "", threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def told(self) -> str:
        """The reason, or "" if no process failed."""
        return self._heard or self._look(self._mine)

    def tell(self, reason: str) -> None:
        """Leave the reason, and time to hear it: the store may end with this process."""
        with suppress(RuntimeError):  # the store ended already, and with it the others
            self._mine.set(FAILURE, reason)
            time.sleep(2 * LOOKS_EVERY)

    def leave(self) -> None:
        self._left.set()

    def _watch(self) -> None:
        while not self._heard and not self._left.wait(LOOKS_EVERY):
            self._heard = self._look(self._watched)
        if not self._left.wait(GRACE):
            print(f"visual-byte: error: {self._heard}", file=sys.stderr, flush=True)
            os._exit(1)  # the main thread is in a collective that no exception reaches

    @staticmethod
    def _look(store: Store) -> str:
        try:
            return store.get(FAILURE).decode() if store.check([FAILURE]) else ""
        except RuntimeError:
            return "the first process of this run has ended; its own message says why"


def rank() -> int:
    """Which of the run's processes this is, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """How many processes the run has, 1 if it is not distributed."""
    return dist.get_world_size() if dist.is_initialized() else 1


def wait_for_all() -> None:
    """Go on when every process of the run has come this far."""
    if dist.is_initialized():
        dist.barrier()


def from_first(value: Any) -> Any:
    """What the first process has for `value`; the others wait until it gives it."""
    values = [value]
    if world_size() > 1:
        dist.broadcast_object_list(values, 0)
    return values[0]


def merge(found: Mapping[str, str]) -> dict[str, str]:
    """What any process found."""
    shards: list[Any] = [found] * world_size()
    if world_size() > 1:
        dist.all_gather_object(shards, found)
    return {name: value for shard in shards for name, value in shard.items()}


def any_of(value: bool, device: torch.device) -> bool:
    """Whether it is true in any process."""
    if world_size() == 1:
        return value
    flag = torch.tensor(int(value), device=device)
    dist.all_reduce(flag, dist.ReduceOp.MAX)
    return bool(flag)


def gather(embedded: Embedded) -> Embedded:
    """The global batch from every process's shard, in an order that does not depend on who asks; with gradients."""
    if world_size() == 1:
        return embedded
    n, d = len(embedded.classes), embedded.photos.shape[1]
    all_gather: Callable[[Tensor], tuple[Tensor, ...]] = _AllGather.apply  # untyped in torch
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


class _AllGather(torch.autograd.Function):
    """Every process's tensor; the gradient of mine is the sum of what all send back for it."""

    @staticmethod
    def forward(_: Any, tensor: Tensor) -> tuple[Tensor, ...]:
        tensors = [torch.empty_like(tensor, memory_format=torch.contiguous_format) for _ in range(world_size())]
        dist.all_gather(tensors, tensor.contiguous())
        return tuple(tensors)

    @staticmethod
    def backward(_: Any, *gradients: Tensor) -> Tensor:
        total = torch.stack(gradients)
        dist.all_reduce(total)
        return total[rank()]


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
