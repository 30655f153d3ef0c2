# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Names that a person and a synthetic voice said into microphone_node are taught by the ids of their queries, and found
after a restart: by the same person in a noisier room, and by another voice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import soundfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from visual_byte.msg import Matches, Query, Remembered
from visual_byte.srv import Teach
from visual_byte_core.dataset.voice_engines.espeak import EspeakVoice
from visual_byte_core.rendering.speech import read_sound
from visual_byte_ros.answer_messages import time_message
from visual_byte_ros.image_messages import to_message
from visual_byte_ros.qos import NEWEST_FRAME
from visual_byte_testing.graph import Graph, open_graph
from visual_byte_testing.paths import BANANA, ROOT

STARTER = ROOT / "models" / "starter"
VOICES = (EspeakVoice("en-us", "Annie", 165, 50), EspeakVoice("en-us", "Michael", 165, 50))


def photo(name: str) -> np.ndarray:
    return cv2.imread(str(sorted((ROOT / "examples" / "photos" / name).glob("*.jpg"))[0]))[:, :, ::-1]


class Room:
    """embedding_node with the starter bundle; sounds come from files through microphone_node."""

    def __init__(self, graph: Graph, memory: Path) -> None:
        self.graph, self.sounds = graph, graph.folder / "sounds"
        self.sounds.mkdir()
        self.queries, self.matches = graph.collect(Query, "query"), graph.collect(Matches, "matches")
        self.remembered = graph.collect(Remembered, "embedding_node/remembered")
        graph.start("embedding_node", bundle=str(STARTER), memory_folder=str(memory))
        self.images = graph.publisher(Image, "image", NEWEST_FRAME)

    def show(self, name: str, second: float) -> str:
        message = to_message(np.ascontiguousarray(photo(name)))
        message.header = Header(stamp=time_message(1.7e9 + second))
        before = len(self.remembered)
        self.graph.repeat(
            lambda: self.images.publish(message), lambda: len(self.remembered) > before, f"{name} remembered"
        )
        return self.remembered[-1].id

    def hear(self, **recordings: tuple[np.ndarray, int]) -> dict[str, Matches]:
        """Play recordings to a microphone_node, and return the answers by their names.

        Again and again: as this process listens to the queries, too, the first may come before embedding_node does.
        """
        for name, (samples, rate) in recordings.items():
            soundfile.write(self.sounds / f"{name}.wav", samples, rate)
        microphone = self.graph.start(
            "microphone_node", bundle=str(STARTER), source="folder", folder=str(self.sounds), speed=20.0, loop=True
        )
        self.graph.wait(lambda: {m.text for m in list(self.matches)} >= set(recordings), "an answer to each sound")
        microphone.end()
        return {answer.text: answer for answer in self.matches}


@contextmanager
def room(folder: Path, memory: Path) -> Iterator[Room]:
    folder.mkdir()
    with open_graph(folder) as graph:
        yield Room(graph, memory)


def noisy(samples: np.ndarray) -> np.ndarray:
    """A quieter recording with noise 20 dB below it."""
    quiet = 0.4 * samples
    noise = np.random.default_rng(0).normal(size=len(quiet)) * 0.1 * np.sqrt(np.mean(quiet**2))
    return quiet + noise


def test_spoken_names_are_taught_and_found_after_a_restart(tmp_path: Path) -> None:
    human, rate = read_sound(BANANA)
    before, again = (voice.synthesize("grandma's teapot") for voice in VOICES)
    with room(tmp_path / "before", tmp_path / "memory") as now:
        carrots = now.show("carrots", 0)
        answers = now.hear(person=(human, rate), synthetic=before)
        assert all(answer.status == Matches.NOT_FOUND for answer in answers.values())
        taught = now.graph.call(Teach, "embedding_node/teach", name="my stick", query_id=answers["person"].id)
        assert taught.success, taught.message
        assert list(taught.ids) == [carrots]
        ginger = now.show("ginger", 600)
        taught = now.graph.call(Teach, "embedding_node/teach", query_id=answers["synthetic"].id)
        assert taught.success and list(taught.ids) == [ginger], taught.message
    with room(tmp_path / "after", tmp_path / "memory") as later:
        answers = later.hear(person=(noisy(human), rate), other_voice=again)
    found = answers["person"]
    assert found.status == Matches.FOUND and (found.matches[0].id, found.matches[0].label) == (carrots, "my stick")
    assert 0.5 < found.matches[0].probability < 1
    found = answers["other_voice"]
    assert found.status == Matches.FOUND and found.matches[0].id == ginger
