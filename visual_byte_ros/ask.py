# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Ask a running robot for things by name, at a terminal.

Without a name it asks for names until Ctrl-D, with a history; what is piped in is asked line by line.
Exit code: 0 found, 1 something was not found, 2 no answer, a name that is refused, or wrong arguments. At a terminal's
prompt each answer says so itself, and the exit code is 0.
"""

from __future__ import annotations

import argparse
import json
import math
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import rclpy
from rclpy.client import Client
from rclpy.exceptions import InvalidNamespaceException
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args

from visual_byte.msg import Match, Matches
from visual_byte.srv import Find
from visual_byte_core.errors import VisualByteError, printable
from visual_byte_core.files import take_any_text, write_whole
from visual_byte_core.messages.stamps import seconds_of
from visual_byte_core.user_folders import state_folder
from visual_byte_ros.interfaces import type_name
from visual_byte_ros.paths import provide_log_folder

SERVICE = "embedding_node/find"
PROMPT = "name> "
STATUS = {Matches.FOUND: "FOUND", Matches.NOT_FOUND: "NOT_FOUND", Matches.REJECTED: "REJECTED"}
EXIT_CODES = {"FOUND": 0, "NOT_FOUND": 1, "REJECTED": 2}
# A service loses the response to a client that it does not know yet: ask again, as asking twice does no harm.
ASK_AGAIN_S = 1.0
HISTORY_LENGTH = 1000


class NoAnswer(VisualByteError):
    """Nobody answers."""


class Asker:
    """Asks the embedding_node of a namespace."""

    def __init__(self, namespace: str, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._node = Node("ask", namespace=namespace, start_parameter_services=False)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._service = self._node.resolve_service_name(SERVICE)
        self._client: Client = self._node.create_client(Find, SERVICE)

    def ask(self, name: str, k: int) -> Find.Response:
        """Raises NoAnswer."""
        if (text := printable(name)) != name:  # a terminal may give halves of characters
            raise NoAnswer(f"{text} is no UTF-8; set the terminal to UTF-8 and type it again")
        until = time.monotonic() + self._timeout_s
        if not self._client.wait_for_service(self._timeout_s):
            raise NoAnswer(self._nobody())
        while (left := until - time.monotonic()) > 0:
            future = self._client.call_async(Find.Request(text=text, k=k))
            self._executor.spin_until_future_complete(future, min(left, ASK_AGAIN_S))
            if future.done():
                return future.result()
            self._client.remove_pending_request(future)
        raise NoAnswer(f"{self._service} gave no answer within {self._timeout_s:g} s; see the node's diagnostics")

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown()
        self._node.destroy_node()

    def _nobody(self) -> str:
        kind = type_name(Find)
        known = [name for name, kinds in self._node.get_service_names_and_types() if kind in kinds]
        others = [name for name in known if name.endswith(f"/{SERVICE}") and self._node.count_services(name)]
        if others:
            spaces = " or ".join(name.removesuffix(f"/{SERVICE}") or "/" for name in others)
            return f"no node answers {self._service}; one answers with --namespace {spaces}"
        return (
            f"no node answers {self._service}; start one: ros2 launch visual_byte visual_byte.launch.py"
            " (with the same ROS_DOMAIN_ID)"
        )


def main() -> None:
    """Ask as the command line says, and exit with its code."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # Ctrl-C raises KeyboardInterrupt, whoever called
    sys.exit(run(remove_ros_args(sys.argv)[1:]))


