# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What voices have said, kept for every data set of this machine, so that nothing is spoken twice.

    <engine>/<voice>/<slug of the words>.flac      16 bits, at the engine's rate, without leading silence

The folder is `clips` in the user's cache folder unless another is named. Nothing in it is ever out of date: another
voice, speed or spelling has another path. Delete what should be spoken anew.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from visual_byte_core.errors import DataError
from visual_byte_core.files import expanded, write_whole
from visual_byte_core.names import slugify
from visual_byte_core.user_folders import cache_folder

if TYPE_CHECKING:
    from visual_byte_core.dataset.voices import Voice

SUFFIX = ".flac"


@dataclass(frozen=True)
class ClipCache:
    """folder: where the clips lie; it need not be there yet."""

    folder: Path

    @classmethod
    def at(cls, folder: str = "") -> ClipCache:
        """The cache in `folder`, or the user's."""
        return cls(expanded(folder) if folder else cache_folder("clips"))

    def path(self, words: str, voice: Voice) -> Path:
        """Where the words are kept as this voice says them, whether they are there or not."""
        return self.folder / voice.engine / voice.name / f"{slugify(words)}{SUFFIX}"

    def spoken(self, words: str, voice: Voice) -> tuple[np.ndarray, int]:
        """int16 (n,) and samples a second: as kept, else spoken now and kept.

        A clip that cannot be read, as after a power cut, is spoken again. Raises DataError as `Voice.synthesize`, when
        the voice says nothing, or when the folder cannot be written.
        """
        path = self.path(words, voice)
        try:
            samples, rate = soundfile.read(path, dtype="int16")
            return samples, int(rate)
        except (OSError, soundfile.SoundFileError):
            pass  # not there yet, or not whole
        samples, rate = voice.synthesize(words)
        if not np.any(samples):
            raise DataError(f"the voice {voice.name} says nothing for {words!r}")
        clip = io.BytesIO()
        soundfile.write(clip, samples, rate, format="FLAC", subtype="PCM_16")
        write_whole(path, clip.getvalue())
        clip.seek(0)
        kept, _ = soundfile.read(clip, dtype="int16")
        return kept, rate
