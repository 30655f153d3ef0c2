# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Embeddings and the classes they belong to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Labelled:
    """Embeddings float32 (n, d), unit length, and the class slug of each."""

    embeddings: NDArray[np.float32]
    slugs: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.embeddings.ndim != 2 or len(self.embeddings) != len(self.slugs):
            raise ValueError(f"{len(self.slugs)} slugs for embeddings of shape {self.embeddings.shape}")
