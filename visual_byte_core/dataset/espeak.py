# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""espeak-ng through ctypes, one process a clip: only the first clip of a process is reproducible."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np

from visual_byte_core.errors import DataError

RATE = 22050
_SYNCHRONOUS, _DONT_EXIT = 2, 0x8000
_UTF8, _END_PAUSE = 1, 0x1000
_RATE_PARAMETER, _PITCH_PARAMETER = 1, 3
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def synthesize(words: str, language: str, variant: str, rate: int, pitch: int) -> np.ndarray:
    """Speak words: float32 (n,) in -1..1 at 22,050 Hz. Call it once a process.

    Raises:
        DataError: espeak-ng is not installed, or does not know the language or the variant.
    """
    try:
        import espeakng_loader
    except ImportError as error:
        raise DataError("espeak-ng is not installed; run: pip install 'visual_byte[tts]'") from error
    data = Path(espeakng_loader.get_data_path())
    # espeak-ng would silently take its default voice for a variant that it does not have.
    if variant and not (data / "voices" / "!v" / variant).is_file():
        raise DataError(f"espeak-ng has no variant {variant!r}; see the folder {data / 'voices' / '!v'}")
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    if library.espeak_Initialize(_SYNCHRONOUS, 0, str(data).encode(), _DONT_EXIT) != RATE:
        raise DataError(f"espeak-ng did not start with its data in {data}; reinstall espeakng-loader")
    chunks: list[np.ndarray] = []
    callback = _CALLBACK(lambda samples, count, _: _collect(chunks, samples, count))
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(f"{language}+{variant}".rstrip("+").encode()) != 0:
        raise DataError(f"espeak-ng has no voice for the language {language!r}")
    library.espeak_SetParameter(_RATE_PARAMETER, rate, 0)
    library.espeak_SetParameter(_PITCH_PARAMETER, pitch, 0)
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # breathy voices draw noise, by default seeded with the time
    text = words.encode()
    library.espeak_Synth(text, len(text) + 1, 0, 0, 0, _UTF8 | _END_PAUSE, None, None)
    library.espeak_Synchronize()
    return np.concatenate(chunks).astype(np.float32) / 32768 if chunks else np.zeros(0, np.float32)


def _collect(chunks: list[np.ndarray], samples: ctypes._Pointer[ctypes.c_short], count: int) -> int:
    if samples and count:
        chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
    return 0
