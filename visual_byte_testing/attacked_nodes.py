# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Real nodes to send anything to, and whether they are as well as before."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter

from visual_byte.msg import Matches
from visual_byte.srv import Find, Forget, Remember
from visual_byte_core.bench.resident_memory import resident_bytes
from visual_byte_core.bundle.bundle import Bundle
from visual_byte_ros.image_messages import to_message
from visual_byte_testing.generated import BAD_WORDS, Endpoint, endpoints
from visual_byte_testing.graph import Graph, Process
from visual_byte_testing.paths import DATA, ROOT
from visual_byte_testing.sample_bundle import write_sample_bundle

POSE_TYPES = ("pose_with_covariance", "pose", "odometry")
PICTURE = np.random.default_rng(0).integers(0, 256, (4, 4, 3), np.uint8).repeat(12, axis=0).repeat(16, axis=1)


class AttackedNodes:
    """Every node, active."""

    def __init__(self, graph: Graph, bundle: Bundle, processes: dict[str, Process]) -> None:
        self.graph, self.processes = graph, processes
        self.words = (bundle.renderer.digest(),)

    def endpoints(self) -> list[Endpoint]:
        return endpoints(self.graph, self.processes)

    def resident_mb(self, node: str) -> float:
        return resident_bytes(self.processes[node].popen.pid, "VmRSS") / 2**20

    def check(self) -> None:
        """Every node lives and printed no sign of a bug, and embedding_node finds what it is shown."""
        for node, process in self.processes.items():
            assert process.popen.poll() is None, f"{node} ended with {process.popen.returncode}\n{process.output()}"
            wrong = [line for line in process.output().splitlines() if any(word in line for word in BAD_WORDS)]
            assert not wrong, f"{node}: {wrong[:3]}\n{process.output()[-4000:]}"
        # What has been remembered meanwhile may score as well as this, and the number of matches may have been changed.
        self._call(Forget, "forget", all=True)
        name = [Parameter("k", value=3).to_parameter_msg()]
        assert self._call(SetParameters, "set_parameters", parameters=name).results[0].successful
        remembered = self._call(Remember, "remember", image=to_message(PICTURE), label="the sane one")
        assert remembered.success, remembered.message
        found = self._call(Find, "find", image=to_message(PICTURE)).matches
        assert found.status == Matches.FOUND and found.matches[0].id == remembered.id

    def summary(self) -> str:
        printed = sum(len(process.output()) for process in self.processes.values())
        return f"every node lives; they printed {printed / 1e6:.1f} MB"

    def _call(self, kind: Any, service: str, **fields: object) -> Any:
        return self.graph.call(kind, f"embedding_node/{service}", **fields)


def _is_active(graph: Graph, node: str) -> bool:
    return bool(graph.call(GetState, f"{node}/get_state").current_state.id == State.PRIMARY_STATE_ACTIVE)


def attacked_nodes(graph: Graph, pose_type: str = POSE_TYPES[0], transport: str = "raw") -> AttackedNodes:
    bundle = write_sample_bundle(graph.folder / "bundle")
    of_bundle = {"bundle": str(bundle.path)}
    photos, recordings = str(ROOT / "examples" / "photos"), str(DATA)
    settings: dict[str, dict[str, Any]] = {
        "embedding_node": {
            **of_bundle,
            "memory_folder": str(graph.folder / "memory"),
            "pose_type": pose_type,
            "image_transport": transport,
        },
        "text_node": of_bundle,
        "camera_node": {"source": "folder", "path": photos, "rate": 0.2},
        "microphone_node": {**of_bundle, "source": "folder", "folder": recordings},
        "markers_node": {},
        "recorder_node": {"bag": str(graph.folder / "bag"), "pose_topic": "recorded_pose"},
    }
    nodes = AttackedNodes(graph, bundle, {node: graph.start(node, **given) for node, given in settings.items()})
    for node in nodes.processes:
        graph.wait(partial(_is_active, graph, node), f"{node} is active")
    return nodes
