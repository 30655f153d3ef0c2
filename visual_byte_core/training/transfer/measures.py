# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What the names and photos that were kept for it say of a network while it learns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from visual_byte_core.metrics.recall import recall_at_k
from visual_byte_core.names import ClassName
from visual_byte_core.training.transfer.banks import Banks
from visual_byte_core.training.transfer.kept import Bank
from visual_byte_core.training.transfer.network import Learner

AT_ONCE = 128


def measure(learner: Learner, banks: Banks, names: Sequence[ClassName]) -> dict[str, Any]:
    """How well the learner reads, hears and sees.

    Of words: `read`, the share whose own prototype is nearest of all names', and `near`, the mean cosine to it. By
    source of the names, of those with photos in the calibration split: R@1 of typed name -> photo and photo -> name
    among the source's names, and the share of photos nearest to their prototype of all. Of sounds the same as of words.
    """
    placed = F.normalize(learner.prototypes.detach(), dim=-1).numpy()
    texts, photos = embed_bank(learner, banks.measured_texts), embed_bank(learner, banks.measured_photos)
    measured = {"text": _to_prototypes(texts, banks.measured_texts.labels, placed)}
    if banks.measured_sounds is not None:
        sounds = embed_bank(learner, banks.measured_sounds)
        measured["sound"] = _to_prototypes(sounds, banks.measured_sounds.labels, placed)
    for source in sorted({source for name in names for source in name.sources} - {"imagenet", "wordnet"}):
        shown = np.unique(banks.measured_photos.labels)
        numbers = [n for n in shown if source in names[n].sources]
        gallery = np.isin(banks.measured_photos.labels, numbers)
        asked = np.isin(banks.measured_texts.labels, numbers)
        if gallery.any() and asked.any():
            pair = (texts[asked], banks.measured_texts.labels[asked])
            there = (photos[gallery], banks.measured_photos.labels[gallery])
            known = np.isin(there[1], pair[1])
            measured[source] = {
                "text_to_image": round(recall_at_k(*pair, *there)["r1"], 4),
                "image_to_text": round(recall_at_k(there[0][known], there[1][known], *pair)["r1"], 4),
                "image_to_prototype": _to_prototypes(*there, placed)["read"],
            }
    return measured


def embed_bank(learner: Learner, bank: Bank) -> NDArray[np.float32]:
    """Embeddings (n, dimension) of all pictures of a bank."""
    with torch.inference_mode():
        chunks = [
            learner(torch.from_numpy(np.array(bank.features[start : start + AT_ONCE])).float())[1]
            for start in range(0, len(bank), AT_ONCE)
        ]
    return torch.cat(chunks).numpy()


def _to_prototypes(
    embeddings: NDArray[np.float32], labels: NDArray[np.int32], placed: NDArray[np.float32]
) -> dict[str, float]:
    cosines = embeddings @ placed.T
    own = cosines[np.arange(len(labels)), labels]
    return {"read": round(float((cosines.argmax(axis=1) == labels).mean()), 4), "near": round(float(own.mean()), 4)}
