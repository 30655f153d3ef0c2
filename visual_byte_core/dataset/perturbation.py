# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What happens to a name on its way to the robot: typing slips, plurals, capitals, and noise in the room.

Everything is drawn from a generator that is seeded with the thing itself (the words, the path of the clip), so that the
same input is disturbed in the same way in every run, in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visual_byte_core.data_files import data_files, expected
from visual_byte_core.errors import DataError, InvalidSound
from visual_byte_core.rendering.speech import mono_at, read_sound
from visual_byte_core.seeding import seeded

TEXT_PERTURBATIONS = ("typo", "plural", "case")

IRREGULAR_PLURALS = {
    "man": "men", "woman": "women", "child": "children", "person": "people", "mouse": "mice", "goose": "geese",
    "foot": "feet", "tooth": "teeth", "wolf": "wolves", "leaf": "leaves", "loaf": "loaves", "knife": "knives",
    "shelf": "shelves", "half": "halves", "fish": "fish", "sheep": "sheep", "ox": "oxen", "potato": "potatoes",
    "tomato": "tomatoes", "mango": "mangoes",
}  # fmt: skip
SILENT_RMS = 1e-5  # of full scale: -100 dB
DRAWS_OF_NOISE = 100
MAX_NOISE_S = 3600.0


def perturb_text(words: str, kind: str, seed: int = 0) -> str:
    """The words with one typing slip ("typo"), in the plural ("plural") or in other capitals ("case").

    Words of a script without capitals come back as they were from "case".

    Raises:
        ValueError: another kind.
    """
    if kind == "typo":
        return _typo(words, seeded(kind, words, seed))
    if kind == "plural":
        return _plural(words)
    if kind == "case":
        others = [v for v in (words.upper(), words.lower(), words.title(), words.swapcase()) if v != words]
        return str(seeded(kind, words, seed).choice(others)) if others else words
    raise ValueError(f"a text perturbation is one of {', '.join(TEXT_PERTURBATIONS)}, got {kind!r}")


def _typo(words: str, generator: np.random.Generator) -> str:
    """Two neighbouring characters swapped, or one left out, or one doubled; letters only, so any script will do."""
    letters = [i for i, character in enumerate(words) if character.isalnum()]
    swappable = [i for i in letters if i + 1 in letters and words[i] != words[i + 1]]
    slips = ["double"] + ["drop"] * (len(letters) > 1) + ["swap"] * bool(swappable)
    if not letters:
        return words
    slip = generator.choice(slips)
    at = int(generator.choice(swappable if slip == "swap" else letters))
    if slip == "swap":
        return words[:at] + words[at + 1] + words[at] + words[at + 2 :]
    return words[:at] + (words[at] * 2 if slip == "double" else "") + words[at + 1 :]


def _plural(words: str) -> str:
    """English spelling rules on the last word; Korean takes its plural ending."""
    if not words or not words[-1].isalpha():
        return words
    if "가" <= words[-1] <= "힣":
        return words + "들"
    start = max(words.rfind(" "), words.rfind("-")) + 1
    head, last = words[:start], words[start:]
    if last.lower() in IRREGULAR_PLURALS:
        plural = IRREGULAR_PLURALS[last.lower()]
        return head + (plural.capitalize() if last[0].isupper() else plural)
    if last.lower().endswith(("s", "x", "z", "ch", "sh")):
        return head + last + "es"
    if last.lower().endswith("y") and last[-2:-1].lower() not in tuple("aeiou"):
        return head + last[:-1] + "ies"
    return head + last + "s"


class NoiseMixer:
    """Mixes recordings of a folder into speech at one signal-to-noise ratio.

    The ratio, in dB, is that of the mean power of the whole clip to the mean power of the piece of noise laid over it.
    """

    def __init__(self, folder: Path, snr_db: float, seed: int = 0) -> None:
        """Raises DataError if the folder holds no sound file."""
        self.snr_db, self.seed, self._folder = snr_db, seed, folder
        files = data_files(Path(folder), "sound")
        self.paths = files.found
        if not self.paths:
            raise DataError(f"{folder} holds no noise: expected {expected('sound')} in it")
        files.tell()

    def mix(self, samples: NDArray[np.float32], rate: int, key: str) -> NDArray[np.float32]:
        """Speech with noise.

        Args:
            samples: (n,) or (n, channels).
            rate: of the samples, Hz.
            key: names the clip and picks the noise.

        Returns:
            float32 (n,).

        Raises:
            DataError: only silence was found in the noises.
        """
        speech = samples.mean(axis=1) if samples.ndim == 2 else samples
        generator = seeded("noise", key, self.seed)
        for _ in range(DRAWS_OF_NOISE):
            noise = self._piece(generator, rate, len(speech))
            if (level := _rms(noise)) > SILENT_RMS:
                gain = _rms(speech) / level * 10 ** (-self.snr_db / 20)
                return (speech + gain * noise).astype(np.float32)
        raise DataError(f"{self.paths[0].parent}: {DRAWS_OF_NOISE} pieces of its noises were silent")

    def _piece(self, generator: np.random.Generator, rate: int, length: int) -> NDArray[np.float32]:
        path = self.paths[int(generator.integers(len(self.paths)))]
        try:
            noise = _noise_at(path, rate)
        except InvalidSound as error:  # the noise is to blame, and not what it was to be mixed into
            raise DataError(f"noise {error}; mend it or take it out of {self._folder}") from error
        start = int(generator.integers(max(1, len(noise) - length + 1)))
        return np.resize(noise[start:], length) if len(noise) else np.zeros(length, np.float32)


@lru_cache(maxsize=32)
def _noise_at(path: Path, rate: int) -> NDArray[np.float32]:
    return mono_at(*read_sound(path, max_s=MAX_NOISE_S), rate)


def _rms(samples: Sequence[float] | NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0
