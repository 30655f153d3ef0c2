# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""How a frame comes into the memory: it is embedded, waits for others, is merged, and is acknowledged once on disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial

from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.embedding.frame_embedder import EmbeddedFrame, FrameEmbedder
from visual_byte_core.engine.observed_frame import ObservedFrame
from visual_byte_core.engine.settings import EngineSettings
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.observation import Observation, Remembered

MERGED_AT_ONCE = 8  # frames: the first finds the processor's caches full of the network, and takes as long as the rest

Guard = Callable[[Callable[[], None], "Future[Remembered]"], None]
"""Runs something that may fail, and lets its future fail then."""


class FrameIntake:
    """Takes frames for a memory; for one thread at a time.

    guard: by which each frame fails alone. flush_at: when the frames taken so far are due on disk, by
    `time.monotonic`; None if none waits. memories: how many there are; remembered: frames that were acknowledged.
    """

    def __init__(self, embedder: Embedder, memory: Memory, settings: EngineSettings, guard: Guard) -> None:
        self._memory = memory
        self._guard = guard
        self._frames = FrameEmbedder(embedder)
        self._unmerged: list[tuple[Observation, EmbeddedFrame, Future[Remembered]]] = []
        self._unflushed: list[tuple[Future[Remembered], Remembered]] = []
        self.flush_at: float | None = None
        self.memories, self.remembered = memory.count(), 0
        self.update(settings)

    def update(self, settings: EngineSettings) -> None:
        """Take the next frames by other settings; may be called from any thread."""
        self._acknowledge_within_s = settings.acknowledge_within_s
        self._frames.regions = settings.regions
        self._frames.skip_unchanged = settings.skip_unchanged

    @property
    def unchanged(self) -> int:
        """Frames that were not embedded, as they were like the one before."""
        return self._frames.skipped

    def take(self, observed: ObservedFrame, future: Future[Remembered]) -> None:
        """Embed a frame, and merge it with those that wait if they are enough. Raises InvalidImage."""
        observation = observed.observation
        embedded = self._frames.embed(observed.image, whole=bool(observation.label))
        self._unmerged.append((observation, embedded, future))
        if self.flush_at is None:
            self.flush_at = time.monotonic() + self._acknowledge_within_s
        if embedded.regions is not None or len(self._unmerged) >= MERGED_AT_ONCE:
            self.merge()

    def merge(self) -> None:
        """Bring what was embedded into the memory; before anything else looks into it."""
        unmerged, self._unmerged = self._unmerged, []
        for observation, embedded, future in unmerged:
            self._guard(partial(self._remember, observation, embedded, future), future)

    def flush(self) -> None:
        """Write everything to the disk, then, and only then, acknowledge it. Raises MemoryFolderError."""
        self.merge()
        acknowledged, self._unflushed, self.flush_at = self._unflushed, [], None
        try:
            self._memory.flush()
        except Exception as error:
            for future, _ in acknowledged:
                future.set_exception(error)
            raise
        for future, remembered in acknowledged:
            self.remembered += 1
            future.set_result(remembered)

    def _remember(self, observation: Observation, embedded: EmbeddedFrame, future: Future[Remembered]) -> None:
        """A frame with regions says its size, so that they can be shown in it."""
        if embedded.regions is not None:
            observation = replace(observation, region=(0, 0, *embedded.size))
        remembered = self._memory.remember(embedded.embedding, observation, embedded.picture)
        for region in embedded.regions or ():
            of_region = replace(observation, region=region.rectangle, parent_id=remembered.id)
            self._memory.remember(region.embedding, of_region, region.picture)
        self.memories = self._memory.count()
        self._unflushed.append((future, remembered))
