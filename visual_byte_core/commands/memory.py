# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Look into a robot's memory, forget, export and import it, or embed it again for another bundle.

A running robot holds its memory: stop embedding_node first, or use its services. What `list` prints is meant for
people; with --json, `list` prints one JSON object a line.
"""

from __future__ import annotations

import argparse
import logging
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visual_byte_core.bundle.starter import starter_bundle
from visual_byte_core.commands.common import add_bundle, print_json
from visual_byte_core.errors import ConfigurationError, printable

if TYPE_CHECKING:
    from visual_byte_core.memory.match import Filter, Match
    from visual_byte_core.memory.memory import Memory

HELP = "list, count, forget, export, import or re-embed memories"
EXTRA = "robot"

log = logging.getLogger("visual_byte")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", dest="action", required=True)
    for name, text in (
        ("list", "print what is remembered"),
        ("count", "print how many memories there are"),
        ("forget", "delete memories for good; needs a condition or --all"),
    ):
        action = _action(actions, name, text)
        action.add_argument("--label", metavar="NAME", help="only memories of this label")
        action.add_argument("--map", metavar="ID", help="only memories of this map")
        action.add_argument("--after", type=_time, metavar="TIME", help="only those last seen at or after, ISO 8601")
        action.add_argument("--before", type=_time, metavar="TIME", help="only those first seen at or before")
        if name == "forget":
            action.add_argument("--id", action="append", default=[], metavar="UUID", help="this one; may be repeated")
            action.add_argument("--all", action="store_true", help="everything, taught names included")
    _action(actions, "export", "write all memories into one file").add_argument("file", type=Path, metavar="FILE")
    _action(actions, "import", "add the memories of such a file").add_argument("file", type=Path, metavar="FILE")
    action = _action(actions, "reembed", "embed all thumbnails again with a bundle; the old memory stays until done")
    add_bundle(action, required=False)
    action.add_argument("--leave-out", action="store_true", help="do without memories that have no thumbnail")


def run(arguments: argparse.Namespace) -> int:
    from visual_byte_core.memory.memory import Memory

    bundle_id, dimension = _owner(arguments)
    with Memory(arguments.folder, bundle_id, dimension=dimension) as memory:
        told = _ACTIONS[arguments.action](memory, bundle_id, dimension, arguments)
    if told is not None:
        if arguments.json:
            print_json(told)
        else:
            print(", ".join(f"{key.replace('_', ' ')}: {value}" for key, value in told.items()))
    return 0


def _owner(arguments: argparse.Namespace) -> tuple[str, int]:
    """Bundle and dimension of the memory; a new one that something is imported into is of the file's bundle."""
    from visual_byte_core.memory.archive import owner_of_archive
    from visual_byte_core.memory.memory_folder import MANIFEST, owner_of

    if arguments.action == "import" and not (arguments.folder / MANIFEST).exists():
        return owner_of_archive(arguments.file)
    return owner_of(arguments.folder)


def _list(memory: Memory, bundle_id: str, dimension: int, arguments: argparse.Namespace) -> None:
    from visual_byte_core.files import json_text

    begin, listed = "", 0
    while True:
        matches, begin = memory.page(_filter(arguments), 1000, begin)
        listed += len(matches)
        for match in matches:
            print(json_text(_described(match)) if arguments.json else _line(match))
        if not begin:
            break
    if not listed:
        log.info("no memory fits the filter" if memory.count() else "the memory is empty")


def _count(memory: Memory, bundle_id: str, dimension: int, arguments: argparse.Namespace) -> dict[str, Any]:
    return {"memories": memory.count(_filter(arguments)), "bundle": bundle_id, "taught_names": memory.taught.names}


def _forget(memory: Memory, bundle_id: str, dimension: int, arguments: argparse.Namespace) -> dict[str, Any]:
    from visual_byte_core.engine.forgetting import forget

    unknown = len(set(arguments.id)) - len(memory.known(arguments.id))
    count = forget(memory, arguments.id, _filter(arguments), everything=arguments.all)
    return {"forgotten": count, **({"not_found": unknown} if unknown else {})}


def _export(memory: Memory, bundle_id: str, dimension: int, arguments: argparse.Namespace) -> dict[str, Any]:
    from visual_byte_core.memory.archive import export_memory

    return {"exported": export_memory(memory, bundle_id, dimension, arguments.file), "file": str(arguments.file)}


def _import(memory: Memory, bundle_id: str, dimension: int, arguments: argparse.Namespace) -> dict[str, Any]:
    from visual_byte_core.memory.archive import import_memory

    added, known = import_memory(memory, bundle_id, dimension, arguments.file)
    return {"imported": added, "were_there": known}


def _reembed(memory: Memory, bundle_id: str, dimension: int, arguments: argparse.Namespace) -> dict[str, Any]:
    from visual_byte_core.embedding.embedder import Embedder
    from visual_byte_core.engine.reembedding import reembed

    embedder = Embedder(arguments.bundle or starter_bundle(), threads=arguments.threads)
    if embedder.bundle.id == bundle_id:
        raise ConfigurationError(f"{arguments.folder}: is of bundle {bundle_id} already; name another with --bundle")
    return {"bundle": embedder.bundle.id, **vars(reembed(memory, embedder, leave_out=arguments.leave_out))}


_ACTIONS = {
    "list": _list, "count": _count, "forget": _forget, "export": _export, "import": _import, "reembed": _reembed
}  # fmt: skip


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    action = actions.add_parser(name, help=text, description=text)
    action.add_argument("--folder", type=Path, required=True, metavar="DIR", help="the memory folder")
    action.add_argument("--json", action="store_true", help="print the answer as JSON")
    return action


def _filter(arguments: argparse.Namespace) -> Filter | None:
    from visual_byte_core.memory.match import Filter

    map_id = None if arguments.map is None else printable(arguments.map)
    where = Filter(arguments.label, arguments.after, arguments.before, map_id)
    return None if where == Filter() else where


def _described(match: Match) -> dict[str, Any]:
    return {
        "id": match.id, "label": match.label, "first_seen": match.first_seen, "last_seen": match.last_seen,
        "times": match.times, "map_id": match.map_id, "pose_frame": match.pose_frame, "pose": match.pose,
        "source": match.source, "places": [vars(place) for place in match.places],
    }  # fmt: skip


def _line(match: Match) -> str:
    place = "" if match.pose is None else f"  at {match.pose[0]:.2f} {match.pose[1]:.2f} {match.pose[2]:.2f}"
    of_map = f" of {match.map_id}" if match.map_id else ""
    seen = datetime.fromtimestamp(match.last_seen).isoformat(" ", "seconds")
    return f"{match.id}  {seen}  {match.times:4d} times  {printable(match.label) or '-'}{place}{of_map}"


def _time(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a time such as 2026-05-01T12:30, got {text!r}") from None
