# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Nodes under a lifecycle manager, transitions that fail with a reason, all nodes in one process, and clean ends."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
from graph import Graph, open_graph
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from sample_bundle import write_sample_bundle
from std_msgs.msg import String

from visual_byte.msg import Matches, Remembered
from visual_byte.srv import Find
from visual_byte_core.deployment.bundle import Bundle
from visual_byte_core.runtime.memory import Memory, Seen


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[Graph]:
    with open_graph(tmp_path) as graph:
        yield graph


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write_sample_bundle(tmp_path_factory.mktemp("bundle") / "bundle")


def change(graph: Graph, node: str, transition: int) -> tuple[bool, str]:
    """Whether a transition succeeded, and the state after it."""
    done = graph.call(ChangeState, f"{node}/change_state", transition=Transition(id=transition)).success
    return done, graph.call(GetState, f"{node}/get_state").current_state.label


def write_photo(folder: Path) -> Path:
    folder.mkdir()
    cv2.imwrite(str(folder / "photo.png"), np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8))
    return folder


def walk(graph: Graph, node: str) -> None:
    """Every transition of a managed life, twice, and the end."""
    for _ in range(2):
        assert change(graph, node, Transition.TRANSITION_CONFIGURE) == (True, "inactive")
        assert change(graph, node, Transition.TRANSITION_ACTIVATE) == (True, "active")
        assert change(graph, node, Transition.TRANSITION_DEACTIVATE) == (True, "inactive")
        assert change(graph, node, Transition.TRANSITION_ACTIVATE) == (True, "active")
        assert change(graph, node, Transition.TRANSITION_DEACTIVATE) == (True, "inactive")
        assert change(graph, node, Transition.TRANSITION_CLEANUP) == (True, "unconfigured")
    assert change(graph, node, Transition.TRANSITION_CONFIGURE) == (True, "inactive")
    assert change(graph, node, Transition.TRANSITION_INACTIVE_SHUTDOWN) == (True, "finalized")


def test_every_node_walks_every_transition(graph: Graph, bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "sounds").mkdir()
    soundfile.write(tmp_path / "sounds" / "a.wav", np.zeros(16_000), 16_000)
    parameters = {
        "embedding_node": {"bundle": str(bundle.path), "memory_folder": str(tmp_path / "memory")},
        "text_node": {"bundle": str(bundle.path)},
        "microphone_node": {"bundle": str(bundle.path), "source": "folder", "folder": str(tmp_path / "sounds")},
        "camera_node": {"source": "folder", "path": str(write_photo(tmp_path / "photos"))},
    }
    processes = [graph.start(node, autostart=False, **given) for node, given in parameters.items()]
    for node in parameters:
        walk(graph, node)
    assert [process.end() for process in processes] == [0] * 4
    assert not any("Traceback" in process.output() for process in processes)


def test_a_managed_node_works_only_while_active(graph: Graph, bundle: Bundle, tmp_path: Path) -> None:
    graph.start("embedding_node", autostart=False, bundle=str(bundle.path), memory_folder=str(tmp_path / "memory"))
    assert change(graph, "embedding_node", Transition.TRANSITION_CONFIGURE) == (True, "inactive")
    response = graph.call(Find, "embedding_node/find", text="mug")
    assert (response.success, response.code) == (False, "INACTIVE")
    assert change(graph, "embedding_node", Transition.TRANSITION_ACTIVATE) == (True, "active")
    assert graph.call(Find, "embedding_node/find", text="mug").success


def test_an_impossible_transition_does_not_end_the_node(graph: Graph, bundle: Bundle) -> None:
    process = graph.start("text_node", autostart=False, bundle=str(bundle.path))
    assert change(graph, "text_node", Transition.TRANSITION_ACTIVATE) == (False, "unconfigured")
    assert change(graph, "text_node", 77) == (False, "unconfigured")
    assert "Traceback" not in process.wait_for_output("not possible while unconfigured; possible: configure, shutdown")
    assert change(graph, "text_node", Transition.TRANSITION_CONFIGURE) == (True, "inactive")


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"bundle": "/nowhere"}, "bundle /nowhere: no such folder"),
        ({"provider": "CUDAExecutionProvider"}, "execution provider 'CUDAExecutionProvider': not in this onnxruntime"),
        ({"memory_folder": "other"}, "other@0123456789ab"),
        ({"memory_folder": "in_use"}, "in use by another process"),
    ],
)
def test_what_cannot_be_used_fails_the_transition(
    graph: Graph, bundle: Bundle, tmp_path: Path, parameters: dict[str, str], says: str
) -> None:
    with Memory(tmp_path / "other", "other@0123456789ab") as other:
        other.remember(np.eye(512, dtype=np.float32)[0], Seen(captured_at=1.0))
        other.flush()
    in_use = Memory(tmp_path / "in_use", bundle.id)
    given = {"bundle": str(bundle.path), "memory_folder": "memory", **parameters}
    given["memory_folder"] = str(tmp_path / given["memory_folder"])
    process = graph.start("embedding_node", autostart=False, **given)
    assert change(graph, "embedding_node", Transition.TRANSITION_CONFIGURE) == (False, "unconfigured")
    assert "Traceback" not in process.wait_for_output(says)
    graph.diagnosis("embedding_node", lambda values: says in values["message"])
    in_use.close()
    if says == "in use by another process":
        assert change(graph, "embedding_node", Transition.TRANSITION_CONFIGURE) == (True, "inactive")
    assert process.end() == 0
    with Memory(tmp_path / "other", "other@0123456789ab") as other:
        assert other.count() == 1


def test_an_altered_bundle_is_refused_by_every_node_that_needs_one(graph: Graph, tmp_path: Path) -> None:
    altered = write_sample_bundle(tmp_path / "altered")
    altered.onnx_path.write_bytes(altered.onnx_path.read_bytes() + b"x")
    for node in ("embedding_node", "text_node", "microphone_node"):
        process = graph.start(node, bundle=str(altered.path), memory_folder=str(tmp_path / "memory"))
        assert "backbone.onnx" in process.wait_for_output("cannot configure")


@pytest.mark.parametrize("wrong", [{"rate": "fast"}, {"rate": 1000.0}, {"source": "smell"}])
def test_a_parameter_out_of_range_is_one_line(graph: Graph, wrong: dict) -> None:
    process = graph.start("camera_node", **wrong)
    assert process.popen.wait(30) == 1
    assert process.output().count("\n") == 1 and next(iter(wrong)) in process.output()


def test_all_nodes_in_one_process(graph: Graph, bundle: Bundle, tmp_path: Path) -> None:
    """The user's file and command line count more than config/visual_byte.yaml; a missing microphone stops nothing."""
    matches = graph.collect(Matches, "matches")
    remembered = graph.collect(Remembered, "embedding_node/remembered")
    own = tmp_path / "own.yaml"
    photos = write_photo(tmp_path / "photos")
    own.write_text(f"/**/camera_node: {{ros__parameters: {{source: folder, path: {photos}}}}}")
    process = graph.start(
        "bringup",
        file=own,
        bundle=str(bundle.path),
        memory_folder=str(tmp_path / "memory"),
        device="no such microphone",
    )
    texts = graph.publisher(String, "text")
    graph.wait(lambda: len(remembered) > 0, "a memory")
    graph.repeat(
        lambda: texts.publish(String(data="mug")),
        lambda: any(match.status == Matches.NOT_FOUND and match.nearest for match in list(matches)),
        "an answer",
    )
    assert "microphone 'no such microphone'" in process.output()
    assert process.end(signal.SIGTERM) == 0
    assert "Traceback" not in process.output()
