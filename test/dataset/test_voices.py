# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Voices of every engine that can run here, OpenAI's interface on a local server, and speakers that never meet."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import resource
import signal
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import soundfile
import yaml
from onnx import TensorProto, helper

from visual_byte_core.dataset import http_client
from visual_byte_core.dataset.collect_config import CollectConfig, PhotoSource, load_collect_config
from visual_byte_core.dataset.collection import collect
from visual_byte_core.dataset.voice_engines.espeak import (
    EspeakVoice,
    calibration_voices,
    evaluation_voices,
    training_voices,
)
from visual_byte_core.dataset.voice_engines.festival import FestivalVoice
from visual_byte_core.dataset.voice_engines.flite import FliteVoice
from visual_byte_core.dataset.voice_engines.openai_speech import OpenAIVoice
from visual_byte_core.dataset.voice_engines.piper import PiperVoice
from visual_byte_core.dataset.voice_record import read_record, record_voices, recorded_voice
from visual_byte_core.dataset.voice_sources import VoiceSource, pseudo_word_voices, voices_of_splits
from visual_byte_core.dataset.voices import Utterance, check_disjoint, speak
from visual_byte_core.errors import ConfigurationError, DataError
from visual_byte_testing.paths import ROOT

RATE = 24000


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def leading_zeros(path: Path) -> float:
    samples, rate = soundfile.read(path)
    return float(np.flatnonzero(samples)[0] / rate)


@dataclass(frozen=True)
class VoiceThatIsKilled(EspeakVoice):
    """As by the system when memory runs out."""

    def synthesize(self, words: str) -> tuple[np.ndarray, int]:
        if words == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        return super().synthesize(words)


def test_a_process_that_is_killed_is_told_and_the_next_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("visual_byte_core.dataset.voices.MAX_WAIT_S", 3.0)
    voice = VoiceThatIsKilled("en-us")
    clips = [Utterance(words, voice, tmp_path / f"{words}.wav") for words in ("mug", "die", "cup")]
    with pytest.raises(DataError, match=r"no clip was spoken for 3 s: a process was killed.*run it again"):
        speak(clips)
    assert {path.name for path in tmp_path.iterdir()} == {"mug.wav", "cup.wav"}
    assert speak([clips[0], clips[2]]) == 0


# espeak-ng


def test_a_breathy_voice_says_the_same_bytes_in_another_second(tmp_path: Path) -> None:
    """espeak-ng seeds the noise of such a voice with the second that it starts in."""
    digests = set()
    for take in ("first", "second"):
        path = tmp_path / f"{take}.wav"
        speak([Utterance("oat milk", EspeakVoice("en", "f2", 150, 60), path)])
        digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
        time.sleep(1.05)
    assert len(digests) == 1


def test_a_voice_says_the_same_bytes_again_in_any_order(tmp_path: Path) -> None:
    voices = [EspeakVoice("en-us", "m3"), EspeakVoice("en", "f2", 150, 60), EspeakVoice("ko")]
    first = [Utterance("oat milk", voice, tmp_path / "a" / f"{voice.name}.wav") for voice in voices]
    second = [Utterance("oat milk", voice, tmp_path / "b" / f"{voice.name}.wav") for voice in reversed(voices)]
    speak([*first, *second])
    digests = {u.path.relative_to(tmp_path): hashlib.sha256(u.path.read_bytes()).hexdigest() for u in first + second}
    assert len(set(digests.values())) == 3 and len(digests) == 6


@pytest.mark.parametrize("voice", [EspeakVoice("en", "no_such_variant"), EspeakVoice("xx-nowhere")])
def test_an_unknown_voice_is_refused(tmp_path: Path, voice: EspeakVoice) -> None:
    with pytest.raises(DataError, match="espeak-ng has no"):
        speak([Utterance("mug", voice, tmp_path / "mug.wav")])
    assert not (tmp_path / "mug.wav").exists()


def test_voices_of_the_splits_are_disjoint_and_none_is_the_demo_s() -> None:
    splits = [training_voices("en", 60), calibration_voices(), evaluation_voices()]
    assert len({(v.language, v.variant) for v in splits[0]}) >= 12
    for voices in splits:
        assert all(v.language != "en-gb-scotland" and v.variant != "f5" and "klatt" not in v.variant for v in voices)
    with pytest.raises(DataError, match="on both sides"):
        check_disjoint(splits[0], splits[0][:1])


