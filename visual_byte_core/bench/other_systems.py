# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What a user would run instead: CLIP, MobileCLIP, Whisper before CLIP's text tower, CLAP; in their quickest form.

Networks run in ONNX Runtime with the same options as ours, Whisper in CTranslate2. Each searches the same number of
memories by one product of matrices, which costs less than our memory does.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path

import numpy as np
import onnxruntime

from visual_byte_core.bench.contenders import DIMENSION, FRAME, SPOKEN, TYPED, Contender
from visual_byte_core.bench.our_bundles import Task, frame, unit_vectors
from visual_byte_core.embedding.embedder import session_options
from visual_byte_core.rendering.photo import render_photo
from visual_byte_core.rendering.speech import mono_at, read_sound

CLIP_MEAN = np.array((0.48145466, 0.4578275, 0.40821073), np.float32)
CLIP_DEVIATION = np.array((0.26862954, 0.26130258, 0.27577711), np.float32)
WHISPER_PROMPT = (50258, 50259, 50359, 50363)  # start of transcript, English, transcribe, no time stamps
WHISPER_END = 50257
WHISPER_TOKENS = 8  # a short name and its punctuation
WHISPER_WINDOW = 30.0  # seconds
CLAP_RATE = 48_000
CLAP_WINDOW = 10.0  # seconds


def clip_tasks(contender: Contender) -> dict[str, Task]:
    """CLIP or MobileCLIP, `image.onnx` and `text.onnx` in a folder: rows of photos and typed names."""
    folder = Path(contender.model)
    image = _open(folder / "image.onnx", contender.threads)
    side = image.get_inputs()[0].shape[2]
    # MobileCLIP divides by 255 only.
    mean, deviation = (0.0, 1.0) if contender.kind == "mobileclip" else (CLIP_MEAN, CLIP_DEVIATION)
    picture = frame()

    def embed_frame() -> object:
        pixels = (render_photo(picture, side).astype(np.float32) / 255 - mean) / deviation
        return image.run(None, {"pixels": np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32)})[0]

    return {FRAME: embed_frame, TYPED: _typed(folder, contender)}


def whisper_tasks(contender: Contender) -> dict[str, Task]:
    """Whisper writes down what was said, CLIP's text tower embeds it.

    `whisper-cut`: it hears the utterance alone, not its window of 30 s, for which it was not trained: the kindest case.
    """
    import ctranslate2

    model = ctranslate2.models.Whisper(
        contender.model, device="cpu", compute_type=contender.precision, intra_threads=contender.threads
    )
    rate = 16_000
    samples = mono_at(*read_sound(contender.utterance), rate)
    window = len(samples) if contender.kind == "whisper-cut" else int(WHISPER_WINDOW * rate)
    padded = np.zeros(window, np.float32)
    padded[: len(samples)] = samples[:window]
    bands = _mel_bands(rate, 400, 80)
    find = _typed(Path(contender.text), contender)

    def spoken() -> object:
        features = ctranslate2.StorageView.from_array(
            np.ascontiguousarray(_log_mel(padded, 400, 160, bands)[None, :, :-1])
        )
        written = model.generate(
            features, [list(WHISPER_PROMPT)], beam_size=1, max_length=2 * (len(WHISPER_PROMPT) + WHISPER_TOKENS) - 8,
            suppress_blank=False, suppress_tokens=[WHISPER_END],
        )  # fmt: skip
        if len(written[0].sequences_ids[0]) != WHISPER_TOKENS:
            raise RuntimeError(f"Whisper wrote {len(written[0].sequences_ids[0])} tokens, not {WHISPER_TOKENS}")
        return find()

    return {SPOKEN: spoken}


def clap_tasks(contender: Contender) -> dict[str, Task]:
    """CLAP's audio tower, `audio.onnx` in a folder: sound to embedding to the nearest memories."""
    network = _open(Path(contender.model) / "audio.onnx", contender.threads)
    samples = mono_at(*read_sound(contender.utterance), CLAP_RATE)
    window = np.resize(samples, int(CLAP_WINDOW * CLAP_RATE)).astype(np.float32)  # CLAP repeats what is shorter
    bands = _mel_bands(CLAP_RATE, 1024, 64)
    memories = unit_vectors(contender.memories)

    def spoken() -> object:
        features = _log_mel(window, 1024, 480, bands).T[None, None]
        return _nearest(network.run(None, {"features": np.ascontiguousarray(features)})[0][0], memories)

    return {SPOKEN: spoken}


def _typed(folder: Path, contender: Contender) -> Task:
    """Words -> the ten nearest memories, by the text tower of a folder."""
    from tokenizers import Tokenizer

    network = _open(folder / "text.onnx", contender.threads)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    memories = unit_vectors(contender.memories)
    numbers = count()

    def typed() -> object:
        tokens = np.array([tokenizer.encode(f"a photo of oat milk {next(numbers)}").ids])
        return _nearest(network.run(None, {"tokens": tokens})[0][0], memories)

    return typed


def _nearest(embedding: np.ndarray, memories: np.ndarray) -> np.ndarray:
    scores = memories @ (embedding[:DIMENSION] / np.linalg.norm(embedding))
    return np.argpartition(scores, -10)[-10:]


def _open(path: Path, threads: int) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), session_options(threads), providers=["CPUExecutionProvider"])


def _log_mel(samples: np.ndarray, window: int, hop: int, bands: np.ndarray) -> np.ndarray:
    """float32 (bands, frames): what both networks take, but for constants that cost the same."""
    padded = np.pad(samples, window // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(window + 1)[:-1].astype(np.float32), axis=1)) ** 2
    logarithm: np.ndarray = np.log10(np.maximum(bands @ power.T.astype(np.float32), 1e-10)).astype(np.float32)
    return logarithm


def _mel_bands(rate: int, window: int, count: int) -> np.ndarray:
    """Triangles on the mel scale, float32 (count, window / 2 + 1)."""
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + rate / 2 / 700), count + 2) / 2595) - 1)
    frequencies = np.fft.rfftfreq(window, 1 / rate)
    rising = (frequencies - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - frequencies) / np.diff(edges)[1:, None]
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
