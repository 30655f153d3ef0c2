# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The states of a source: every transition, and what a thread makes of a source that goes, hangs and comes back."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import pytest

from visual_byte_core.capture.source_state import TRANSITIONS, SourceState, SourceStateMachine
from visual_byte_core.capture.source_thread import EndOfSource, SourceThread
from visual_byte_core.errors import DeviceError
from visual_byte_testing.waiting import wait_until

STOPPED, OPENING, PLAYING, WAITING, LOST, ENDED = SourceState
ENTER: dict[SourceState, Callable[[SourceStateMachine], object]] = {
    STOPPED: SourceStateMachine.stop,
    OPENING: SourceStateMachine.start,
    PLAYING: SourceStateMachine.play,
    WAITING: SourceStateMachine.wait,
    LOST: lambda machine: machine.lose("no such device"),
    ENDED: SourceStateMachine.end,
}
ALLOWED = {
    STOPPED: {STOPPED, OPENING},
    OPENING: {STOPPED, PLAYING, WAITING, LOST, ENDED},
    PLAYING: {STOPPED, PLAYING, WAITING, LOST, ENDED},
    WAITING: {STOPPED, PLAYING, WAITING, LOST, ENDED},
    LOST: {STOPPED, PLAYING, WAITING, LOST, ENDED},
    ENDED: {STOPPED},
}


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def machine_in(state: SourceState, clock: Clock) -> SourceStateMachine:
    machine = SourceStateMachine(0.5, 3.0, clock)
    if state is not STOPPED:
        machine.start()
    if state is not OPENING:
        ENTER[state](machine)
    assert machine.state is state
    return machine


@pytest.mark.parametrize("before", SourceState)
@pytest.mark.parametrize("after", SourceState)
def test_every_transition(before: SourceState, after: SourceState) -> None:
    machine = machine_in(before, Clock())
    if after in ALLOWED[before]:
        ENTER[after](machine)
        assert machine.state is machine.status.state is after
        assert machine.status.in_words == ("lost: no such device" if after is LOST else after.value)
    else:
        with pytest.raises(RuntimeError, match=f"a source that is {before.value} cannot become {after.value}"):
            ENTER[after](machine)
        assert machine.state is before
    assert TRANSITIONS.keys() == ALLOWED.keys()


