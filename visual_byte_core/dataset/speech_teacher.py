# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What a Whisper's encoder makes of spoken clips, computed once and kept, and which clips it cannot place.

    <folder>/<digest of the weights>/clips.txt      a clip a line, as it was named
                                     features.f16   3,072 values a clip, little-endian float16, in the same order

Both only ever grow, so that an interrupted computation goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from visual_byte_core.dataset.processes import batches
from visual_byte_core.errors import DataError, InvalidSound
from visual_byte_core.pretrained.whisper_encoder import VALUES, WhisperEncoder
from visual_byte_core.rendering.settings import SpeechSettings
from visual_byte_core.rendering.speech import prepare, read_sound

CLIPS, FEATURES = "clips.txt", "features.f16"
AT_ONCE = 64
NEAREST = 5
MIN_CLIPS = 3  # of the same words; fewer say too little of each other


class SpeechFeatures:
    """rows: where the features of a clip are, by the name it was added with."""

    def __init__(self, folder: Path, encoder: WhisperEncoder, settings: SpeechSettings = SpeechSettings()) -> None:
        """Raises DataError if what is kept in `folder` cannot be read."""
        self._folder, self._encoder, self._settings = folder / encoder.digest, encoder, settings
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            clips = (self._folder / CLIPS).read_text(encoding="utf-8").splitlines() if self._kept(CLIPS) else []
            whole = (self._folder / FEATURES).stat().st_size // (2 * VALUES) if self._kept(FEATURES) else 0
            if len(clips) != whole:  # stopped between the two files
                self._cut(clips[: min(len(clips), whole)])
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{self._folder}: cannot be read as features of speech ({error}); delete it") from error
        self.rows = {clip: row for row, clip in enumerate(clips[: min(len(clips), whole)])}

    def values(self) -> np.ndarray:
        """float16 (clips, 3072), read from the disk as it is needed."""
        shape = (len(self.rows), VALUES)
        return np.memmap(self._folder / FEATURES, "<f2", "r", shape=shape) if self.rows else np.zeros(shape, "<f2")

    def add(self, clips: Mapping[str, Path]) -> list[str]:
        """Compute and keep what is missing; the reasons of clips that hold no name, which are left out.

        Args:
            clips: sound files by name.

        Raises:
            DataError: the folder cannot be written, or of all clips none is a name.
        """
        missing = [name for name in clips if name not in self.rows]
        reasons: list[str] = []
        with tqdm(total=len(missing), desc="clips through Whisper", unit="clip", disable=len(missing) < AT_ONCE) as bar:
            for batch in batches(missing, AT_ONCE):
                heard: dict[str, np.ndarray] = {}
                for name in batch:
                    try:
                        heard[name] = prepare(*read_sound(clips[name]), self._settings)
                    except InvalidSound as error:
                        reasons.append(f"{clips[name]}: {' '.join(str(error).split())}")
                self._append([*heard], self._encoder.features([*heard.values()], self._settings))
                bar.update(len(batch))
        if missing and len(reasons) == len(clips):
            raise DataError(f"{self._folder}: none of {len(clips)} clips holds a name; the first: {reasons[0]}")
        return reasons

    def _append(self, names: list[str], features: np.ndarray) -> None:
        try:
            with open(self._folder / FEATURES, "ab") as file:
                file.write(features.astype("<f2").tobytes())
            with open(self._folder / CLIPS, "a", encoding="utf-8") as file:
                file.write("".join(f"{name}\n" for name in names))
        except OSError as error:
            raise DataError(f"{self._folder}: cannot be written ({error.strerror}); make room, it goes on") from error
        self.rows.update({name: len(self.rows) + i for i, name in enumerate(names)})

    def _kept(self, file: str) -> bool:
        return (self._folder / file).is_file()

    def _cut(self, clips: Sequence[str]) -> None:
        (self._folder / CLIPS).write_text("".join(f"{clip}\n" for clip in clips), encoding="utf-8")
        with open(self._folder / FEATURES, "ab") as file:
            file.truncate(len(clips) * 2 * VALUES)


def scale_of(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each value over clips (n, d): float32 (d,) each; what they are divided by."""
    mean = features.astype(np.float64).mean(axis=0)
    deviation: np.ndarray = np.sqrt(np.mean(np.square(features.astype(np.float32) - mean), axis=0, dtype=np.float64))
    return mean.astype(np.float32), np.maximum(deviation, 1e-3).astype(np.float32)


def placed(features: np.ndarray, words: Sequence[str], nearest: int = NEAREST) -> np.ndarray:
    """Which clips can be told by what other clips of the same words sound like: bool (n,).

    A clip is placed if the mean of the other clips of its words is among the `nearest` of all words' means. Words that
    fewer than three clips say cannot be judged, and these count as placed.

    Args:
        features: float (n, d), standardized.
        words: what is said in each.
    """
    known = sorted(set(words))
    number = {word: i for i, word in enumerate(known)}
    of_clip = np.array([number[word] for word in words])
    unit = features.astype(np.float32) / np.maximum(np.linalg.norm(features.astype(np.float32), axis=1)[:, None], 1e-6)
    sums = np.zeros((len(known), unit.shape[1]), np.float32)
    np.add.at(sums, of_clip, unit)
    counts = np.bincount(of_clip, minlength=len(known))
    means = sums / np.linalg.norm(sums, axis=1)[:, None]
    others = sums[of_clip] - unit
    own = np.einsum("ij,ij->i", unit, others) / np.maximum(np.linalg.norm(others, axis=1), 1e-6)
    result: np.ndarray = counts[of_clip] < MIN_CLIPS
    for start in range(0, len(unit), 1024):
        part = slice(start, start + 1024)
        scores = unit[part] @ means.T
        scores[np.arange(len(scores)), of_clip[part]] = -1
        nearer = (scores > own[part, None]).sum(axis=1)
        result[part] |= nearer < nearest
    return result
