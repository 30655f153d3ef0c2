# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Playing a source of frames or sound in a thread that survives whatever happens to the source."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from visual_byte_core.capture.source_state import SourceState, SourceStateMachine, SourceStatus
from visual_byte_core.errors import VisualByteError
from visual_byte_core.log import Log

STOP_S = 2.0
POLL_S = 0.05

Item = TypeVar("Item")


class Source(Protocol):
    """A source that is open."""

    live: bool
    """What comes has a pace of its own, whether anybody wants it or not."""

    def close(self) -> None:
        """Let go of the device or file; if it plays, it is stopped first."""

    @property
    def closed(self) -> bool:
        """Whether `close` was called and everything is let go of: a driver that hangs may take its time."""


Opened = TypeVar("Opened", bound=Source)


class EndOfSource(Exception):
    """A recording has been played to its end."""


@dataclass
class _Run:
    """What happens from one start to the next stop."""

    stopping: threading.Event = field(default_factory=threading.Event)
    over: bool = False
    left_behind: bool = False


class SourceThread(Generic[Opened, Item]):
    """Reads a source and passes on what comes, in a thread of its own.

    name: the source, to show. source: it, open. open_again: opens it again after it was lost.
    read(source, stopping): the next item; None if there is none yet, or it is not worth passing on. It returns soon
    once `stopping` is set, and raises EndOfSource after the last item, another VisualByteError if the source is lost.
    A lost source is closed and opened again after `first_pause_s`, and then after twice as long each time up to
    `max_pause_s`, until an item comes; while its driver hangs it is not opened a second time.
    wanted: whether anybody wants the items; a recording waits for that. lost(source): called when it is lost, before it
    is closed. away: called over and over until it is open again.
    """

    def __init__(
        self,
        name: str,
        source: Opened,
        open_again: Callable[[], Opened],
        read: Callable[[Opened, threading.Event], Item | None],
        pass_on: Callable[[Item], None],
        log: Log,
        *,
        first_pause_s: float,
        max_pause_s: float,
        wanted: Callable[[], bool] = lambda: True,
        lost: Callable[[Opened], None] = lambda source: None,
        away: Callable[[], None] = lambda: None,
    ) -> None:
        self.source: Opened | None = source
        self._name, self._log = name, log
        self._open_again, self._read, self._pass_on = open_again, read, pass_on
        self._wanted, self._when_lost, self._while_away = wanted, lost, away
        self._machine = SourceStateMachine(first_pause_s, max_pause_s)
        self._changing = threading.Lock()
        self._leaving: Opened | None = None
        self._run = _Run(over=True)
        self._thread: threading.Thread | None = None

    @property
    def status(self) -> SourceStatus:
        """How the source is now; any thread may ask."""
        return self._machine.status

    def start(self) -> None:
        """Begin to play, or go on where `stop` left off."""
        self._machine.start()
        self._run = _Run()
        self._thread = threading.Thread(target=self._play, args=(self._run,), name="source", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop playing; returns when the thread has ended, or after STOP_S if the source hangs."""
        run = self._run
        with self._changing:
            run.stopping.set()
            self._machine.stop()
        if self._thread:
            self._thread.join(STOP_S)
            self._thread = None
        with self._changing:
            hangs = not run.over and not run.left_behind
            if hangs:
                run.left_behind = True
                self._leaving, self.source = self.source or self._leaving, None
        if hangs:
            self._log.warning(f"{self._name}: hangs; it is left behind")

    def close(self) -> None:
        """Let go of the device or file; if it plays, it is stopped first."""
        self.stop()
        if self.source:
            self.source.close()
            self.source = None

    def _play(self, run: _Run) -> None:
        source = self.source
        while not run.stopping.is_set() and self._machine.state is not SourceState.ENDED:
            source = source or self._opened(run)
            if source is None:
                self._while_away()
                run.stopping.wait(POLL_S)
            elif not source.live and not self._wanted():
                self._change(run, self._machine.wait)
                run.stopping.wait(POLL_S)
            elif not self._play_next(source, run):
                source = None
        with self._changing:
            run.over = True
        if run.left_behind and source:
            source.close()

    def _play_next(self, source: Opened, run: _Run) -> bool:
        """Whether the source is still there."""
        try:
            item = self._read(source, run.stopping)
        except EndOfSource:
            if self._change(run, self._machine.end):
                self._log.info(f"{self._name}: played to the end")
        except VisualByteError as error:
            return not self._lose(source, error, run)
        else:
            if item is not None and self._change(run, self._came):
                self._pass_on(item)
        return True

    def _came(self) -> None:
        if self._machine.play():
            self._log.info(f"{self._name}: is back")

    def _lose(self, source: Opened, error: VisualByteError, run: _Run) -> bool:
        """Whether it was not too late to lose it."""

        def lose() -> None:
            self._tell_lost(error)
            self._when_lost(source)
            self.source, self._leaving = None, source

        if not self._change(run, lose):
            return False
        source.close()
        return True

    def _opened(self, run: _Run) -> Opened | None:
        """The source, if it is time to try and the last one, whose driver may hang, has let go of the device."""
        if not self._machine.may_open or (self._leaving and not self._leaving.closed):
            return None
        try:
            source = self._open_again()
        except VisualByteError as error:
            failure = error
            self._change(run, lambda: self._tell_lost(failure))
            return None

        def keep() -> None:
            self.source, self._leaving = source, None

        if self._change(run, keep):
            return source
        source.close()
        return None

    def _tell_lost(self, error: VisualByteError) -> None:
        known = self._machine.status.reason
        pause_s = self._machine.lose(str(error))
        if str(error) != known:
            self._log.error(f"{error}; trying again after {pause_s:g} s, then less often")

    def _change(self, run: _Run, change: Callable[[], object]) -> bool:
        """Make a change, unless the run was told to stop: what is left behind changes nothing any more."""
        with self._changing:
            if run.stopping.is_set():
                return False
            change()
            return True
