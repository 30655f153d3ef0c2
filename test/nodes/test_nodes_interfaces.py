# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The graph of running nodes is what their tables say, from configure to cleanup; before and after, nothing is left."""

from __future__ import annotations

import json
import shutil
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import rclpy
import soundfile
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.srv import GetParameters
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.topic_endpoint_info import TopicEndpointTypeEnum
from test_nodes_sources import tone

from visual_byte_core.bundle.bundle import Bundle
from visual_byte_ros.interfaces import Interfaces, Topic, in_words, type_name
from visual_byte_ros.lifecycle import ManagedNode
from visual_byte_testing.graph import Graph
from visual_byte_testing.paths import ROOT

NODES = sorted(path.stem for path in (ROOT / "visual_byte_ros").glob("*_node.py"))
ALWAYS = {"/diagnostics", "/rosout", "/parameter_events"}
OF_EVERY_NODE = {
    "change_state", "describe_parameters", "get_available_states", "get_available_transitions", "get_parameter_types",
    "get_parameters", "get_state", "get_transition_graph", "get_type_description", "list_parameters", "set_parameters",
    "set_parameters_atomically",
}  # fmt: skip


def settings(node: str, bundle: Bundle, folder: Path) -> dict[str, Any]:
    """Parameters with which a node can be configured anywhere."""
    (folder / "sounds").mkdir(exist_ok=True)
    soundfile.write(folder / "sounds" / "a.wav", tone(0.5), 16_000)
    return {
        "embedding_node": {"bundle": str(bundle.path), "memory_folder": str(folder / "memory")},
        "text_node": {"bundle": str(bundle.path)},
        "microphone_node": {"bundle": str(bundle.path), "source": "folder", "folder": str(folder / "sounds")},
        "camera_node": {"source": "folder", "path": str(ROOT / "examples" / "photos")},
        "recorder_node": {"bag": str(folder / "bag")},
    }.get(node, {})


def resolved(graph: Graph, node: str, name: str) -> str:
    return f"{graph.namespace}/{node}/{name[2:]}" if name.startswith("~/") else f"{graph.namespace}/{name}"


def expected(graph: Graph, node: str, **chosen: str) -> set[tuple[str, ...]]:
    """The endpoints that the table says. chosen: parameters that are not as the table of parameters says."""
    module = import_module(f"visual_byte_ros.{node}")
    table: Interfaces = module.INTERFACES
    values = {**{row.name: str(row.default).lower() for row in module.PARAMETERS}, **chosen}

    def exists(topic: Topic) -> bool:
        conditions = [condition.split(" is ") for condition in topic.when.split(" and ")] if topic.when else []
        return all(values[name] in allowed.split(" or ") for name, allowed in conditions)

    rows = {
        (kind, resolved(graph, node, topic.name), type_name(topic.kind), in_words(topic.qos))
        for kind, topics in (("PUBLISHER", table.publishes), ("SUBSCRIPTION", table.subscribes))
        for topic in topics
        if exists(topic)
    }
    return rows | {("SERVICE", resolved(graph, node, row.name), type_name(row.kind), "") for row in table.serves}


def actual(graph: Graph, node: str) -> set[tuple[str, ...]]:
    """The endpoints that the graph shows, but for those of every node."""
    me, rows = graph.node, set()
    own = (node, graph.namespace)
    for names, endpoints in (
        (me.get_publisher_names_and_types_by_node(*own), me.get_publishers_info_by_topic),
        (me.get_subscriber_names_and_types_by_node(*own), me.get_subscriptions_info_by_topic),
    ):
        for name, _ in names:
            for info in endpoints(name):
                if (info.node_name, info.node_namespace) == own and name not in ALWAYS:
                    kind = TopicEndpointTypeEnum(info.endpoint_type).name
                    rows.add((kind, name, info.topic_type, in_words(info.qos_profile)))
    event = ("PUBLISHER", f"{graph.namespace}/{node}/transition_event", "lifecycle_msgs/msg/TransitionEvent")
    rows = {row for row in rows if row[:3] != event}
    services = me.get_service_names_and_types_by_node(*own)
    return rows | {
        ("SERVICE", name, types[0], "") for name, types in services if name.split("/")[-1] not in OF_EVERY_NODE
    }


def change(graph: Graph, node: str, transition: int) -> None:
    done = graph.call(ChangeState, f"{node}/change_state", transition=Transition(id=transition))
    assert done.success, f"{node}: {transition}\n" + "\n".join(process.output() for process in graph.processes)