def test_names_of_espeak_s_clips_tell_the_voice() -> None:
    for voice in (*training_voices("en", 40), *training_voices("ko", 10), *evaluation_voices()):
        assert EspeakVoice.named(voice.name) == voice
    for name in ("apple__packt__0b9a4b98", "espeak_en-us_m3", "flite_slt"):
        assert EspeakVoice.named(name) is None


def test_what_is_there_stays_unless_asked_and_silence_leads_if_asked(tmp_path: Path) -> None:
    plain = Utterance("mug", EspeakVoice("en-us"), tmp_path / "plain.wav")
    quiet = Utterance("mug", EspeakVoice("en-us", leading_silence_s=0.4), tmp_path / "quiet.wav")
    assert speak([plain, quiet]) == 2
    assert leading_zeros(quiet.path) - leading_zeros(plain.path) == pytest.approx(0.4, abs=1e-4)
    plain.path.write_bytes(b"mine")
    assert speak([plain, quiet]) == 0 and plain.path.read_bytes() == b"mine"
    assert speak([plain], overwrite=True) == 1 and plain.path.read_bytes()[:4] == b"RIFF"


# flite and festival, real programs


@pytest.mark.parametrize("voice", [FliteVoice("kal16"), FestivalVoice("kal_diphone")])
def test_a_program_speaks_and_repeats(tmp_path: Path, voice: FliteVoice | FestivalVoice) -> None:
    utterances = [Utterance("oat milk", voice, tmp_path / f"{take}.wav") for take in (1, 2)]
    assert speak(utterances) == 2
    assert digest(utterances[0].path) == digest(utterances[1].path)
    samples, rate = soundfile.read(utterances[0].path)
    assert rate == 16000 and 0.8 < len(samples) / rate < 3 and np.abs(samples).max() > 0.1
    assert leading_zeros(utterances[0].path) >= 0.4


@pytest.mark.parametrize("voice", [FliteVoice("no_such"), FestivalVoice("no_such"), FliteVoice("http://x/y.flitevox")])
def test_a_voice_that_a_program_lacks_is_refused(tmp_path: Path, voice: FliteVoice | FestivalVoice) -> None:
    with pytest.raises(DataError, match=rf"{voice.engine} has no voice .*: .*kal"):
        speak([Utterance("mug", voice, tmp_path / "mug.wav")])


@pytest.mark.parametrize("voice", [FliteVoice("kal16"), FestivalVoice("kal_diphone")])
def test_a_program_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, voice: FliteVoice | FestivalVoice
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match=f"is not installed; run: sudo apt-get install {voice.engine}"):
        speak([Utterance("mug", voice, tmp_path / "mug.wav")])


# Piper, on a voice file that hums a note a letter


def piper_voice(folder: Path, speakers: int = 1, **settings: Any) -> Path:
    """A file of Piper's format whose network hums: the louder the later the letter in its alphabet."""
    letters = ["_", "^", "$", " ", *"abcdefghijklmnopqrstuvwxyz"]
    hum = (0.5 * np.sin(np.arange(800) * 0.07)).astype(np.float32).reshape(1, 1, 800)
    inputs = [("input", TensorProto.INT64, [1, "n"]), ("input_lengths", TensorProto.INT64, [1])]
    inputs += [("scales", TensorProto.FLOAT, [3])] + ([("sid", TensorProto.INT64, [1])] if speakers > 1 else [])
    nodes = [
        helper.make_node("Cast", ["input"], ["level"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["level", "last"], ["column"]),
        helper.make_node("Mul", ["column", "hum"], ["notes"]),
        helper.make_node("Reshape", ["notes", "flat"], ["plain"]),
        helper.make_node("Pow" if speakers > 1 else "Identity", ["plain", "power"][: 1 + (speakers > 1)], ["output"]),
    ]
    if speakers > 1:
        nodes.insert(0, helper.make_node("Cast", ["sid"], ["number"], to=TensorProto.FLOAT))
        nodes.insert(1, helper.make_node("Add", ["number", "one"], ["power"]))
    constants = [
        helper.make_tensor("last", TensorProto.INT64, [1], [2]),
        helper.make_tensor("flat", TensorProto.INT64, [3], [1, 1, -1]),
        helper.make_tensor("hum", TensorProto.FLOAT, [1, 1, 800], hum.ravel()),
        helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0]),
    ]
    graph = helper.make_graph(
        nodes,
        "hum",
        [helper.make_tensor_value_info(*spec) for spec in inputs],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, "samples"])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path = folder / "en_US-hum-low.onnx"
    onnx.save(model, str(path))
    values = {
        "audio": {"sample_rate": 16000},
        "espeak": {"voice": "en-us"},
        "phoneme_type": "espeak",
        "num_symbols": len(letters),
        "num_speakers": speakers,
        "phoneme_id_map": {letter: [i] for i, letter in enumerate(letters)},
    }
    path.with_name(f"{path.name}.json").write_text(json.dumps(values | settings), encoding="utf-8")
    return path


