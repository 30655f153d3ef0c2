# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""OpenAI's speech service, or any server that speaks its HTTP interface (OPENAI_BASE_URL): POST /audio/speech."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from dataclasses import dataclass
from typing import IO, ClassVar

import numpy as np
import soundfile

from visual_byte_core.dataset.credentials import FILE, key, setting
from visual_byte_core.dataset.http_client import HttpError, fetch
from visual_byte_core.errors import DataError

KEY, ADDRESS = "OPENAI_API_KEY", "OPENAI_BASE_URL"
OFFICIAL = "https://api.openai.com/v1"
MAX_BYTES = 20_000_000  # bytes: minutes of speech, where a name takes a second


@dataclass(frozen=True)
class OpenAIVoice:
    """voice: such as `alloy`; instructions: how to speak, or empty; model: of OpenAI's speech models."""

    voice: str
    instructions: str = ""
    model: str = "gpt-4o-mini-tts"
    leading_silence_s: float = 0.4

    engine: ClassVar[str] = "openai"
    own_process: ClassVar[bool] = False

    @property
    def name(self) -> str:
        manner = hashlib.sha256(self.instructions.encode()).hexdigest()[:8] if self.instructions else "plain"
        return re.sub(r"[^\w.-]", "-", f"openai_{self.model}_{self.voice}_{manner}")

    @property
    def speaker(self) -> str:
        return f"openai {self.voice}"

    def check(self) -> None:
        key(KEY, "OpenAI's speech")

    def synthesize(self, words: str) -> tuple[np.ndarray, int]:
        body = {"model": self.model, "voice": self.voice, "input": words, "response_format": "wav"}
        if self.instructions:
            body["instructions"] = self.instructions
        address = setting(ADDRESS, OFFICIAL).rstrip("/")
        with tempfile.TemporaryFile(prefix="visual_byte_") as clip:
            try:
                fetch(
                    f"{address}/audio/speech",
                    clip,
                    headers={"Content-Type": "application/json"},
                    secret_headers={"Authorization": f"Bearer {key(KEY, address)}"},
                    data=json.dumps(body).encode(),
                    max_bytes=MAX_BYTES,
                )
            except HttpError as error:
                if error.status in (401, 403):
                    raise DataError(f"{error}; check {KEY} in the environment or in {FILE}") from error
                raise
            return _read(clip, f"{address}/audio/speech")


def _read(clip: IO[bytes], address: str) -> tuple[np.ndarray, int]:
    clip.seek(0)
    try:
        # A streamed WAV does not know its length when it starts; libsndfile reads it to its end.
        samples, rate = soundfile.read(clip, dtype="float32")
    except soundfile.SoundFileError as error:
        raise DataError(f"{address}: answered with something that is no WAV file ({error})") from error
    return samples, rate