def without_depth(rows: set[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """DDS tells others the reliability of an endpoint, and not how much it keeps."""
    return {(*row[:3], row[3].partition(",")[0]) for row in rows}


@pytest.mark.parametrize("node", NODES)
def test_the_graph_is_what_the_table_says(graph: Graph, bundle: Bundle, tmp_path: Path, node: str) -> None:
    process = graph.start(node, autostart=False, **settings(node, bundle, tmp_path))
    process.wait_for_output("waiting to be configured")
    wanted = without_depth(expected(graph, node))
    graph.wait(lambda: (node, graph.namespace) in graph.node.get_node_names_and_namespaces(), "the node")
    assert actual(graph, node) == set()
    for change_to in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
        change(graph, node, change_to)
        graph.wait(lambda: without_depth(actual(graph, node)) == wanted, f"{wanted}, not {actual(graph, node)}")
    change(graph, node, Transition.TRANSITION_DEACTIVATE)
    change(graph, node, Transition.TRANSITION_CLEANUP)
    graph.wait(lambda: actual(graph, node) == set(), "an end of all topics and services")


def test_the_graph_of_a_node_that_plays_a_recording(graph: Graph, bundle: Bundle, tmp_path: Path) -> None:
    given = settings("embedding_node", bundle, tmp_path)
    process = graph.start("embedding_node", lossless=True, pose_type="odometry", image_transport="compressed", **given)
    chosen = {"lossless": "true", "image_transport": "compressed", "pose_type": "odometry"}
    wanted = without_depth(expected(graph, "embedding_node", **chosen))
    process.wait_for_output("memories")
    graph.wait(lambda: ("embedding_node", graph.namespace) in graph.node.get_node_names_and_namespaces(), "the node")
    graph.wait(lambda: without_depth(actual(graph, "embedding_node")) == wanted, f"{wanted}")


@pytest.mark.parametrize("node", NODES)
def test_cleanup_lets_go_of_everything(bundle: Bundle, tmp_path: Path, node: str) -> None:
    """In this process, where no executor adds threads of its own: threads and open files as before."""
    process = Path("/proc/self")

    def held() -> tuple[int, int, set[str]]:
        threads = {thread.name for thread in threading.enumerate()}
        return len(list((process / "task").iterdir())), len(list((process / "fd").iterdir())), threads

    context = rclpy.Context()
    given = [f"{name}:={json.dumps(value)}" for name, value in settings(node, bundle, tmp_path).items()]
    rclpy.init(context=context, args=["--ros-args", *(word for value in given for word in ("-p", value))])
    module = import_module(f"visual_byte_ros.{node}")
    (kind,) = (kind for kind in vars(module).values() if getattr(kind, "__module__", "") == module.__name__
               and isinstance(kind, type) and issubclass(kind, ManagedNode))  # fmt: skip
    managed = kind(context=context)
    try:
        walk(managed, tmp_path / "bag")  # once: libraries start what stays
        before = held()
        for _ in range(3):
            walk(managed, tmp_path / "bag")
        assert held() == before
    finally:
        managed.destroy_node()
        context.try_shutdown()


def walk(node: ManagedNode, bag: Path) -> None:
    """From unconfigured to active and back."""
    for transition in ("configure", "activate", "deactivate", "cleanup"):
        assert getattr(node, f"trigger_{transition}")() == TransitionCallbackReturn.SUCCESS, node.failure
    shutil.rmtree(bag, ignore_errors=True)  # recorder_node wants a new one


def test_quality_of_service_can_be_overridden(graph: Graph, bundle: Bundle, tmp_path: Path) -> None:
    """Of publishers and subscriptions; and they are as before after a cleanup and a new configuration."""
    embedding = settings("embedding_node", bundle, tmp_path)
    image, query = f"{graph.namespace}/image", f"{graph.namespace}/query"
    reliable = {f"qos_overrides.{image}.subscription.reliability": "reliable"}
    graph.start("embedding_node", **embedding, **reliable)
    camera = settings("camera_node", bundle, tmp_path)
    graph.start("camera_node", **camera, **{f"qos_overrides.{image}.publisher.reliability": "reliable"})
    graph.start("text_node", bundle=str(bundle.path), **{f"qos_overrides.{query}.publisher.depth": 7})
    ends = {("PUBLISHER", "camera_node"), ("SUBSCRIPTION", "embedding_node")}

    def reliable_ends() -> bool:
        infos = [*graph.node.get_publishers_info_by_topic(image), *graph.node.get_subscriptions_info_by_topic(image)]
        found = {(TopicEndpointTypeEnum(info.endpoint_type).name, info.node_name) for info in infos}
        return found == ends and all("reliable" in in_words(info.qos_profile) for info in infos)

    graph.wait(reliable_ends, "two reliable ends of the topic image")
    change(graph, "embedding_node", Transition.TRANSITION_DEACTIVATE)
    change(graph, "embedding_node", Transition.TRANSITION_CLEANUP)
    change(graph, "embedding_node", Transition.TRANSITION_CONFIGURE)
    graph.wait(reliable_ends, "two reliable ends once more")
    depth = graph.call(GetParameters, "text_node/get_parameters", names=[f"qos_overrides.{query}.publisher.depth"])
    assert depth.values[0].integer_value == 7


@pytest.mark.parametrize(("policy", "value"), [("reliability", "sometimes"), ("depth", -1), ("history", 3)])
def test_an_override_that_does_not_fit_fails_the_transition(graph: Graph, policy: str, value: Any) -> None:
    wrong = {f"qos_overrides.{graph.namespace}/image.publisher.{policy}": value}
    process = graph.start("camera_node", source="folder", path=str(ROOT / "examples" / "photos"), **wrong)
    output = process.wait_for_output("topic image: its QoS cannot be used; see qos_overrides")
    assert "Traceback" not in output
    assert process.end() == 0
