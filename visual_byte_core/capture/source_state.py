# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The state of a source that comes and goes, whether frames or sound come from it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum


class SourceState(Enum):
    """How a source that comes and goes is now.

    STOPPED: nobody plays it. OPENING: started, and nothing has come yet. PLAYING: what comes is passed on. WAITING: it
    is a recording, and nobody subscribes. LOST: it is gone, and opened again from time to time. ENDED: it is a
    recording, and its end has been reached.
    """

    STOPPED = "stopped"
    OPENING = "opening"
    PLAYING = "playing"
    WAITING = "waiting for a subscriber"
    LOST = "lost"
    ENDED = "ended"


_STOPPED, _OPENING, _PLAYING, _WAITING, _LOST, _ENDED = SourceState
TRANSITIONS: dict[SourceState, frozenset[SourceState]] = {
    _STOPPED: frozenset({_STOPPED, _OPENING}),
    _OPENING: frozenset({_STOPPED, _PLAYING, _WAITING, _LOST, _ENDED}),
    _PLAYING: frozenset({_STOPPED, _PLAYING, _WAITING, _LOST, _ENDED}),
    _WAITING: frozenset({_STOPPED, _PLAYING, _WAITING, _LOST, _ENDED}),
    _LOST: frozenset({_STOPPED, _PLAYING, _WAITING, _LOST, _ENDED}),
    _ENDED: frozenset({_STOPPED}),
}
"""What may follow each state."""


@dataclass(frozen=True)
class SourceStatus:
    """A state and what led to it.

    reason: why it is lost, in one sentence; empty in any other state. losses: how often it was lost. returns: how often
    it came back. next_try_s: seconds until it is opened again, 0 if that is due or it is not lost.
    """

    state: SourceState
    reason: str = ""
    losses: int = 0
    returns: int = 0
    next_try_s: float = 0.0

    @property
    def in_words(self) -> str:
        """The state as diagnostics show it, with the reason if it is lost."""
        return f"{self.state.value}: {self.reason}" if self.reason else self.state.value


class SourceStateMachine:
    """Which state a source is in, for several threads.

    A lost source is due to be opened again after `first_pause_s`, and then after twice as long each time up to
    `max_pause_s`, until something comes from it. clock: seconds that only rise.

    Each method but `start` raises RuntimeError in a state that the new one may not follow, such as STOPPED.
    """

    def __init__(self, first_pause_s: float, max_pause_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._first_pause_s, self._max_pause_s, self._clock = first_pause_s, max_pause_s, clock
        self._pause_s = first_pause_s
        self._due = 0.0
        self._away = False
        self._status = SourceStatus(SourceState.STOPPED)
        self._lock = threading.Lock()

    @property
    def state(self) -> SourceState:
        """How the source is now."""
        return self._status.state

    @property
    def status(self) -> SourceStatus:
        """The state with what belongs to it; any thread may ask."""
        with self._lock:
            lost = self._status.state is SourceState.LOST
            return replace(self._status, next_try_s=max(0.0, self._due - self._clock()) if lost else 0.0)

    @property
    def may_open(self) -> bool:
        """Whether the time has come to open the source, if it is not open."""
        return self._status.state is not SourceState.LOST or self._clock() >= self._due

    def start(self) -> None:
        """STOPPED -> OPENING. Raises RuntimeError if it is started already."""
        with self._lock:
            self._enter(SourceState.OPENING)

    def stop(self) -> None:
        """Any state -> STOPPED."""
        with self._lock:
            self._enter(SourceState.STOPPED)

    def play(self) -> bool:
        """Something has come -> PLAYING. Returns whether the source is back after it was lost."""
        with self._lock:
            self._enter(SourceState.PLAYING)
            back, self._away = self._away, False
            self._pause_s, self._due = self._first_pause_s, 0.0
            if back:
                self._status = replace(self._status, returns=self._status.returns + 1)
            return back

    def wait(self) -> None:
        """Nobody wants what is recorded -> WAITING."""
        with self._lock:
            self._enter(SourceState.WAITING)

    def end(self) -> None:
        """The end of a recording has been reached -> ENDED."""
        with self._lock:
            self._enter(SourceState.ENDED)

    def lose(self, reason: str) -> float:
        """The source is gone, or could not be opened again -> LOST. Returns the seconds until the next try."""
        with self._lock:
            again = self._status.state is SourceState.LOST
            self._enter(SourceState.LOST, reason)
            if not again:
                self._status = replace(self._status, losses=self._status.losses + 1)
            self._away = True
            pause, self._pause_s = self._pause_s, min(2 * self._pause_s, self._max_pause_s)
            self._due = self._clock() + pause
            return pause

    def _enter(self, state: SourceState, reason: str = "") -> None:
        before = self._status.state
        if state not in TRANSITIONS[before]:
            raise RuntimeError(f"a source that is {before.value} cannot become {state.value}")
        self._status = replace(self._status, state=state, reason=reason)
