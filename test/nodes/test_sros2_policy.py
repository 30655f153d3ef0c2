# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The policy for SROS 2 allows what the running nodes do, and nothing more."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from visual_byte_testing.attacked_nodes import AttackedNodes, attacked_nodes
from visual_byte_testing.graph import open_graph
from visual_byte_testing.paths import ROOT

POLICY = ElementTree.parse(ROOT / "config" / "sros2_policy.xml").getroot()
NODES = tuple(sorted(path.stem for path in (ROOT / "visual_byte_ros").glob("*_node.py")))
# Only with a simulated clock, with pose_type tf, with image_transport compressed.
UNUSED_HERE = {"/clock", "/tf", "/tf_static", "image/compressed"}


def allowed(enclave: str, right: str) -> set[str]:
    profile = POLICY.find(f"enclaves/enclave[@path='/visual_byte/{enclave}']/profiles/profile")
    assert profile is not None and (profile.get("ns"), profile.get("node")) == ("/", enclave)
    return {one.text or "" for rules in profile if rules.get(right) == "ALLOW" for one in rules}


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AttackedNodes]:
    with open_graph(tmp_path_factory.mktemp("policy")) as graph:
        yield attacked_nodes(graph)


def test_every_node_has_an_enclave_and_nothing_is_denied_or_a_pattern() -> None:
    assert POLICY.get("version") == "0.2.0"
    paths = {one.get("path") for one in POLICY.iter("enclave")}
    assert paths == {f"/visual_byte/{name}" for name in (*NODES, "user")}
    assert "*" not in "".join(POLICY.itertext()) and "DENY" not in ElementTree.tostring(POLICY, "unicode")


@pytest.mark.parametrize("node", NODES)
def test_a_node_may_do_what_it_does_and_no_more(nodes: AttackedNodes, node: str) -> None:
    graph = nodes.graph
    lists = {
        "publish": graph.node.get_publisher_names_and_types_by_node(node, graph.namespace),
        "subscribe": graph.node.get_subscriber_names_and_types_by_node(node, graph.namespace),
        "reply": graph.node.get_service_names_and_types_by_node(node, graph.namespace),
        "request": graph.node.get_client_names_and_types_by_node(node, graph.namespace),
    }
    for right, found in lists.items():
        done = {
            name.replace(f"{graph.namespace}/{node}/", "~/").removeprefix(f"{graph.namespace}/") for name, _ in found
        }
        done = {"pose" if name == "recorded_pose" else name for name in done}
        assert done <= allowed(node, right), right
        assert allowed(node, right) - done <= UNUSED_HERE, right


def test_users_may_ask_but_not_change_anything() -> None:
    assert allowed("user", "request") == {f"embedding_node/{name}" for name in ("find", "list", "count")}
    assert "text" in allowed("user", "publish") and "matches" in allowed("user", "subscribe")
    assert not allowed("user", "reply")
