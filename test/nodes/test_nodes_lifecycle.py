# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Nodes under a lifecycle manager, transitions that fail with a reason, all nodes in one process, and clean ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from std_msgs.msg import String

from visual_byte.msg import Matches, Remembered
from visual_byte.srv import Find
from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.observation import Observation
from visual_byte_testing.graph import ROOT, Graph
from visual_byte_testing.sample_bundle import write_sample_bundle


def change(graph: Graph, node: str, transition: int) -> tuple[bool, str]:
    """Whether a transition succeeded, and the state after it."""
    done = graph.call(ChangeState, f"{node}/change_state", transition=Transition(id=transition)).success
    return done, graph.call(GetState, f"{node}/get_state").current_state.label


def write_photo(folder: Path) -> Path:
    folder.mkdir()
    cv2.imwrite(str(folder / "photo.png"), np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8))
    return folder


def settings(bundle: Bundle, folder: Path) -> dict[str, dict[str, str]]:
    """For each node, parameters with which it can be configured anywhere."""
    (folder / "sounds").mkdir()
    soundfile.write(folder / "sounds" / "a.wav", np.zeros(16_000), 16_000)
    return {
        "embedding_node": {"bundle": str(bundle.path), "memory_folder": str(folder / "memory")},
        "text_node": {"bundle": str(bundle.path)},
        "microphone_node": {"bundle": str(bundle.path), "source": "folder", "folder": str(folder / "sounds")},
        "camera_node": {"source": "folder", "path": str(write_photo(folder / "photos"))},
        "markers_node": {},
        "recorder_node": {"bag": str(folder / "bag")},
    }


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
    parameters = {node: given for node, given in settings(bundle, tmp_path).items() if node != "recorder_node"}
    processes = [graph.start(node, autostart=False, **given) for node, given in parameters.items()]
    for node in parameters:
        walk(graph, node)
    assert [process.end() for process in processes] == [0] * len(parameters)
    assert not any("Traceback" in process.output() for process in processes)


@pytest.mark.parametrize(
    ("step", "transition"),
    [("open", "CONFIGURE"), ("start", "ACTIVATE"), ("stop", "DEACTIVATE"), ("close", "CLEANUP")],
)
def test_a_fault_leads_back_to_unconfigured(graph: Graph, bundle: Bundle, step: str, transition: str) -> None:
    """It is told, nothing is left open, and the next life is as good as new."""
    process = graph.start("broken_node", environment={"BROKEN": step}, autostart=False, bundle=str(bundle.path))
    for name in ("CONFIGURE", "ACTIVATE", "DEACTIVATE", "CLEANUP"):
        done, state = change(graph, "text_node", getattr(Transition, f"TRANSITION_{name}"))
        if name == transition:
            break
        assert done
    assert (done, state) == (False, "unconfigured")
    values = graph.diagnosis("text_node", lambda values: "a fault in" in values["message"])
    assert values["message"] == f"unexpected error, please report it: RuntimeError('a fault in {step}')"
    assert "please report it: Traceback" in process.output()
    walk(graph, "text_node")
    assert process.end() == 0


SIGNALS = (signal.SIGINT, signal.SIGTERM)


@pytest.mark.parametrize("state", ["unconfigured", "inactive", "active"])
def test_every_node_ends_cleanly_in_every_state(graph: Graph, bundle: Bundle, tmp_path: Path, state: str) -> None:
    parameters = settings(bundle, tmp_path)
    processes = {node: graph.start(node, autostart=False, **given) for node, given in parameters.items()}
    for number, (node, process) in enumerate(processes.items()):
        process.wait_for_output("waiting to be configured")
        if state != "unconfigured":
            assert change(graph, node, Transition.TRANSITION_CONFIGURE) == (True, "inactive")
        if state == "active":
            assert change(graph, node, Transition.TRANSITION_ACTIVATE) == (True, "active")
        assert process.end(SIGNALS[(number + len(state)) % 2]) == 0, process.output()
        assert "Traceback" not in process.output() and "error" not in process.output().lower()


