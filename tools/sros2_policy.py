# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The SROS 2 policy of the nodes: what each may publish, hear, answer and ask, from their tables, and nothing more.

The format is sros2's policy.xsd, version 0.2.0; tools/write_reference.py writes the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import ModuleType

HEADER = """\
<?xml version="1.0" encoding="UTF-8"?>
<!--
  SPDX-FileCopyrightText: 2026 The Visual Byte authors
  SPDX-License-Identifier: Apache-2.0

  Written by tools/write_reference.py from the tables of the nodes; do not edit. How to use it: docs/security.md.
  An enclave for each node, and one for those who ask. In a namespace, change every ns="/".
-->
"""
# What rclpy and the nodes' common part give every node.
PUBLISHED = ("/diagnostics", "/parameter_events", "/rosout", "~/transition_event")
HEARD = ("/clock",)
SERVED = (
    "~/change_state", "~/describe_parameters", "~/get_available_states", "~/get_available_transitions",
    "~/get_parameter_types", "~/get_parameters", "~/get_state", "~/get_transition_graph", "~/get_type_description",
    "~/list_parameters", "~/set_parameters", "~/set_parameters_atomically",
)  # fmt: skip
# With pose_type tf.
TRANSFORMS = {"embedding_node": ("/tf", "/tf_static")}
# The services of other nodes that it asks.
ASKED = {"markers_node": ("embedding_node/count", "embedding_node/list")}
# Who asks hears all that the nodes tell, and may ask, but neither configure nor forget nor teach.
ASKED_BY_USERS = ("embedding_node/find", "embedding_node/list", "embedding_node/count")


def policy(nodes: Mapping[str, ModuleType]) -> str:
    """nodes: the modules of the nodes, by the nodes' names."""
    enclaves = []
    for name, module in nodes.items():
        table = module.INTERFACES
        published = {topic.name for topic in table.publishes}
        heard = {topic.name for topic in table.subscribes} | {*TRANSFORMS.get(name, ())}
        served = {service.name for service in table.serves}
        rules = _rules("topics", "publish", "topic", {*PUBLISHED, *published})
        rules += _rules("topics", "subscribe", "topic", {*HEARD, *heard})
        rules += _rules("services", "reply", "service", {*SERVED, *served})
        rules += _rules("services", "request", "service", ASKED[name]) if name in ASKED else ""
        enclaves.append(_enclave(name, rules))
    enclaves.append(_enclave("user", _rules_of_users(nodes)))
    body = "".join(enclaves)
    return f'{HEADER}<policy version="0.2.0">\n  <enclaves>\n{body}  </enclaves>\n</policy>\n'


def _rules_of_users(nodes: Mapping[str, ModuleType]) -> str:
    told = {_absolute(topic.name, name) for name, module in nodes.items() for topic in module.INTERFACES.publishes}
    rules = _rules("topics", "publish", "topic", {"/parameter_events", "/rosout", "text"})
    rules += _rules("topics", "subscribe", "topic", {*HEARD, "/diagnostics", *told})
    return rules + _rules("services", "request", "service", ASKED_BY_USERS)


def _absolute(name: str, node: str) -> str:
    return f"{node}{name.removeprefix('~')}" if name.startswith("~") else name


def _enclave(name: str, rules: str) -> str:
    return (
        f'    <enclave path="/visual_byte/{name}">\n      <profiles>\n'
        f'        <profile ns="/" node="{name}">\n{rules}        </profile>\n'
        "      </profiles>\n    </enclave>\n"
    )


def _rules(kind: str, right: str, tag: str, names: Iterable[str]) -> str:
    lines = "".join(f"            <{tag}>{name}</{tag}>\n" for name in sorted(names))
    return f'          <{kind} {right}="ALLOW">\n{lines}          </{kind}>\n'
