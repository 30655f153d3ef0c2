# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""embedding_node killed at any moment loses nothing that it acknowledged."""

from __future__ import annotations

import itertools
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from visual_byte.msg import Remembered
from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.memory.memory import Memory
from visual_byte_ros.answer_messages import time_message
from visual_byte_ros.image_messages import to_message
from visual_byte_ros.qos import NEWEST_FRAME
from visual_byte_testing.graph import open_graph
from visual_byte_testing.sample_bundle import write_sample_bundle

KILLS = 20
MAX_LIFE_S = 0.6  # seconds of frames before the kill


def live_and_die(folder: Path, bundle: Bundle, life: int, seconds: float) -> set[str]:
    """Show frames to a new embedding_node, kill it that many seconds after its first acknowledgement, return all of
    them.

    A graph of its own for each life: one that knew the dead node takes seconds to see the next.
    """
    numbers = itertools.count(1000 * life)
    with open_graph(folder) as graph:
        remembered = graph.collect(Remembered, "embedding_node/remembered")
        process = graph.start(
            "embedding_node",
            bundle=str(bundle.path),
            memory_folder=str(folder / "memory"),
            merge=False,
            acknowledge_within_s=0.02,
        )
        images = graph.publisher(Image, "image", NEWEST_FRAME)

        def show_a_frame() -> None:
            number = next(numbers)
            message = to_message(np.random.default_rng(number).integers(0, 256, (48, 64, 3), np.uint8))
            message.header = Header(stamp=time_message(1.7e9 + number))
            images.publish(message)

        graph.wait(lambda: (show_a_frame(), bool(remembered))[1], f"an acknowledgement in life {life}")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            show_a_frame()
            time.sleep(0.003)
        process.end(signal.SIGKILL)
        return {message.id for message in list(remembered)}


def test_kill_9_loses_no_acknowledged_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # No shared memory: Fast DDS has crashed in this process after another was killed while it wrote there.
    monkeypatch.setenv("FASTDDS_BUILTIN_TRANSPORTS", "UDPv4")
    bundle = write_sample_bundle(tmp_path / "bundle")
    chance = random.Random(5)
    acknowledged: set[str] = set()
    for life in range(KILLS):
        acknowledged |= live_and_die(tmp_path, bundle, life, chance.uniform(0, MAX_LIFE_S))
        with Memory(tmp_path / "memory", bundle.id) as memory:
            anything = np.ones(bundle.dimension, np.float32)
            stored = {match.id for match in memory.search(anything, k=memory.count())}
        assert acknowledged <= stored, f"{len(acknowledged - stored)} memories lost in life {life}"
    assert len(acknowledged) >= 3 * KILLS
