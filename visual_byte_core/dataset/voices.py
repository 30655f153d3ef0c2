# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Voices that speak names into files, whatever engine they are of, and speakers that must not meet."""

from __future__ import annotations

import io
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
import soundfile
from tqdm import tqdm

from visual_byte_core.dataset.clip_cache import ClipCache
from visual_byte_core.dataset.processes import fork_server
from visual_byte_core.errors import DataError

THREADS = 4  # engines outside this process: programs, or a service that limits requests a minute
MAX_WAIT_S = 120.0  # seconds between two clips of engines that take milliseconds


class Voice(Protocol):
    """What every engine's voice has; all are frozen data classes.

    Attributes:
        own_process: whether each clip needs a process of its own, for the same bytes every time.
    """

    engine: ClassVar[str]
    own_process: ClassVar[bool]

    @property
    def name(self) -> str:
        """Unique in a data set, and fit for a file name."""

    @property
    def speaker(self) -> str:
        """Engine and person: the same however fast or in what mood they speak."""

    @property
    def leading_silence_s(self) -> float:
        """Seconds of silence before the first sound of the engine."""

    def check(self) -> None:
        """Raises DataError when the engine is not there or does not know the voice, as far as it can tell at once."""

    def synthesize(self, words: str) -> tuple[np.ndarray, int]:
        """Speak: float32 (n,) in -1..1 and samples a second. Raises DataError."""


@dataclass(frozen=True)
class Utterance:
    """Words to be spoken by a voice into a file."""

    words: str
    voice: Voice
    path: Path


def check_disjoint(training: Iterable[Voice], evaluation: Iterable[Voice]) -> None:
    """Raises DataError when a speaker is on both sides."""
    both = {voice.speaker for voice in training} & {voice.speaker for voice in evaluation}
    if both:
        raise DataError(
            f"voices for training and evaluation must differ; on both sides: {', '.join(sorted(both))}; take other"
            " speakers for one of them"
        )


def speak(
    utterances: Iterable[Utterance],
    *,
    overwrite: bool = False,
    processes: int | None = None,
    cache: ClipCache | None = None,
) -> int:
    """Write every utterance as 16-bit WAV at the rate of its engine; existing files stay unless `overwrite`.

    cache: clips that it holds are not spoken again; without it, all are.

    Returns:
        How many files were written. Of espeak-ng, flite and festival an utterance has the same bytes every time.

    Raises:
        DataError: an engine is missing, does not know a voice or fails; files written before stay.
    """
    wanted = [u for u in utterances if overwrite or not u.path.exists()]
    for voice in dict.fromkeys(u.voice for u in wanted):
        voice.check()
    alone = [u for u in wanted if u.voice.own_process]
    together = [u for u in wanted if not u.voice.own_process]
    with tqdm(total=len(wanted), desc="speaking", unit="clip", disable=len(alone) < 20 and not together) as bar:
        work = partial(_speak_one, cache=cache)
        for written in (_in_processes(work, alone, processes), _in_threads(work, together)):
            for _ in written:
                bar.update()
    return len(wanted)


def _in_processes(
    work: Callable[[Utterance], Path], utterances: Sequence[Utterance], processes: int | None
) -> Iterator[Path]:
    if not utterances:
        return
    # A fork server gives each clip a fresh process for the price of a fork, whatever threads the caller has.
    context = fork_server(preload=["__main__", __name__])
    # The pool looks for finished processes ten times a second, so it takes many of them to keep the cores busy.
    with context.Pool(processes or 8 * (os.cpu_count() or 1), maxtasksperchild=1) as pool:
        clips = pool.imap_unordered(work, utterances, chunksize=1)
        for _ in utterances:
            try:
                yield clips.next(MAX_WAIT_S)
            except (
                multiprocessing.TimeoutError
            ) as error:  # the pool itself waits forever for the clip of a process that was killed
                raise DataError(
                    f"no clip was spoken for {MAX_WAIT_S:g} s: a process was killed or hangs; run it again, it goes"
                    " on from here"
                ) from error


def _in_threads(work: Callable[[Utterance], Path], utterances: Sequence[Utterance]) -> Iterator[Path]:
    executor = ThreadPoolExecutor(THREADS)
    try:
        yield from executor.map(work, utterances)
    finally:
        executor.shutdown(cancel_futures=True)


def _speak_one(utterance: Utterance, cache: ClipCache | None) -> Path:
    voice = utterance.voice
    samples, rate = cache.spoken(utterance.words, voice) if cache else voice.synthesize(utterance.words)
    if not np.any(samples):
        raise DataError(f"{utterance.path}: the voice {voice.name} says nothing for {utterance.words!r}")
    silence = np.zeros((round(voice.leading_silence_s * rate), *samples.shape[1:]), samples.dtype)
    clip = io.BytesIO()
    soundfile.write(clip, np.concatenate([silence, samples]), rate, format="WAV", subtype="PCM_16")
    _write(utterance.path, clip.getvalue())
    return utterance.path


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, but not synchronised: tens of thousands of files that can be made again."""
    partial = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise DataError(f"{path}: cannot be written ({error.strerror}); make room and run it again") from error
