# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""hibari: one natural English voice in 8 MB, offline, some 20 ms a name (Apache-2.0)."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from visual_byte_core.errors import DataError

PERSON = "heart"  # the only one in the package; for others it would ask a hub
SLOWEST, FASTEST = 0.5, 2.0
_ONE_AT_A_TIME = threading.Lock()  # its pronunciation keeps state


@dataclass(frozen=True)
class HibariVoice:
    """speed: 1 is as fast as the voice it was made from."""

    speed: float = 1.0
    leading_silence_s: float = 0.4

    engine: ClassVar[str] = "hibari"
    own_process: ClassVar[bool] = False

    @classmethod
    def called(cls, speaker: str, leading_silence_s: float) -> HibariVoice:
        """`heart`, or `heart@0.9` at another speed than 1."""
        person, _, speed = speaker.partition("@")
        if person != PERSON:
            raise DataError(f"hibari has the voice {PERSON}, not {person!r}; kokoro has it, if that is one of Kokoro's")
        try:
            value = float(speed or 1)
        except ValueError:
            value = 0.0
        if not SLOWEST <= value <= FASTEST:
            raise DataError(f"hibari speaks at a speed of {SLOWEST:g} to {FASTEST:g}, got {speaker!r}")
        return cls(value, leading_silence_s)

    @property
    def name(self) -> str:
        return f"hibari_{PERSON}_{self.speed:g}"

    @property
    def speaker(self) -> str:
        return f"kokoro af_{PERSON}"  # hibari learned it from Kokoro's

    def check(self) -> None:
        _load()

    def synthesize(self, words: str) -> tuple[np.ndarray, int]:
        voice = _load()
        with _ONE_AT_A_TIME:
            return np.asarray(voice(words, speed=self.speed, seed=0), np.float32), int(voice.sample_rate)


@lru_cache(maxsize=1)
def _load() -> Any:
    try:
        from hibari import Hibari
    except ImportError as error:
        raise DataError("hibari is not installed; run: pip install '.[voices]' in Visual Byte's folder") from error
    return Hibari(PERSON)