def test_piper_speaks_with_a_voice_file(tmp_path: Path) -> None:
    voice = PiperVoice(str(piper_voice(tmp_path)))
    utterance = Utterance("oat milk", voice, tmp_path / f"{voice.name}.wav")
    assert speak([utterance]) == 1 and utterance.path.name == "piper_en_US-hum-low_0.wav"
    samples, rate = soundfile.read(utterance.path)
    assert rate == 16000 and 0.5 < len(samples) / rate < 3 and np.abs(samples).max() > 0.9
    assert 0.4 <= leading_zeros(utterance.path) < 0.6


def test_persons_of_a_piper_file_by_name_and_number_are_the_same(tmp_path: Path) -> None:
    path = str(piper_voice(tmp_path, speakers=3, speaker_id_map={"ann": 0, "bob": 1, "cid": 2}))
    ann, bob, first, second = (PiperVoice.called(f"{path}{p}", 0.4) for p in ("#ann", "#bob", "", "#1"))
    assert ann.speaker == first.speaker and bob.speaker == second.speaker != ann.speaker
    takes = [Utterance("mug", voice, tmp_path / f"{i}.wav") for i, voice in enumerate((ann, bob, first, second))]
    speak(takes)
    assert digest(takes[0].path) == digest(takes[2].path) != digest(takes[1].path) == digest(takes[3].path)
    with pytest.raises(DataError, match="has no speaker 'dan'; it has 0 to 2 ann, bob, cid"):
        PiperVoice(path, "dan").check()


def test_a_piper_voice_that_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nobody.onnx.json: cannot be read .*NAME.onnx and NAME.onnx.json"):
        PiperVoice(str(tmp_path / "nobody.onnx")).check()
    path = piper_voice(tmp_path)
    network = path.read_bytes()
    path.unlink()
    with pytest.raises(DataError, match="en_US-hum-low.onnx: no such voice file"):
        PiperVoice(str(path)).check()
    path.write_bytes(network[:100])
    with pytest.raises(DataError, match="en_US-hum-low.onnx: no Piper voice"):
        PiperVoice(str(path)).check()


# OpenAI's interface, spoken by a local server


def streamed_wav(seconds: float = 0.5) -> bytes:
    """A WAV as it is streamed: its header does not know how long it is."""
    clip = io.BytesIO()
    tone = 0.3 * np.sin(np.arange(round(seconds * RATE)) * 0.1)
    soundfile.write(clip, tone, RATE, format="WAV", subtype="PCM_16")
    whole = bytearray(clip.getvalue())
    whole[4:8] = whole[40:44] = struct.pack("<I", 0xFFFFFFFF)
    return bytes(whole)


@dataclass
class Answer:
    """What the server answers: a status and a JSON error, or a WAV, of which it may send only a split."""

    status: int = 200
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = field(default_factory=streamed_wav)
    broken_off: bool = False