@pytest.mark.parametrize(("step", "number"), list(zip(("open", "start", "stop", "close"), 2 * SIGNALS, strict=True)))
def test_a_signal_in_the_middle_of_a_transition(graph: Graph, bundle: Bundle, step: str, number: int) -> None:
    process = graph.start("broken_node", environment={"SLOW": step}, bundle=str(bundle.path))
    if step in ("stop", "close"):
        change_to = Transition.TRANSITION_DEACTIVATE if step == "stop" else Transition.TRANSITION_ACTIVE_SHUTDOWN
        assert graph.diagnosis("text_node", lambda values: values["state"] == "active")
        client = graph.node.create_client(ChangeState, "text_node/change_state")
        graph.wait(client.service_is_ready, "the service")
        client.call_async(ChangeState.Request(transition=Transition(id=change_to)))
    process.wait_for_output(f"slow {step}")
    assert process.end(number) == 0
    assert "Traceback" not in process.output() and "error" not in process.output().lower()


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
        ({"memory_folder": "a_file/memory"}, "a_file"),
    ],
)
def test_what_cannot_be_used_fails_the_transition(
    graph: Graph, bundle: Bundle, tmp_path: Path, parameters: dict[str, str], says: str
) -> None:
    with Memory(tmp_path / "other", "other@0123456789ab") as other:
        other.remember(np.eye(512, dtype=np.float32)[0], Observation(captured_at=1.0))
        other.flush()
    in_use = Memory(tmp_path / "in_use", bundle.id)
    (tmp_path / "a_file").touch()
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


def test_a_bag_that_exists_is_not_written_over(graph: Graph, tmp_path: Path) -> None:
    (tmp_path / "bag").mkdir()
    process = graph.start("recorder_node", autostart=False, bag=str(tmp_path / "bag"))
    assert change(graph, "recorder_node", Transition.TRANSITION_CONFIGURE) == (False, "unconfigured")
    assert "Traceback" not in process.wait_for_output(f"cannot configure: {tmp_path / 'bag'}")
    (tmp_path / "bag").rmdir()
    assert change(graph, "recorder_node", Transition.TRANSITION_CONFIGURE) == (True, "inactive")


@pytest.mark.parametrize("wrong", [{"rate": "fast"}, {"rate": 1000.0}, {"source": "smell"}])
def test_a_parameter_out_of_range_is_one_line(graph: Graph, wrong: dict) -> None:
    process = graph.start("camera_node", **wrong)
    assert process.popen.wait(30) == 1
    assert process.output().count("\n") == 1 and next(iter(wrong)) in process.output()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--params-file", "/nowhere"], "/nowhere"),
        (["-p", "rate"], "-p rate"),
        (["--bogus"], "unknown arguments ['--bogus']"),
        (["-r", "__ns:=a b"], "__ns:=a b"),
    ],
)
def test_arguments_that_ros_cannot_read_are_named(arguments: list[str], says: str) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "camera_node"), "--ros-args", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    last = ended.stderr.splitlines()[-1]  # rcl logs lines of its own
    assert ended.returncode == 1 and last.startswith("error: ") and says in last
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_libraries_load(tmp_path: Path, number: int) -> None:
    """As the scripts begin; a module that is interrupted as it is imported stands in for a slow one."""
    (tmp_path / "interrupted.py").write_text(f"import os, time\nos.kill(os.getpid(), {number})\ntime.sleep(9)")
    program = "from visual_byte_ros.entry import enter; enter('interrupted')"
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    ended = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_pictures_are_computed_in_the_thread_that_asks() -> None:
    """Threads of OpenCV spin between the pictures of a camera."""
    script = """if True:
        import cv2, os, signal
        from visual_byte_ros.lifecycle import ManagedNode, run
        from visual_byte_ros.parameters import AUTOSTART

        class Painter(ManagedNode):
            def __init__(self):
                super().__init__("painter", (AUTOSTART,))

            def start(self):
                print("threads:", cv2.getNumThreads())
                os.kill(os.getpid(), signal.SIGINT)

        run([Painter])
    """
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert "threads: 1" in ran.stdout, ran.stderr


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
    assert remembered[0].header.frame_id == "camera_optical_frame"
    for node in ("camera_node", "embedding_node", "text_node", "markers_node"):
        assert graph.diagnosis(node, lambda values: True)["state"] == "active"
    assert process.end(signal.SIGTERM) == 0
    assert "Traceback" not in process.output()
