# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Generated messages at every subscription and service of every node; studies/fuzz_nodes.py sends 10,000 to each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from visual_byte_testing.attacked_nodes import AttackedNodes, attacked_nodes
from visual_byte_testing.generated import attack, attack_with_torn_messages, bring_back
from visual_byte_testing.graph import ROOT, open_graph

OURS, OF_RCLPY, TORN = 100, 5, 20
MAX_GROWTH_MB = 40.0  # MB of a node in the whole test: first uses of everything it has


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AttackedNodes]:
    with open_graph(tmp_path_factory.mktemp("attacked")) as graph:
        yield attacked_nodes(graph)


def test_every_kind_of_input_is_attacked(nodes: AttackedNodes) -> None:
    names = {one.name.removeprefix(f"{nodes.graph.namespace}/") for one in nodes.endpoints()}
    services = {"find", "remember", "teach", "forget", "list", "count", "change_state", "set_parameters"}
    assert {"image", "query", "text", "pose", *(f"embedding_node/{service}" for service in services)} <= names


@pytest.mark.parametrize("node", sorted(path.stem for path in (ROOT / "visual_byte_ros").glob("*_node.py")))
def test_no_message_harms_a_node(nodes: AttackedNodes, node: str) -> None:
    graph, before = nodes.graph, nodes.resident_mb(node)
    for endpoint in (one for one in nodes.endpoints() if one.node == node):
        attack(graph, endpoint, OURS if endpoint.ours else OF_RCLPY, nodes.words)
        if not endpoint.is_service:
            attack_with_torn_messages(graph, endpoint, TORN)
        bring_back(graph, node)
    nodes.check()
    assert nodes.resident_mb(node) - before < MAX_GROWTH_MB