def run(arguments: list[str]) -> int:
    """Ask what the arguments say; exit code 0: found, 1: not found, 2: no answer or wrong arguments."""
    chosen = parse(arguments)
    take_any_text()
    try:
        provide_log_folder()
    except VisualByteError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    rclpy.init(args=sys.argv, signal_handler_options=SignalHandlerOptions.NO)
    try:
        asker = Asker(chosen.namespace, chosen.timeout)
    except InvalidNamespaceException as error:
        print(f"error: --namespace {chosen.namespace!r}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    at_a_terminal = not chosen.name and sys.stdin.isatty()
    worst = 0
    try:
        for name in [" ".join(chosen.name)] if chosen.name else typed_names(at_a_terminal):
            worst = max(worst, answer(asker, name, chosen))
    except KeyboardInterrupt:
        print()
        return 0 if at_a_terminal else 2
    finally:
        asker.close()
        rclpy.try_shutdown()
    return 0 if at_a_terminal else worst


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the arguments, those of ROS removed; wrong ones end the program."""
    parser = argparse.ArgumentParser(
        prog="ask", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", nargs="*", metavar="NAME", help="what to look for; several words are one name")
    parser.add_argument("--namespace", default="", metavar="NS", help="namespace of the robot's nodes")
    parser.add_argument("--k", type=int, default=0, metavar="N", help="matches at most (default: as the node is set)")
    parser.add_argument(
        "--timeout", type=float, default=5.0, metavar="S", help="seconds to wait for an answer (default: %(default)g)"
    )
    parser.add_argument("--json", action="store_true", help="print each answer as one line of JSON")
    chosen = parser.parse_args(arguments)
    if not 0 < chosen.timeout < math.inf:
        parser.error(f"--timeout must be a number of seconds over 0, got {chosen.timeout:g}")
    if not 0 <= chosen.k < 2**32:
        parser.error(f"--k must be 0 or more, got {chosen.k}")
    return chosen


def answer(asker: Asker, name: str, chosen: argparse.Namespace) -> int:
    """Ask for a name, print the answer, and return the exit code that it means."""
    try:
        response = asker.ask(name, chosen.k)
    except NoAnswer as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    found = described(name, response)
    print(json.dumps(found, ensure_ascii=False) if chosen.json else "\n".join(lines_of(found, time.time())), flush=True)
    return EXIT_CODES[found["status"]]


def typed_names(at_a_terminal: bool) -> Iterator[str]:
    """The lines that are typed or piped in, blank ones left out."""
    if not at_a_terminal:
        yield from filter(None, map(str.strip, sys.stdin))
        return
    with_history = History(history_path())
    while True:
        try:
            line = input(PROMPT).strip()
        except EOFError:
            print()
            return
        if line:
            with_history.keep()
            yield line


class History:
    """What was typed before, for the arrow keys; without readline there is none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            import readline
        except ImportError:
            self._readline: Any = None
            return
        self._readline = readline
        readline.set_history_length(HISTORY_LENGTH)
        with suppress(OSError):  # none yet, or not readable: then it begins again
            readline.read_history_file(path)

    def keep(self) -> None:
        """Write it down; where that is not possible it lives as long as this process."""
        if not self._readline:
            return
        first = max(1, self._readline.get_current_history_length() - HISTORY_LENGTH + 1)
        last = self._readline.get_current_history_length()
        lines = [self._readline.get_history_item(i) for i in range(first, last + 1)]
        with suppress(VisualByteError):
            write_whole(self._path, "".join(f"{line}\n" for line in lines).encode(errors="replace"))


def history_path() -> Path:
    """Where the names that were typed are kept for the next time."""
    return state_folder() / "ask_history"


def described(name: str, response: Find.Response) -> dict[str, Any]:
    """An answer as a program reads it."""
    matches = response.matches
    return {
        "name": name,
        "status": STATUS[matches.status] if response.success else "REJECTED",
        "reason": matches.reason or response.message,
        "matches": [match_described(match) for match in matches.matches],
        "nearest": [match_described(match) for match in matches.nearest],
        "seconds": round(matches.seconds, 4),
        "bundle": matches.bundle,
    }


def match_described(match: Match) -> dict[str, Any]:
    """A match as a program reads it, plain JSON values; times in seconds since 1970."""
    region, position = match.region_of_interest, match.pose.pose.position
    return {
        "id": match.id,
        "label": match.label,
        "score": round(match.score, 4),
        "probability": round(match.probability, 4),
        "first_seen": seconds_of(match.first_seen),
        "last_seen": seconds_of(match.last_seen),
        "times": match.times,
        "position": [round(v, 3) for v in (position.x, position.y, position.z)] if match.pose_known else None,
        "pose_frame": match.pose.header.frame_id,
        "map_id": match.map_id,
        "frame_id": match.frame_id,
        "region": [region.x_offset, region.y_offset, region.width, region.height] if region.width else None,
    }


def lines_of(found: dict[str, Any], now: float) -> Iterable[str]:
    """An answer as a person reads it."""
    if found["status"] == "FOUND":
        return [f"FOUND      {found['name']}  {seen(match, now)}" for match in found["matches"]]
    nearest = [f"  nearest: {seen(match, now)}" for match in found["nearest"][:1]]
    if found["status"] == "NOT_FOUND" and nearest:
        return [f"NOT_FOUND  {found['name']}{nearest[0]}"]
    return [f"{found['status']:9}  {found['name']}  {found['reason']}"]


def seen(match: dict[str, Any], now: float) -> str:
    """Score, probability, when and where."""
    what = f"{match['label']!r}  " if match["label"] else ""
    parts = [f"score {match['score']:.2f}", f"probability {match['probability']:.2f}", ago(now - match["last_seen"])]
    if match["position"]:
        x, y, _ = match["position"]
        parts.append(f"at {x:.2f} {y:.2f} m" + (f" in map {match['map_id']}" if match["map_id"] else ""))
    elif match["frame_id"]:
        parts.append(f"by {match['frame_id']}")
    if match["region"]:
        left, top, width, height = match["region"]
        parts.append(f"region {left},{top} {width}x{height} px")
    return what + "  ".join(parts)


def ago(seconds: float) -> str:
    """For example "seen 3 min ago"; a stamp of another clock is no age."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"seen {seconds / size:.0f} {unit} ago"
    return f"seen {max(0.0, seconds):.0f} s ago"


if __name__ == "__main__":
    main()
