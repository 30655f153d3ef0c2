# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""`ros2 run visual_byte ask` with a real embedding_node: as a command, in a pipe, and at a terminal (a pseudo one)."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from visual_byte.msg import Match, Matches
from visual_byte.srv import Find, Remember
from visual_byte_core.rendering.text import render_text
from visual_byte_ros.ask import described, lines_of
from visual_byte_ros.image_messages import to_message
from visual_byte_testing.graph import PATIENCE, ROOT, Graph, open_graph
from visual_byte_testing.sample_bundle import write_sample_bundle

COMMAND = [sys.executable, "-m", "visual_byte_ros.ask"]


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    """A robot that has seen the picture of the word mug: with the sample bundle, asking for a mug finds it."""
    folder = tmp_path_factory.mktemp("ask")
    bundle = write_sample_bundle(folder / "bundle")
    with open_graph(folder) as graph:
        graph.start("embedding_node", bundle=str(bundle.path), memory_folder=str(folder / "memory"))
        picture = to_message(render_text("mug", bundle.size_of("text"), bundle.renderer.text))
        assert graph.call(Remember, "embedding_node/remember", image=picture, label="my mug").success
        yield graph


def ask(graph: Graph, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, "--namespace", graph.namespace, "--timeout", "20", *arguments]
    return subprocess.run(command, input=typed, capture_output=True, text=True, cwd=ROOT, timeout=2 * PATIENCE)


def test_what_is_found_exits_with_0(graph: Graph) -> None:
    done = ask(graph, "mug")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("FOUND      mug  'my mug'  score 1.00  probability 0.99  seen ")


def test_what_is_not_found_exits_with_1_and_names_the_nearest(graph: Graph) -> None:
    done = ask(graph, "pair", "of", "scissors")
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("NOT_FOUND  pair of scissors  nearest: 'my mug'  score 0.")


def test_what_is_refused_exits_with_2(graph: Graph) -> None:
    done = ask(graph, "x" * 300)
    assert done.returncode == 2 and "REJECTED" in done.stdout and "300 characters" in done.stdout


def test_a_program_reads_the_answers_to_a_pipe(graph: Graph) -> None:
    done = ask(graph, "--json", typed="mug\n\n사과 🍎\n")
    assert done.returncode == 1, done.stderr
    found, absent = (json.loads(line) for line in done.stdout.splitlines())
    assert (found["name"], found["status"], found["matches"][0]["label"]) == ("mug", "FOUND", "my mug")
    assert found["matches"][0]["last_seen"] == pytest.approx(time.time(), abs=300)
    assert (absent["name"], absent["status"], absent["matches"]) == ("사과 🍎", "NOT_FOUND", [])


def test_without_a_node_it_says_what_to_start() -> None:
    command = [*COMMAND, "--namespace", "/nobody", "--timeout", "0.3", "mug"]
    alone = {**os.environ, "ROS_DOMAIN_ID": str((int(os.environ["ROS_DOMAIN_ID"]) + 1) % 100)}
    done = subprocess.run(command, env=alone, capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("error: no node answers /nobody/embedding_node/find; start one: ros2 launch")


def test_another_robot_is_named(graph: Graph) -> None:
    command = [*COMMAND, "--namespace", "/nobody", "--timeout", "10", "mug"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE)
    assert done.returncode == 2 and f"one answers with --namespace {graph.namespace}" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--timeout", "0"], "--timeout must be a number of seconds over 0, got 0"),
        (["--k", "-1"], "--k must be 0 or more, got -1"),
        (["--namespace", "a b", "mug"], "--namespace 'a b'"),
    ],
)
def test_wrong_arguments(arguments: list[str], says: str) -> None:
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE)
    assert done.returncode == 2 and says in done.stderr and "Traceback" not in done.stderr


class Terminal:
    """`ask` at a terminal of its own, where keys are pressed."""

    def __init__(self, graph: Graph, state: Path) -> None:
        self._keys, end = pty.openpty()
        environment = {**os.environ, "XDG_STATE_HOME": str(state), "TERM": "dumb"}
        command = [*COMMAND, "--namespace", graph.namespace, "--timeout", "20"]
        self._process = subprocess.Popen(
            command,
            stdin=end,
            stdout=end,
            stderr=end,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that Ctrl-C is a signal
        )
        os.close(end)
        os.set_blocking(self._keys, False)
        self.shown = ""

    def press(self, keys: str) -> None:
        os.write(self._keys, keys.encode())

    def wait_for(self, text: str, times: int = 1) -> None:
        until = time.monotonic() + PATIENCE
        while self.shown.count(text) < times:
            assert time.monotonic() < until, f"never shown: {text!r}\n{self.shown}"
            try:
                self.shown += os.read(self._keys, 4096).decode(errors="replace")
            except BlockingIOError:
                time.sleep(0.02)

    def end(self) -> int:
        try:
            return self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            os.close(self._keys)


def test_a_prompt_with_history_that_ctrl_d_ends(graph: Graph, tmp_path: Path) -> None:
    terminal = Terminal(graph, tmp_path)
    terminal.wait_for("name> ")
    terminal.press("mug\n")
    terminal.wait_for("FOUND      mug  'my mug'")
    terminal.press("scissors\n")
    terminal.wait_for("NOT_FOUND  scissors")
    terminal.wait_for("name> ", 3)
    terminal.press("\x10\x10\n")  # Ctrl-P twice: the name before the last
    terminal.wait_for("FOUND      mug  'my mug'", 2)
    terminal.wait_for("name> ", 4)
    terminal.press("\x04")
    assert terminal.end() == 0
    history = tmp_path / "visual_byte" / "ask_history"
    assert history.read_text().splitlines() == ["mug", "scissors", "mug"]
    again = Terminal(graph, tmp_path)
    again.wait_for("name> ")
    again.press("\x10\n")
    again.wait_for("FOUND      mug  'my mug'")
    again.press("\x03")  # Ctrl-C
    assert again.end() == 0 and "Traceback" not in again.shown


def test_where_and_when_it_was_seen() -> None:
    match = Match(label="key", score=0.5, probability=0.8, pose_known=True, map_id="office", frame_id="camera")
    match.pose.pose.position.x, match.pose.pose.position.y = 1.234, -2.0
    match.last_seen.sec = 1000
    match.region_of_interest.x_offset, match.region_of_interest.y_offset = 5, 6
    match.region_of_interest.width, match.region_of_interest.height = 70, 80
    response = Find.Response(success=True, matches=Matches(status=Matches.FOUND, matches=[match], nearest=[match]))
    assert lines_of(described("key", response), now=1000 + 2 * 3600) == [
        "FOUND      key  'key'  score 0.50  probability 0.80  seen 2 h ago  at 1.23 -2.00 m in map office"
        "  region 5,6 70x80 px"
    ]
