# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""embedding_node whose disk fills up, becomes read-only or is gone says so, and answers from what it has."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from visual_byte.msg import Matches, Remembered
from visual_byte.srv import Find
from visual_byte_core.memory.memory import Memory
from visual_byte_ros.answer_messages import time_message
from visual_byte_ros.image_messages import to_message
from visual_byte_ros.qos import NEWEST_FRAME
from visual_byte_testing.disks import fill, frozen
from visual_byte_testing.graph import Graph
from visual_byte_testing.sample_bundle import write_sample_bundle


def picture(seed: int) -> np.ndarray:
    """Colour blocks that no other seed has."""
    return np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8).repeat(12, axis=0).repeat(16, axis=1)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    filler = fill(folder.parent, 0)
    yield
    filler.unlink()


class Camera:
    """embedding_node, and frames for it, one picture after the other."""

    def __init__(self, graph: Graph, folder: Path) -> None:
        self.graph = graph
        self.bundle = write_sample_bundle(graph.folder / "bundle")
        self.remembered = graph.collect(Remembered, "embedding_node/remembered")
        self.process = graph.start(
            "embedding_node", bundle=str(self.bundle.path), memory_folder=str(folder), acknowledge_within_s=0.02
        )
        self.images = graph.publisher(Image, "image", NEWEST_FRAME)
        self.seconds = itertools.count(1_700_000_000)

    def show(self, seed: int) -> None:
        message = to_message(picture(seed))
        message.header = Header(stamp=time_message(float(next(self.seconds))))
        self.images.publish(message)

    def until_remembered(self, seed: int) -> str:
        before = len(self.remembered)
        self.graph.repeat(lambda: self.show(seed), lambda: len(self.remembered) > before, "an acknowledgement")
        return self.remembered[-1].id

    def found(self, seed: int) -> list[str]:
        answer = self.graph.call(Find, "embedding_node/find", image=to_message(picture(seed)), k=1).matches
        assert answer.status == Matches.FOUND, answer.reason
        return [match.id for match in answer.matches]

    def until_told(self, what: str) -> None:
        """The next diagnoses say ERROR and `what` while frames come, and so does the log."""
        told: list[dict[str, str]] = []

        def look() -> None:
            self.show(99)
            told.append(self.graph.diagnosis("embedding_node", lambda values: True))

        self.graph.repeat(look, lambda: any(what in values["message"] for values in told), f"{what!r} in diagnostics")
        assert "frame not remembered" in self.process.output() and what in self.process.output()


@pytest.mark.parametrize("trouble", ["read-only", "full"])
def test_a_disk_that_takes_no_more_is_told_until_it_does(
    graph: Graph, tmp_path: Path, trouble: str, request: pytest.FixtureRequest
) -> None:
    folder = (request.getfixturevalue("small_disk") if trouble == "full" else tmp_path) / "memory"
    camera = Camera(graph, folder)
    first = camera.until_remembered(1)
    with full(folder) if trouble == "full" else frozen(folder):
        camera.until_told("MB free on its disk" if trouble == "full" else "has become read-only")
        assert camera.found(1) == [first]
    second = camera.until_remembered(2)
    assert camera.found(2) == [second]
    assert camera.process.end() == 0 and "Traceback" not in camera.process.output()
    acknowledged = {message.id for message in camera.remembered}
    with Memory(folder, camera.bundle.id, dimension=camera.bundle.dimension) as memory:
        assert memory.known(sorted(acknowledged)) == acknowledged


def test_a_folder_that_is_deleted_under_a_node_is_told(graph: Graph, tmp_path: Path) -> None:
    camera = Camera(graph, tmp_path / "memory")
    first = camera.until_remembered(1)
    shutil.rmtree(tmp_path / "memory")
    camera.until_told("is gone")
    assert camera.found(1) == [first]
    camera.process.end()
    assert "Traceback" not in camera.process.output()
