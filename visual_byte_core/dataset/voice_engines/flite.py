# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The program `flite` (Debian: apt-get install flite): small English voices, offline."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np

from visual_byte_core.dataset.voice_engines.program import festvox_speaker, require, run, spoken_by
from visual_byte_core.errors import DataError


@dataclass(frozen=True)
class FliteVoice:
    """voice: one that is built in, such as `slt`, or the path of a .flitevox file."""

    voice: str
    leading_silence_s: float = 0.4

    engine: ClassVar[str] = "flite"
    own_process: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return f"flite_{Path(self.voice).stem}"

    @property
    def speaker(self) -> str:
        return festvox_speaker(self.voice)

    def check(self) -> None:
        require("flite", "flite")
        # flite takes its default voice for one that it does not have, and would fetch one by a URL.
        if not Path(self.voice).is_file() and self.voice not in _built_in():
            known = ", ".join(_built_in())
            raise DataError(f"flite has no voice {self.voice!r} and there is no such file; it has: {known}")

    def synthesize(self, words: str) -> tuple[np.ndarray, int]:
        return spoken_by("flite", lambda text, sound: ["-voice", self.voice, str(text), str(sound)], words)


@lru_cache(maxsize=1)
def _built_in() -> tuple[str, ...]:
    return tuple(run(["flite", "-lv"]).partition(":")[2].split())
