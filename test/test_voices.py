# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Voices of every engine that can run here, OpenAI's interface on a local server, and speakers that never meet."""

from __future__ import annotations

import hashlib
import io
import json
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
from visual_byte_core.dataset.engines.espeak import (
    EspeakVoice,
    calibration_voices,
    evaluation_voices,
    training_voices,
)
from visual_byte_core.dataset.engines.festival import FestivalVoice
from visual_byte_core.dataset.engines.flite import FliteVoice
from visual_byte_core.dataset.engines.openai_speech import OpenAIVoice
from visual_byte_core.dataset.engines.piper import PiperVoice
from visual_byte_core.dataset.sources import collect
from visual_byte_core.dataset.voice_config import VoiceSource, pseudo_word_voices, voices_of_parts
from visual_byte_core.dataset.voice_record import read_record, record_voices, recorded_voice
from visual_byte_core.dataset.voices import Utterance, check_disjoint, speak
from visual_byte_core.errors import ConfigurationError, DataError

ROOT = Path(__file__).resolve().parent.parent
RATE = 24000


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def leading_zeros(path: Path) -> float:
    samples, rate = soundfile.read(path)
    return float(np.flatnonzero(samples)[0] / rate)


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


def test_voices_of_the_parts_are_disjoint_and_none_is_the_demo_s() -> None:
    parts = [training_voices("en", 60), calibration_voices(), evaluation_voices()]
    assert len({(v.language, v.variant) for v in parts[0]}) >= 12
    for voices in parts:
        assert all(v.language != "en-gb-scotland" and v.variant != "f5" and "klatt" not in v.variant for v in voices)
    with pytest.raises(DataError, match="on both sides"):
        check_disjoint(parts[0], parts[0][:1])


