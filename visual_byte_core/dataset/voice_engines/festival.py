# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The program `text2wave` of Festival (Debian: apt-get install festival festvox-kallpc16k): English, offline."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

from visual_byte_core.dataset.voice_engines.program import festvox_speaker, require, run, spoken_by
from visual_byte_core.errors import DataError

_PACKAGES = "festival festvox-kallpc16k"


@dataclass(frozen=True)
class FestivalVoice:
    """voice: an installed one, such as `kal_diphone`."""

    voice: str
    leading_silence_s: float = 0.4

    engine: ClassVar[str] = "festival"
    own_process: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return f"festival_{self.voice}"

    @property
    def speaker(self) -> str:
        return festvox_speaker(self.voice)

    def check(self) -> None:
        require("text2wave", _PACKAGES)
        if self.voice not in _installed():
            known = ", ".join(_installed()) or f"none; run: sudo apt-get install {_PACKAGES}"
            raise DataError(f"festival has no voice {self.voice!r}; installed: {known}")

    def synthesize(self, words: str) -> tuple[np.ndarray, int]:
        choose = f"(voice_{self.voice})"
        return spoken_by("text2wave", lambda text, sound: ["-eval", choose, "-o", str(sound), str(text)], words)


@lru_cache(maxsize=1)
def _installed() -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", run(["festival", "-b", '(format t "%l" (voice.list))'])))
