#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Writes what is known of parameters, topics and services, from the tables of the nodes.

    python tools/write_reference.py [--check]

These are config/visual_byte.yaml, config/sros2_policy.xml, docs/parameters.md and docs/interfaces.md. --check writes
nothing and fails if one of the files is not what it would write.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

from sros2_policy import policy

from visual_byte_core.files import write_whole
from visual_byte_ros.interfaces import Service, Topic, in_words, type_name
from visual_byte_ros.parameters import Parameter

ROOT = Path(__file__).resolve().parents[1]
ERROR_CODES = ROOT / "msg" / "ErrorCode.msg"
NODES = sorted(path.stem for path in (ROOT / "visual_byte_ros").glob("*_node.py"))
GENERATED = "Written by tools/write_reference.py from the tables of the nodes; do not edit."

CONFIGURATION = f"""\
# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
#
# {GENERATED}
# All parameters of all nodes with their defaults; launch/visual_byte.launch.py and bringup load this file.
# As a table, with what changes while a node runs: docs/parameters.md
#
# There is no section for all nodes at once, because ROS would let such a section keep `-p name:=value` of the
# command line from reaching the nodes' own sections. For one value in all nodes: -p bundle:=PATH
"""

PARAMETERS = f"""\
# Parameters

<!-- {GENERATED} -->

`config/visual_byte.yaml` holds all of them with their defaults; copy it, and give the copy to `ros2 launch visual_byte
visual_byte.launch.py parameters:=FILE`. One value of a running node: `ros2 param describe /camera_node rate`,
`ros2 param set /embedding_node k 5`.

*While running*: **at once** takes effect with `ros2 param set`; **configured anew** is refused while the node is
configured, with a message that says so: `ros2 lifecycle set /NODE deactivate`, then `cleanup`, set it, `configure` and
`activate`; **never** counts when the node starts.

A number out of its range, another type or another choice is refused with a message. Every node has `use_sim_time`
of ROS, too: stamps then come from `/clock`, while time limits and diagnostics go by the steady clock.
"""

INTERFACES = f"""\
# Topics and services

<!-- {GENERATED} -->

Names are relative: a namespace or a remapping (`-r image:=/front/image_raw`) works. `~/` stands for the node's name.
Topics and services exist from `configure` to `cleanup`, and nothing is published unless the node is active; beside them
each node always has `/diagnostics` (diagnostic_msgs/msg/DiagnosticArray, once a second), the services and the event
of a lifecycle node, and those for parameters and logging that every node of ROS has.

The quality of service of each topic can be overridden when the node starts, by ROS's parameters
`qos_overrides.TOPIC.publisher.POLICY` and `qos_overrides.TOPIC.subscription.POLICY` with the full name of the topic and
`history` (keep_last, keep_all), `depth` or `reliability` (reliable, best_effort):

    ros2 run visual_byte camera_node --ros-args -p qos_overrides./image.publisher.reliability:=best_effort

With `lossless` of embedding_node the word is `subscription_lossless`.

A service that did not do what was asked says so by `success`, in a sentence for people by `message`, and by `code` in a
word for programs, [one of these](#error-codes).
"""

CODES = """
## Error codes

Constants of visual_byte/msg/ErrorCode: `response.code == ErrorCode.NO_FRAME`.

| code | what it means |
| --- | --- |
"""


def configuration(nodes: dict[str, ModuleType]) -> str:
    return CONFIGURATION + "\n".join(
        f"/**/{name}:\n  ros__parameters:\n" + "".join(map(_yaml, module.PARAMETERS)) for name, module in nodes.items()
    )


def _yaml(row: Parameter) -> str:
    allowed = f" ({_allowed(row)})" if _allowed(row) and row.expected == "" else ""
    comment = textwrap.wrap(f"{row.description}{allowed}", 112, break_on_hyphens=False, break_long_words=False)
    return "".join(f"    # {line}\n" for line in comment) + f"    {row.name}: {json.dumps(row.default)}\n"


def _allowed(row: Parameter) -> str:
    if row.choices:
        return ", ".join(row.choices)
    if isinstance(row.default, bool):
        return ""
    if isinstance(row.default, str):
        return row.expected
    return f"{row.minimum:.10g} to {row.maximum:.10g}{' ' if row.unit else ''}{row.unit}"


def parameters(nodes: dict[str, ModuleType]) -> str:
    return PARAMETERS + "".join(
        f"\n## {name}\n\n| name | type | default | allowed | unit | while running | what it is |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n" + "".join(map(_parameter_row, module.PARAMETERS))
        for name, module in nodes.items()
    )


def _parameter_row(row: Parameter) -> str:
    types = {bool: "bool", int: "integer", float: "double", str: "string"}
    while_running = "never" if row.read_only else "at once" if row.live else "configured anew"
    allowed = _allowed(row).removesuffix(row.unit).strip()
    default = f"`{json.dumps(row.default)}`"
    cells = (f"`{row.name}`", types[type(row.default)], default, allowed, row.unit, while_running, row.description)
    return f"| {' | '.join(cells)} |\n"


def interfaces(nodes: dict[str, ModuleType]) -> str:
    of_nodes = "".join(f"\n## {name}\n{_interfaces_of(module)}" for name, module in nodes.items())
    return INTERFACES + of_nodes + CODES + "".join(f"| {_code(code)} | {what} |\n" for code, what in _error_codes())


def _error_codes() -> Iterator[tuple[str, str]]:
    """The constants of ErrorCode.msg and the comments beside them."""
    for line in ERROR_CODES.read_text(encoding="utf-8").splitlines():
        if constant := re.fullmatch(r'string \w+="(\w*)" *# (.+)', line):
            yield constant[1], constant[2]


def _code(code: str) -> str:
    return f"`{code}`" if code else "empty"


def _interfaces_of(module: ModuleType) -> str:
    table = module.INTERFACES
    text = ""
    for direction, topics in (("publishes", table.publishes), ("subscribes to", table.subscribes)):
        if topics:
            text += f"\n| {direction} | type | quality of service | what it is |\n| --- | --- | --- | --- |\n"
            text += "".join(map(_topic_row, topics))
    if table.serves:
        text += "\n| service | type | what it does |\n| --- | --- | --- |\n" + "".join(map(_service_row, table.serves))
    return text


def _topic_row(topic: Topic) -> str:
    when = " Only if " + re.sub(r"(\w+) is", r"`\1` is", topic.when) + "." if topic.when else ""
    return f"| `{topic.name}` | {type_name(topic.kind)} | {in_words(topic.qos)} | {topic.description}{when} |\n"


def _service_row(service: Service) -> str:
    return f"| `{service.name}` | {type_name(service.kind)} | {service.description} |\n"


FILES: dict[str, Callable[[dict[str, ModuleType]], str]] = {
    "config/visual_byte.yaml": configuration,
    "config/sros2_policy.xml": policy,
    "docs/parameters.md": parameters,
    "docs/interfaces.md": interfaces,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only say which files differ; exit code 1 if one does")
    check = parser.parse_args().check
    nodes = {name: import_module(f"visual_byte_ros.{name}") for name in NODES}
    differing = 0
    for name, write in FILES.items():
        text, path = write(nodes), ROOT / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        differing += 1
        if check:
            print(f"{name}: not as the nodes say; run python tools/write_reference.py", file=sys.stderr)
        else:
            write_whole(path, text.encode())
            print(f"{name}: written")
    return int(check and differing > 0)


if __name__ == "__main__":
    sys.exit(main())