class SpeechServer(ThreadingHTTPServer):
    """POST /v1/audio/speech, one planned answer a request, then good ones; `requests` are headers and bodies."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.plan: list[Answer] = []
        self.requests: list[tuple[dict[str, str], dict[str, str]]] = []
        self.address = f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: SpeechServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        self.server.requests.append((dict(self.headers), body))
        answer = self.server.plan.pop(0) if self.server.plan else Answer()
        if self.path != "/v1/audio/speech":
            answer = Answer(404, "no such path")
        error = {"error": {"message": answer.message, "type": "some_error", "param": None, "code": None}}
        body_out = answer.body if answer.status == 200 else json.dumps(error).encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "audio/wav" if answer.status == 200 else "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for start in range(0, len(body_out), 4096):
            block = body_out[start : start + 4096]
            self.wfile.write(f"{len(block):x}\r\n".encode() + block + b"\r\n")
            if answer.broken_off:
                self.close_connection = True
                return
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def openai(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[SpeechServer]:
    server = SpeechServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    monkeypatch.setenv("OPENAI_BASE_URL", server.address)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setattr(http_client, "FIRST_PAUSE_S", 0.01)
    monkeypatch.chdir(tmp_path)
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def say(folder: Path, voice: OpenAIVoice, words: str = "oat milk") -> Path:
    path = folder / f"{voice.name}.wav"
    speak([Utterance(words, voice, path)])
    return path


def test_openai_is_asked_as_its_interface_says(openai: SpeechServer, tmp_path: Path) -> None:
    path = say(tmp_path, OpenAIVoice("coral", "Whisper it."), "귀리 우유")
    samples, rate = soundfile.read(path)
    assert rate == RATE and len(samples) == RATE * 9 // 10 and not samples[: RATE * 4 // 10].any()
    headers, body = openai.requests[0]
    assert headers["Authorization"] == "Bearer sk-test" and headers["Content-Type"] == "application/json"
    assert body == {
        "model": "gpt-4o-mini-tts",
        "voice": "coral",
        "input": "귀리 우유",
        "instructions": "Whisper it.",
        "response_format": "wav",
    }
    say(tmp_path, OpenAIVoice("coral"))
    assert "instructions" not in openai.requests[1][1]


def test_openai_is_asked_again_when_it_is_busy_fails_or_breaks_off(openai: SpeechServer, tmp_path: Path) -> None:
    openai.plan = [
        Answer(429, "Rate limit reached", {"Retry-After": "0"}),
        Answer(503, "overloaded"),
        Answer(broken_off=True),
    ]
    path = say(tmp_path, OpenAIVoice("alloy"))
    assert len(openai.requests) == 4 and soundfile.info(path).frames == RATE * 9 // 10


@pytest.mark.parametrize(
    ("answers", "requests", "message"),
    [
        ([Answer(401, "Incorrect API key provided")], 1, "401: Incorrect API key provided; check OPENAI_API_KEY"),
        ([Answer(400, "unknown voice")], 1, "/v1/audio/speech: answered 400: unknown voice"),
        ([Answer(500, "sorry")] * 6, 6, "answered 500: sorry; asked 6 times, try again later"),
        ([Answer(429, "quota", {"Retry-After": "9999"})], 1, "answered 429: quota; asked 1 times"),
        ([Answer(body=b"<html>hello</html>")], 1, "something that is no WAV file"),
    ],
)
def test_openai_s_errors_are_told_and_leave_no_file(
    openai: SpeechServer, tmp_path: Path, answers: list[Answer], requests: int, message: str
) -> None:
    openai.plan = list(answers)
    with pytest.raises(DataError) as caught:
        say(tmp_path, OpenAIVoice("alloy"))
    assert message in str(caught.value) and "sk-test" not in str(caught.value)
    assert len(openai.requests) == requests and not list(tmp_path.iterdir())


def test_a_retry_date_is_waited_for(openai: SpeechServer, tmp_path: Path) -> None:
    openai.plan = [Answer(429, "wait", {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})]
    say(tmp_path, OpenAIVoice("alloy"))
    assert len(openai.requests) == 2


def test_the_key_is_read_from_env_file_or_asked_for(
    openai: SpeechServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(DataError, match="OPENAI_API_KEY is not set, .*write it into .env here"):
        say(tmp_path, OpenAIVoice("alloy"))
    (tmp_path / ".env").write_text('OPENAI_API_KEY="sk-from-file"\n', encoding="utf-8")
    say(tmp_path, OpenAIVoice("alloy"))
    assert [headers["Authorization"] for headers, _ in openai.requests] == ["Bearer sk-from-file"]


def test_the_key_does_not_follow_a_redirect(openai: SpeechServer, tmp_path: Path) -> None:
    openai.plan = [Answer(302, "moved", {"Location": f"{openai.address}/elsewhere"})]
    with pytest.raises(DataError, match="answered 404: no such path"):
        say(tmp_path, OpenAIVoice("alloy"))
    asked, redirected = [headers for headers, _ in openai.requests]
    assert "Authorization" in asked and "Authorization" not in redirected


@contextlib.contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """As if the disk were full: no file of this process grows beyond `size` bytes."""
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("size", [1000, 30000])  # less than the download, and less than the clip
def test_a_full_disk_is_told_and_leaves_no_half_clip(openai: SpeechServer, tmp_path: Path, size: int) -> None:
    with files_limited_to(size), pytest.raises(DataError, match=r"cannot be (stored|written) .*; make room and run it"):
        say(tmp_path, OpenAIVoice("alloy"))
    assert len(openai.requests) == 1 and not list(tmp_path.iterdir())


# Splits and their speakers


def test_no_speaker_is_in_two_splits_whatever_the_engine_language_or_mood(tmp_path: Path) -> None:
    path = piper_voice(tmp_path)
    same = tmp_path / "en_US-hum-high.onnx"
    same.with_name(f"{same.name}.json").write_bytes(path.with_name(f"{path.name}.json").read_bytes())
    pairs = [
        (OpenAIVoice("alloy", "Cheerful."), OpenAIVoice("alloy", model="tts-1")),
        (FliteVoice("kal16"), FestivalVoice("kal_diphone")),
        (FliteVoice("slt"), FestivalVoice("cmu_us_slt_arctic_hts")),
        (PiperVoice(str(path)), PiperVoice(str(same))),
        (EspeakVoice("en-us", "m3"), EspeakVoice("ko", "m3", 120)),
    ]
    for one, other in pairs:
        with pytest.raises(DataError, match="must differ; on both sides"):
            check_disjoint([one], [other])
    check_disjoint([OpenAIVoice("alloy"), FliteVoice("slt")], [OpenAIVoice("onyx"), FliteVoice("rms")])
    with pytest.raises(DataError, match="openai alloy"):
        voices_of_splits(
            (
                VoiceSource("openai", "en", training=("alloy",)),
                VoiceSource("openai", "ko", evaluation=("alloy",)),
            )
        )


def test_voices_are_chosen_by_engine_language_and_split(tmp_path: Path) -> None:
    values = {
        "out": "out",
        "names": "names.csv",
        "photos": [],
        "voices": [
            {"engine": "espeak", "count": 3},
            {"engine": "openai", "training": ["alloy"], "evaluation": ["coral"], "instructions": ["Calm.", "Hurried."]},
            {"engine": "espeak", "language": "ko", "training": ["ko+m1"], "leading_silence_s": 0},
        ],
    }
    (tmp_path / "collect.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    splits = voices_of_splits(load_collect_config(tmp_path / "collect.yaml").voices)
    assert [len(voices) for voices in splits["en"]] == [5, 20, 8]
    assert splits["en"][0][0] == EspeakVoice("en-us", "", 150, 50, leading_silence_s=0.4)
    assert splits["en"][0][3:] == [OpenAIVoice("alloy", "Calm."), OpenAIVoice("alloy", "Hurried.")]
    assert splits["ko"] == [[EspeakVoice("ko", "m1")], [], []]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"engine": "siri", "training": ("x",)}, "voices of siri: no such engine; known: espeak, flite"),
        ({"engine": "openai"}, "voices of openai: name speakers for"),
        ({"engine": "flite", "language": "ko", "training": ("slt",)}, "speaks English only"),
        ({"engine": "piper", "count": 3}, "count is for espeak"),
        ({"engine": "flite", "training": ("slt",), "instructions": ("x",)}, "instructions are for openai"),
        ({"engine": "espeak", "count": 3, "leading_silence_s": 9.0}, "0 to 2 seconds, got 9"),
        ({"engine": "espeak", "language": "fr", "count": 3}, "one of en, ko, got fr"),
    ],
)
def test_voices_that_cannot_be_are_refused(source: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        VoiceSource(**source)


def test_invented_words_need_a_voice_in_every_split() -> None:
    assert [len(voices) for voices in pseudo_word_voices({"en": 3})] == [40, 20, 6]
    with pytest.raises(DataError, match="no English voice for calibration, evaluation"):
        pseudo_word_voices((VoiceSource("flite", training=("slt",)),))


def test_a_data_set_remembers_its_voices_and_refuses_a_speaker_in_another_split(
    openai: SpeechServer, tmp_path: Path
) -> None:
    (tmp_path / "names.csv").write_text("en,ko\nbanana,바나나\n", encoding="utf-8")
    photos = (PhotoSource(str(ROOT / "examples" / "photos")),)

    def config(**splits: tuple[str, ...]) -> CollectConfig:
        source = VoiceSource("openai", "ko", instructions=("Calm.",), **splits)
        return CollectConfig(
            str(tmp_path / "out"), str(tmp_path / "names.csv"), photos, (source,), clips=str(tmp_path / "clips")
        )

    first = config(training=("alloy",), evaluation=("coral",))
    assert collect(first).spoken == 2 and collect(first).spoken == 0
    assert [body["input"] for _, body in openai.requests] == ["바나나", "바나나"]
    clip = next((tmp_path / "out" / "audio" / "banana" / "ko").glob("*.wav"))
    record = read_record(tmp_path / "out")
    assert recorded_voice(clip.stem, record, tmp_path / "out") == OpenAIVoice("alloy", "Calm.")
    with pytest.raises(DataError, match="openai alloy has already spoken here for training and cannot .* evaluation"):
        collect(config(evaluation=("alloy",)))
    (tmp_path / "out" / "voices.yaml").write_text("- a list", encoding="utf-8")
    with pytest.raises(DataError, match="voices.yaml: expected a mapping"):
        record_voices(tmp_path / "out", {})
