# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Clocks that jump, stamps from nowhere, a folder that another node holds, and processors that others use."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from std_msgs.msg import Header, String

from visual_byte.msg import Matches, Remembered
from visual_byte.srv import Count, Find, Remember
from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.messages.stamps import seconds_of
from visual_byte_ros.answer_messages import time_message
from visual_byte_ros.image_messages import to_message
from visual_byte_ros.qos import NEWEST_FRAME
from visual_byte_testing.busy import busy_loops
from visual_byte_testing.graph import Graph, open_graph

HOUR = 3600
START = 1_700_000_000
LAST = Time(sec=2**31 - 1, nanosec=2**32 - 1)  # a nanosec over 999,999,999 is wrong, but can be sent


def picture(seed: int) -> np.ndarray:
    """Colour blocks that no other seed has."""
    blocks = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    return blocks.repeat(12, axis=0).repeat(16, axis=1)


@contextmanager
def running(folder: Path, bundle: Bundle, **parameters: object) -> Iterator[Graph]:
    with open_graph(folder) as graph:
        graph.start("embedding_node", bundle=str(bundle.path), memory_folder=str(folder / "memory"), **parameters)
        yield graph
        for process in graph.processes:
            assert process.end(signal.SIGINT) == 0
            assert "Traceback" not in process.output() and "please report" not in process.output()


def find(graph: Graph, seed: int) -> Matches:
    return graph.call(Find, "embedding_node/find", image=to_message(picture(seed)), k=1).matches


def test_a_clock_that_jumps_by_hours_loses_neither_frames_nor_answers(tmp_path: Path, bundle: Bundle) -> None:
    with running(tmp_path, bundle, use_sim_time=True) as graph:
        clock = graph.publisher(Clock, "/clock")
        seconds = [START, START + 10 * HOUR, START - 5 * HOUR, START + 10 * HOUR, START]
        for seed, now in enumerate(seconds):
            graph.repeat(
                partial(clock.publish, Clock(clock=time_message(now))),
                lambda now=now: seconds_of(find(graph, 99).header.stamp) == now,
                "the time of the clock",
            )
            # Without a stamp it was captured now, as the clock says.
            remembered = graph.call(Remember, "embedding_node/remember", image=to_message(picture(seed)))
            assert remembered.success, remembered.message
            found = find(graph, seed)
            assert found.status == Matches.FOUND and found.matches[0].id == remembered.id
            assert found.matches[0].last_seen.sec == now
        assert graph.call(Count, "embedding_node/count").count == len(seconds)


@pytest.mark.parametrize(
    "stamp", [Time(), Time(sec=1), Time(sec=-5 * HOUR), time_message(4e9 - 2**31), LAST], ids=lambda s: str(s.sec)
)
def test_a_frame_of_any_stamp_is_remembered_and_found(tmp_path: Path, bundle: Bundle, stamp: Time) -> None:
    with running(tmp_path, bundle) as graph:
        remembered = graph.collect(Remembered, "embedding_node/remembered")
        images = graph.publisher(Image, "image", NEWEST_FRAME)
        message = to_message(picture(1))
        message.header = Header(stamp=stamp, frame_id="eye")
        graph.repeat(lambda: images.publish(message), lambda: bool(remembered), "the acknowledgement")
        assert remembered[0].header.stamp == stamp
        found = find(graph, 1)
        assert found.status == Matches.FOUND and found.matches[0].last_seen.sec >= 0


def test_a_second_node_on_one_memory_folder_is_refused_and_the_first_goes_on(tmp_path: Path, bundle: Bundle) -> None:
    with running(tmp_path, bundle) as graph:
        remembered = graph.call(Remember, "embedding_node/remember", image=to_message(picture(1)))
        (tmp_path / "second").mkdir()
        with open_graph(tmp_path / "second") as second:
            memory = str(tmp_path / "memory")
            process = second.start("embedding_node", bundle=str(bundle.path), memory_folder=memory)
            said = process.wait_for_output("waiting; when that is mended")
            assert "in use by another process; stop that process or choose another folder" in said
            assert process.end() == 0 and "Traceback" not in process.output()
        assert graph.call(Remember, "embedding_node/remember", image=to_message(picture(2))).success
        assert find(graph, 1).matches[0].id == remembered.id


def test_beside_four_busy_loops_every_query_is_answered_or_rejected(tmp_path: Path, bundle: Bundle) -> None:
    with running(tmp_path, bundle) as graph, busy_loops(4):
        graph.start("text_node", bundle=str(bundle.path))
        matches, texts = graph.collect(Matches, "matches"), graph.publisher(String, "text")
        graph.repeat(
            lambda: texts.publish(String(data="ready?")),
            lambda: any(one.status != Matches.REJECTED for one in list(matches)),
            "the nodes find each other",
        )
        for names in ([f"thing {burst}.{number}" for number in range(5)] for burst in range(6)):
            for name in names:
                texts.publish(String(data=name))
            graph.wait(lambda names=names: set(names) <= {one.text for one in list(matches)}, "all answers")
        rejected = [one for one in matches if one.status == Matches.REJECTED]
        assert all(one.reason for one in rejected)
