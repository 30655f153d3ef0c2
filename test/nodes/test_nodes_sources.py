# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""camera_node and microphone_node in their own processes, with files and with a real capture device of ALSA."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
from sensor_msgs.msg import Image

from visual_byte.msg import Matches, Query, Source
from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.rendering.speech import render_speech
from visual_byte_ros.image_messages import to_rgb
from visual_byte_ros.qos import NEWEST_FRAME
from visual_byte_testing.graph import Graph
from visual_byte_testing.paths import BANANA

RATE = 16_000
ALSA_RATE = 44_100  # what ALSA's null device offers PortAudio


def tone(seconds: float, rate: int = RATE) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * 300 * np.arange(round(seconds * rate)) / rate)


def test_photos_are_published_beside_their_names(graph: Graph, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    (photos / "fruit").mkdir(parents=True)
    colours = {"fruit/apple.png": (200, 10, 20), "fruit/kiwi.png": (10, 200, 20), "mug.png": (20, 10, 200)}
    for name, colour in colours.items():
        cv2.imwrite(str(photos / name), np.full((6, 8, 3), colour[::-1], np.uint8))
    (photos / "broken.jpg").write_bytes(b"\xff\xd8 cut off")
    images = graph.collect(Image, "image", NEWEST_FRAME)
    sources = graph.collect(Source, "camera_node/source")
    camera = graph.start("camera_node", source="folder", path=str(photos), rate=20.0, frame_id="eye")

    def shown() -> dict[str, list[int]]:
        names = {(s.header.stamp.sec, s.header.stamp.nanosec): s.name for s in list(sources)}
        stamps = [(i.header.stamp.sec, i.header.stamp.nanosec) for i in list(images)]
        return {names[s]: to_rgb(i)[0, 0].tolist() for s, i in zip(stamps, list(images), strict=False) if s in names}

    graph.wait(lambda: len(shown()) == 3, "all three photos with their names")
    assert shown() == {name: list(colour) for name, colour in colours.items()}
    assert images[0].header.frame_id == "eye" and images[0].encoding == "rgb8"
    assert "broken.jpg" in camera.wait_for_output("skipped")
    values = graph.diagnosis("camera_node", lambda values: int(values.get("frames", 0)) > 3)
    assert values["unreadable frames"] == "1" and values["source"] == str(photos)
    assert camera.end() == 0


def test_recordings_become_queries_or_are_rejected(graph: Graph, bundle: Bundle, tmp_path: Path) -> None:
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    apple = tone(0.5).astype(np.float32)
    soundfile.write(sounds / "apple.wav", apple, RATE, subtype="FLOAT")
    soundfile.write(sounds / "eight_channels.wav", np.stack([tone(0.5, 96_000)] * 8, axis=1), 96_000)
    soundfile.write(sounds / "nan.wav", np.full(RATE, np.nan), RATE, subtype="FLOAT")
    soundfile.write(sounds / "short.wav", tone(0.05), RATE)
    soundfile.write(sounds / "silent.wav", np.zeros(RATE), RATE)
    matches = graph.collect(Matches, "matches")
    microphone = graph.start(
        "microphone_node", bundle=str(bundle.path), source="folder", folder=str(sounds), speed=20.0, language="en",
        speech_probability=0.0, voice_activity="energy",
    )  # fmt: skip
    graph.diagnosis("microphone_node", lambda values: values["message"] == "waiting for a subscriber")
    assert not matches
    queries = graph.collect(Query, "query")
    graph.wait(lambda: len(matches) + len(queries) == 5, "five answers")
    assert [query.text for query in queries] == ["apple", "eight_channels"]
    assert {(q.modality, q.language, q.renderer) for q in queries} == {("audio", "en", bundle.renderer.digest())}
    rendered = render_speech(apple, RATE, bundle.size_of("audio"), bundle.renderer.speech)
    np.testing.assert_array_equal(to_rgb(queries[0].image), rendered)
    assert [match.text for match in matches] == ["nan", "short", "silent"]
    assert {match.status for match in matches} == {Matches.REJECTED}
    reasons = {match.text: match.reason for match in matches}
    assert "NaN" in reasons["nan"] and "no utterance" in reasons["short"] and "every sample is 0" in reasons["silent"]
    values = graph.diagnosis("microphone_node", lambda values: values["message"] == "ended")
    assert (values["utterances"], values["refused sounds"]) == ("2", "3")
    assert microphone.end() == 0


def test_a_sound_that_is_no_speech_is_rejected(graph: Graph, bundle: Bundle, tmp_path: Path) -> None:
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    soundfile.write(sounds / "a_beep.wav", tone(0.5), RATE)
    shutil.copy(BANANA, sounds)
    matches, queries = graph.collect(Matches, "matches"), graph.collect(Query, "query")
    graph.start(
        "microphone_node", bundle=str(bundle.path), source="folder", folder=str(sounds), speed=20.0,
        voice_activity="energy",
    )  # fmt: skip
    graph.wait(lambda: bool(matches and queries), "a rejection and a query")
    assert [query.text for query in queries] == ["banana"]
    assert [(match.text, match.status) for match in matches] == [("a_beep", Matches.REJECTED)]
    assert "no speech" in matches[0].reason and "speech_probability" in matches[0].reason


class SoundCard:
    """A capture device of ALSA that hears what is written into a pipe: a tone of half a second, a pause, a tone..."""

    def __init__(self, folder: Path) -> None:
        pipe = folder / "pipe"
        os.mkfifo(pipe)
        self._pipe = os.open(pipe, os.O_RDWR)  # both ways, so that neither end waits for the other to open
        self.configuration = folder / "asound.conf"
        self.configuration.write_text(
            "pcm.!default { type file slave.pcm { type null } file /dev/null format raw infile " + str(pipe) + " }\n"
        )
        self.mute = threading.Event()
        """Deliver nothing, not even silence."""
        self.spoil = threading.Event()
        """Deliver NaN."""
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._play, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ending.set()
        self._thread.join()
        os.close(self._pipe)

    def _play(self) -> None:
        """Five times faster than life; the pipe is never filled, so that the writer never waits."""
        cycle = np.concatenate([np.zeros(ALSA_RATE), tone(0.5, ALSA_RATE)]).astype("<f4")
        chunk = ALSA_RATE // 20
        os.set_blocking(self._pipe, False)
        position = 0
        while not self._ending.wait(0.01):
            if self.mute.is_set():
                continue
            try:
                sound = cycle[position : position + chunk]
                os.write(self._pipe, (sound * np.nan if self.spoil.is_set() else sound).astype("<f4").tobytes())
            except BlockingIOError:
                continue
            position = (position + chunk) % len(cycle)


def test_a_microphone_is_heard_lost_and_heard_again(graph: Graph, bundle: Bundle, tmp_path: Path) -> None:
    card = SoundCard(tmp_path)
    queries = graph.collect(Query, "query")
    environment = {"ALSA_CONFIG_PATH": str(card.configuration)}
    microphone = graph.start(
        "microphone_node", environment=environment, bundle=str(bundle.path), speech_probability=0.0,
        voice_activity="energy",
    )  # fmt: skip
    graph.wait(lambda: len(queries) >= 3, "three utterances")
    assert {(query.modality, query.text) for query in queries} == {("audio", "")}
    assert to_rgb(queries[1].image).std() > 0
    values = graph.diagnosis("microphone_node", lambda values: float(values.get("level dBFS", -120)) > -20)
    assert values["message"] == "listening" and float(values["noise dBFS"]) < -100
    card.mute.set()
    values = graph.diagnosis("microphone_node", lambda values: values["message"].startswith("lost"))
    assert "stopped delivering sound" in values["message"] and values["state"] == "active"
    card.mute.clear()
    before = len(queries)
    graph.wait(lambda: len(queries) > before, "an utterance after the loss")
    assert "the default microphone: is back" in microphone.output()
    card.spoil.set()
    values = graph.diagnosis("microphone_node", lambda values: values["message"].startswith("lost"))
    assert "delivers NaN or infinite samples" in values["message"] and int(values["times lost"]) >= 2
    card.spoil.clear()
    before = len(queries)
    graph.wait(lambda: len(queries) > before, "an utterance after NaN")
    assert microphone.end() == 0
    card.close()


@pytest.mark.parametrize(
    ("node", "parameters", "says"),
    [
        ("camera_node", {"device": "77"}, "camera '77': cannot be opened; check that it is plugged in"),
        ("camera_node", {"source": "folder", "path": "/nowhere"}, "/nowhere: there is no such folder"),
        (
            "microphone_node",
            {"device": "no such microphone"},
            "microphone 'no such microphone': there is no such microphone",
        ),
        ("microphone_node", {"source": "folder", "folder": "/nowhere"}, "/nowhere: there is no such folder"),
    ],
)
def test_a_device_that_is_not_there(graph: Graph, bundle: Bundle, node: str, parameters: dict, says: str) -> None:
    """The transition fails with the reason, in the log and in diagnostics, and the node waits to be configured."""
    if node == "microphone_node":
        parameters = {**parameters, "bundle": str(bundle.path)}
    process = graph.start(node, **parameters)
    assert "Traceback" not in process.wait_for_output(says)
    values = graph.diagnosis(node, lambda values: says in values["message"])
    assert values["state"] == "unconfigured"
    assert process.end() == 0


def test_a_machine_without_portaudio(graph: Graph, bundle: Bundle, tmp_path: Path) -> None:
    """Without PortAudio, sounddevice raises OSError on import; a module that does so stands in for it."""
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    path = f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"
    process = graph.start("microphone_node", environment={"PYTHONPATH": path}, bundle=str(bundle.path))
    process.wait_for_output("apt-get install libportaudio2")
    graph.diagnosis("microphone_node", lambda values: "libportaudio2" in values["message"])
    assert process.end() == 0