def test_pauses_grow_until_something_comes() -> None:
    clock = Clock()
    machine = machine_in(OPENING, clock)
    assert machine.may_open and machine.status.next_try_s == 0
    assert [machine.lose("gone") for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert not machine.may_open and machine.status.next_try_s == 3.0
    clock.now += 2.0
    assert not machine.may_open and machine.status.next_try_s == 1.0
    clock.now += 1.0
    assert machine.may_open and machine.status.next_try_s == 0.0
    machine.play()
    assert machine.may_open and machine.lose("gone again") == 0.5


def test_losses_and_returns_are_counted_once() -> None:
    machine = machine_in(PLAYING, Clock())
    assert not machine.play()
    machine.lose("gone")
    machine.lose("still gone")
    assert (machine.status.losses, machine.status.returns, machine.status.reason) == (1, 0, "still gone")
    machine.wait()  # a recording that was opened again, and nobody subscribes
    assert machine.status.reason == "" and machine.play()
    assert not machine.play()
    assert (machine.status.losses, machine.status.returns) == (1, 1)
    machine.lose("gone")
    machine.stop()
    machine.start()
    assert machine.may_open and machine.status.reason == ""
    assert machine.play() and (machine.status.losses, machine.status.returns) == (2, 2)


class Numbers:
    """A source that counts. goes_at: it is lost there. hold: `read` hangs while it is cleared."""

    live = True

    def __init__(self, first: int, goes_at: int = -1) -> None:
        self.next, self.goes_at = first, goes_at
        self.closed = False
        self.hold = threading.Event()
        self.hold.set()

    def read(self) -> int:
        self.hold.wait()
        if self.next == self.goes_at:
            raise DeviceError("number: gone; check its cable")
        self.next += 1
        return self.next - 1

    def close(self) -> None:
        self.closed = True


def thread_of(
    first: Numbers, opened: list[Numbers], passed: list[int], log: logging.Logger, **options: object
) -> SourceThread[Numbers, int]:
    def open_again() -> Numbers:
        if not opened:
            raise DeviceError("number: cannot be opened")
        return opened.pop(0)

    def read(source: Numbers, stopping: threading.Event) -> int | None:
        stopping.wait(0.001)
        if source.next > 1000:
            raise EndOfSource
        return source.read()

    return SourceThread(
        "numbers", first, open_again, read, passed.append, log, first_pause_s=0.02, max_pause_s=0.1, **options
    )  # type: ignore[arg-type]


def test_a_lost_source_is_closed_and_opened_again(caplog: pytest.LogCaptureFixture) -> None:
    first, second, passed, away = Numbers(0, goes_at=3), Numbers(500), [], []
    opened: list[Numbers] = []
    lost: list[Numbers] = []
    thread = thread_of(
        first, opened, passed, logging.getLogger("numbers"), lost=lost.append, away=lambda: away.append(1)
    )
    with caplog.at_level(logging.INFO):
        thread.start()
        wait_until(lambda: "cannot be opened" in thread.status.reason)
        assert thread.status.state is LOST and first.closed and lost == [first] and passed == [0, 1, 2] and away
        assert thread.source is None
        opened.append(second)
        wait_until(lambda: 1000 in passed)
        wait_until(lambda: thread.status.state is ENDED)
    assert (thread.status.losses, thread.status.returns) == (1, 1)
    thread.close()
    assert thread.status.state is STOPPED and second.closed
    for line in ("check its cable; trying again after 0.02 s", "numbers: is back", "numbers: played to the end"):
        assert caplog.text.count(line) == 1
    assert caplog.text.count("cannot be opened") == 1  # said once, however often it is tried


def test_a_source_whose_driver_holds_the_device_is_not_opened_a_second_time() -> None:
    class Slow(Numbers):
        let_go = False

        def close(self) -> None:
            self.closed = self.let_go

    first, second = Slow(0, goes_at=1), Numbers(500)
    opened, passed = [second], []
    thread = thread_of(first, opened, passed, logging.getLogger("numbers"))
    thread.start()
    wait_until(lambda: thread.status.state is LOST and thread.status.next_try_s == 0)
    threading.Event().wait(0.2)
    assert opened == [second]
    first.closed = True
    wait_until(lambda: 500 in passed)
    thread.close()


def test_what_hangs_is_left_behind_and_changes_nothing_any_more(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("visual_byte_core.capture.source_thread.STOP_S", 0.1)
    first, second, passed = Numbers(0), Numbers(500), []
    thread = thread_of(first, [second], passed, logging.getLogger("numbers"))
    thread.start()
    wait_until(lambda: bool(passed))
    first.hold.clear()
    wait_until(lambda: not first.hold.is_set())
    thread.stop()
    thread.stop()
    assert caplog.text.count("numbers: hangs; it is left behind") == 1
    assert thread.status.state is STOPPED and thread.source is None and not first.closed
    thread.start()
    threading.Event().wait(0.1)
    assert thread.status.state is OPENING and 500 not in passed  # its driver has the device still
    first.goes_at = first.next
    first.hold.set()
    wait_until(lambda: 500 in passed)
    assert first.closed and thread.status.losses == 0
    thread.close()
    assert second.closed


def test_a_recording_waits_until_it_is_wanted() -> None:
    source, passed, wanted = Numbers(0), [], threading.Event()
    source.live = False
    thread = thread_of(source, [], passed, logging.getLogger("numbers"), wanted=wanted.is_set)
    thread.start()
    wait_until(lambda: thread.status.state is WAITING)
    assert not passed
    wanted.set()
    wait_until(lambda: thread.status.state is PLAYING)
    thread.close()
