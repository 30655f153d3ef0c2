# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Speech method 1: what the encoder of a Whisper makes of a spoken name, drawn as an image.

For training and its validation only: the encoder is larger and slower than the whole network of a bundle, so that no
robot runs it and no bundle is made of a network that was trained on it.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from visual_byte_core.errors import ModelError
from visual_byte_core.pretrained.hub_models import content_digest, model_folder
from visual_byte_core.rendering.settings import SpeechSettings
from visual_byte_core.rendering.speech import RATE

SETTING = "speech.whisper"
LOUDNESS = 0.1  # root mean square that recordings of Whisper's kind have, in -1..1
SAMPLES_PER_FRAME = 320  # two hops of 10 ms: the encoder halves the spectrogram's frames


def whisper_images(samples: Sequence[np.ndarray], size: int, settings: SpeechSettings) -> list[np.ndarray]:
    """Images of the encoder's last hidden state, one batch.

    Each is cut to the frames of its utterance, then scaled from its least and greatest value to 0..255.

    Args:
        samples: float64 (n,) each, as `prepare` in `rendering.speech` returns them.
        size: side of the results in pixels.
        settings: `whisper` names the encoder, `rms` is the loudness that `prepare` left.

    Returns:
        uint8 (size, size, 3), three equal channels; time runs to the right, the first channel of the encoder is on top.

    Raises:
        ModelError: transformers or the weights are missing, or the folder holds no Whisper.
    """
    if not samples:
        return []
    import torch

    extractor, encoder = _load(settings.whisper)
    heard = [(one * (LOUDNESS / settings.rms)).astype(np.float32) for one in samples]
    features = extractor(heard, sampling_rate=RATE, return_tensors="pt").input_features
    with torch.inference_mode():
        states = encoder(features.to(encoder.device)).last_hidden_state.float().cpu().numpy()
    return [_draw(state[: -(-len(one) // SAMPLES_PER_FRAME)], size) for state, one in zip(states, heard, strict=True)]


def weights_digest(name: str) -> str:
    """12 hex characters that change with the weights of a Whisper. Raises ModelError."""
    return content_digest(model_folder(name, SETTING))


def _draw(state: np.ndarray, size: int) -> np.ndarray:
    """(frames, width) -> uint8 (size, size, 3)."""
    low, high = state.min(), state.max()
    grey: np.ndarray = np.ascontiguousarray(255 * (state.T - low) / max(high - low, 1e-9), np.float32)
    # Each axis as it needs it: averaged where it shrinks, interpolated where it grows.
    for shape in ((size, grey.shape[0]), (size, size)):
        shrinks = shape[0] < grey.shape[1] or shape[1] < grey.shape[0]
        grey = cv2.resize(grey, shape, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.repeat(np.clip(np.rint(grey), 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


@lru_cache(maxsize=1)
def _load(name: str) -> tuple[Any, Any]:
    """The feature extractor and the encoder, on the GPU if there is one."""
    try:
        import torch

        from visual_byte_core.pretrained.torch_companions import import_companions

        import_companions()  # before transformers imports it
        from safetensors import SafetensorError
        from transformers import WhisperFeatureExtractor, WhisperModel
        from transformers.utils import logging
    except ImportError as error:
        raise ModelError(
            f"speech method 1 needs transformers ({error}); pip install '.[train]' in Visual Byte's folder"
        ) from error
    folder = model_folder(name, SETTING)
    logging.disable_progress_bar()  # of reading the weights
    try:
        extractor = WhisperFeatureExtractor.from_pretrained(folder)
        read: Any = WhisperModel.from_pretrained(
            folder, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        )
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{SETTING}: {folder} cannot be read as a Whisper ({' '.join(str(error).split())})") from error
    model, report = read
    missing = [key for key in report["missing_keys"] if key.startswith("encoder.")]
    if missing:  # transformers leaves these weights random
        raise ModelError(f"{SETTING}: {folder} lacks weights of a Whisper's encoder, such as {min(missing)}")
    # A forked loader of training cannot use the GPU of its parent.
    on_gpu = torch.cuda.is_available() and multiprocessing.parent_process() is None
    return extractor, model.get_encoder().to("cuda" if on_gpu else "cpu").eval()
