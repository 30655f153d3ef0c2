# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""microphone_node with a real capture device of PulseAudio: heard, lost, found again, muted, held by a button."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from std_msgs.msg import Bool, Float32

from visual_byte.msg import Matches, Query
from visual_byte.srv import Remember
from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.rendering.photo import read_photo
from visual_byte_ros.image_messages import to_message, to_rgb
from visual_byte_testing.graph import ROOT, Graph
from visual_byte_testing.paths import BANANA
from visual_byte_testing.sound_server import SoundServer

NOTICED_S = 3.0


@pytest.fixture
def server() -> Iterator[SoundServer]:
    server = SoundServer()
    yield server
    server.close()


def start(graph: Graph, server: SoundServer, bundle: str, listeners: int = 1, **parameters: object) -> None:
    """Return when it listens, and knows that many subscribers of its queries."""
    graph.start("microphone_node", environment=server.environment, bundle=bundle, **parameters)
    graph.diagnosis(
        "microphone_node",
        lambda values: values["message"] == "listening" and values["listeners"] == str(listeners),
    )
    graph.wait(server.is_heard, "somebody who listens to the microphone")


def write_wave(path: Path, *channels: np.ndarray, rate: int = 48_000) -> Path:
    soundfile.write(path, np.stack(channels, axis=1), rate)
    return path


def tone(seconds: float, rate: int = 48_000) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * 300 * np.arange(round(seconds * rate)) / rate)


def test_a_spoken_name_is_answered_with_the_right_thing(graph: Graph, server: SoundServer, tmp_path: Path) -> None:
    bundle = str(ROOT / "models" / "starter")
    graph.start("embedding_node", bundle=bundle, memory_folder=str(tmp_path / "memory"), false_accept_rate=0.3)
    for name in ("banana", "avocado", "leek"):
        photo = read_photo(min((ROOT / "examples" / "photos" / name).iterdir()))
        assert graph.call(Remember, "embedding_node/remember", image=to_message(photo), label=name).success
    answers = graph.collect(Matches, "matches")
    start(graph, server, bundle, device="KITCHEN", language="en")
    graph.be_known_to("embedding_node")  # what it does not know yet, would not hear the answer
    server.play(BANANA)
    answer = graph.wait_for(answers, lambda answer: answer.modality == Query.AUDIO, "an answer")
    assert answer.status == Matches.FOUND, answer.reason
    assert answer.matches[0].label == "banana"


def test_unplugged_it_is_noticed_and_plugged_in_again_it_is_heard(
    graph: Graph, server: SoundServer, bundle: Bundle
) -> None:
    queries, matches = graph.collect(Query, "query"), graph.collect(Matches, "matches")
    start(graph, server, str(bundle.path))
    button = graph.publisher(Bool, "microphone_node/push_to_talk")
    server.play(BANANA)
    graph.wait(lambda: len(queries) == 1, "an utterance")
    for times in (1, 2):
        unplugged = time.monotonic()
        server.unplug()
        values = graph.diagnosis("microphone_node", lambda values: values["message"].startswith("lost: microphone"))
        assert time.monotonic() - unplugged < NOTICED_S
        assert "check its cable" in values["message"] and values["state"] == "active"
        button.publish(Bool(data=True))  # whoever holds it is told that nothing is heard
        graph.wait(lambda times=times: len(matches) == times, "a rejection of the button")
        assert matches[-1].status == Matches.REJECTED and matches[-1].reason == values["message"]
        button.publish(Bool(data=False))
        server.plug_in()
        values = graph.diagnosis("microphone_node", lambda values: values["message"] == "listening")
        assert int(values["times lost"]) >= times
        graph.wait(server.is_heard, "somebody who listens to the microphone")
        server.play(BANANA)
        graph.wait(lambda times=times: len(queries) == 1 + times, "an utterance after the loss")


@pytest.mark.parametrize("channel", [1, 2])
def test_the_channel_that_is_chosen_is_heard(
    graph: Graph, server: SoundServer, bundle: Bundle, tmp_path: Path, channel: int
) -> None:
    """A name in the right channel, a beep in the left one, which is no speech."""
    speech, rate = soundfile.read(BANANA)
    sound = write_wave(tmp_path / "both.wav", tone(len(speech) / rate, rate)[: len(speech)], speech, rate=rate)
    queries, matches = graph.collect(Query, "query"), graph.collect(Matches, "matches")
    start(graph, server, str(bundle.path), channel=channel, voice_activity="energy")
    server.play(sound)
    graph.wait(lambda: bool(queries or matches), "a query or a rejection")
    assert (len(queries), [m.reason.partition(":")[0] for m in matches]) == (
        (0, ["sound"]) if channel == 1 else (1, [])
    )


def test_a_muted_microphone_and_its_level(graph: Graph, server: SoundServer, bundle: Bundle, tmp_path: Path) -> None:
    start(graph, server, str(bundle.path), listeners=0)
    values = graph.diagnosis("microphone_node", lambda values: values["message"] != "listening")
    assert "only digital silence for" in values["message"] and "muted?" in values["message"]
    assert float(values["level dBFS"]) == -120
    levels = graph.collect(Float32, "microphone_node/level")
    graph.wait(lambda: len(levels) > 3, "levels")
    server.play(write_wave(tmp_path / "tone.wav", tone(1.0), tone(1.0)))
    graph.wait(lambda: any(level.data > -20 for level in levels), "the level of a tone")
    assert max(level.data for level in levels) == pytest.approx(20 * np.log10(0.3 / np.sqrt(2)), abs=1)
    graph.diagnosis("microphone_node", lambda values: values["message"] == "listening")


def test_a_button_begins_and_ends_an_utterance(
    graph: Graph, server: SoundServer, bundle: Bundle, tmp_path: Path
) -> None:
    queries = graph.collect(Query, "query")
    start(graph, server, str(bundle.path), mode="push_to_talk", speech_probability=0.0)
    button = graph.publisher(Bool, "microphone_node/push_to_talk")
    server.play(BANANA)  # nobody holds the button
    sound = write_wave(tmp_path / "tone.wav", tone(0.6), tone(0.6))
    button.publish(Bool(data=True))
    server.play(sound)
    assert not queries
    button.publish(Bool(data=False))
    graph.wait(lambda: bool(queries), "the utterance of the button")
    assert len(queries) == 1 and to_rgb(queries[0].image).std() > 0


def test_the_list_of_microphones(server: SoundServer) -> None:
    environment = {**os.environ, **server.environment}
    command = [sys.executable, "-m", "visual_byte_ros.microphone_node", "--list"]
    listed = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT, timeout=30)
    assert listed.returncode == 0, listed.stderr
    lines = listed.stdout.splitlines()
    assert lines[0].split()[:3] == ["index", "name", "channels"]
    assert any(line.startswith("*") and "'default'" in line for line in lines)
    assert any("'kitchen'" in line and "44100" in line and "16000" in line for line in lines)


def test_a_channel_and_a_name_that_are_not_there(graph: Graph, server: SoundServer, bundle: Bundle) -> None:
    for parameters, says in (
        ({"channel": 40}, "has 32 channels, `channel` asks for number 40"),
        ({"device": "cellar"}, "microphone 'cellar': there is no such microphone; this machine has 0 '"),
    ):
        node = graph.start("microphone_node", environment=server.environment, bundle=str(bundle.path), **parameters)
        node.wait_for_output(says)
        assert node.end() == 0
