# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Work in several processes that ends when it is interrupted, or when one of the processes is killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import ForkServerContext
from typing import TypeVar

from visual_byte_core.errors import DataError

CHUNK = 32  # jobs sent to a process at once
Job = TypeVar("Job")
Result = TypeVar("Result")


def fork_server(preload: Sequence[str] = ()) -> ForkServerContext:
    """Processes that Ctrl-C never reaches, not even as they start: it ends this process, which ends them.

    One that it ended while it started would print tracebacks and break the pool that it belongs to.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    resource_tracker.ensure_running()  # before: it unblocks the interrupt as it starts
    with _interrupt_held_back():
        forkserver.ensure_running()  # what is held back here is so in the server and in all that it forks
    return context


def in_processes(
    work: Callable[[Job], Result],
    jobs: Sequence[Job],
    workers: int = 0,
    start: Callable[[], None] | None = None,
) -> Iterator[Result]:
    """The results of the jobs, in their order.

    workers: processes, 0 for one on each CPU this process may use. start: called in each process before its first job.

    Raises:
        DataError: a process was killed. Also raises what the work raises.
    """
    pool = ProcessPoolExecutor(workers or len(os.sched_getaffinity(0)), mp_context=fork_server(), initializer=start)
    try:
        with _interrupt_held_back():  # amid starting a process, the pool would forget it
            # Not `pool.map`: it cancels while the pool, one of whose processes was killed, fails the rest, and that
            # hangs (InvalidStateError in the pool's thread, Python 3.10 to 3.12).
            futures = [pool.submit(_do_all, work, chunk) for chunk in batches(jobs, CHUNK)]
        for future in futures:
            yield from future.result()
    except BrokenProcessPool as error:
        raise DataError(
            "a process was killed, as the system does when memory runs out; run it again with fewer --workers, it goes"
            " on from here"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def batches(jobs: Iterable[Job], size: int) -> Iterator[list[Job]]:
    """Lists of `size` jobs; the last may be shorter."""
    rest = iter(jobs)
    while batch := list(islice(rest, size)):
        yield batch


@contextmanager
def _interrupt_held_back() -> Iterator[None]:
    """Ctrl-C takes effect at the end, and never in a process that was started meanwhile.

    It is blocked for what this thread starts. That alone would not hold it back: another thread, as that of a progress
    bar, can still receive it, and Python then raises KeyboardInterrupt in the main thread.
    """
    came: list[int] = []
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number)) if is_main else None
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        if is_main:
            signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)


def _do_all(work: Callable[[Job], Result], jobs: Sequence[Job]) -> list[Result]:
    return [work(job) for job in jobs]
