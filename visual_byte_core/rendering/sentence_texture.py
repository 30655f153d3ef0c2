# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""`semantic` and `smooth+sentence`: textures that show what words mean, by the embeddings of a sentence model.

`semantic` is a grid of 4 x 4 patches: the words in four pieces, as hash patches on the diagonal; how alike two pieces
are, as barcodes above it; the embedding of all words, as blocks of colour below it.

`smooth+sentence` is `smooth` with as many waves again for the meaning. How strong these are follows the embedding: its
projections on fixed random directions, of which only the part above 1 standard deviation counts. So the weights are not
negative and few, and the product of two texts' weights grows with the cosine of their embeddings.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import cv2
import numpy as np

from visual_byte_core.rendering.hash_texture import hash_texture
from visual_byte_core.rendering.sentence_encoder import SentenceEncoder
from visual_byte_core.rendering.smooth_texture import CONTRAST, wave_colours, wave_geometry, wave_weights

PIECES = 4
BARS = 4  # of a barcode
LEVELS = 50.0  # grey levels for one standard deviation of the embedding's values
THRESHOLD = 1.0


def semantic_texture(words: str, size: int, encoder: SentenceEncoder) -> np.ndarray:
    """Texture of canonical words: uint8 (size, size, 3)."""
    pieces = four_pieces(words)
    embeddings = np.stack([encoder.embed(piece) for piece in pieces]).astype(np.float64)
    alike = np.clip(embeddings @ embeddings.T, 0, 1)
    values = encoder.embed(words).astype(np.float64)
    shares = iter(np.array_split(values * np.sqrt(len(values)), PIECES * (PIECES - 1) // 2))
    edges = [size * i // PIECES for i in range(PIECES + 1)]
    picture = np.empty((size, size, 3), np.uint8)
    for row in range(PIECES):
        for column in range(PIECES):
            cell = picture[edges[row] : edges[row + 1], edges[column] : edges[column + 1]]
            height, width = cell.shape[:2]
            if row == column:
                cell[:] = hash_texture(pieces[row], max(height, width))[:height, :width]
            elif row < column:
                cell[:] = _barcode(alike[row, column], width)
            else:
                cell[:] = _blocks(next(shares), height, width)
    return picture


def four_pieces(words: str) -> list[str]:
    """Words in four pieces, in order: whole words if there are four, else the longest are halved.

    What cannot be halved is repeated: `fig` is fi, g, and these again when no letter is left to split.
    """
    pieces = words.split()
    if len(pieces) > PIECES:
        bounds = [len(pieces) * i // PIECES for i in range(PIECES + 1)]
        return [" ".join(pieces[bounds[i] : bounds[i + 1]]) for i in range(PIECES)]
    while len(pieces) < PIECES and max(map(len, pieces)) > 1:
        longest = max(range(len(pieces)), key=lambda i: len(pieces[i]))
        half = (len(pieces[longest]) + 1) // 2
        pieces[longest : longest + 1] = [pieces[longest][:half], pieces[longest][half:]]
    return [pieces[i % len(pieces)] for i in range(PIECES)]


def smooth_sentence_texture(
    words: str, size: int, encoder: SentenceEncoder, *, waves: int, ngrams: tuple[int, ...], share: float
) -> np.ndarray:
    """Texture of canonical words: uint8 (size, size, 3); `share` of its power, 0..1, shows the meaning."""
    weights = meaning_weights(encoder.embed(words), waves)
    share = share if weights.any() else 0.0
    weights = np.concatenate([np.sqrt(1 - share) * wave_weights(words, waves, ngrams), np.sqrt(share) * weights])
    picture = _sum_of_waves(weights[:, None] * wave_colours(2 * waves), size)
    return np.clip(np.rint(127.5 + CONTRAST * picture), 0, 255).astype(np.uint8)


def meaning_weights(embedding: np.ndarray, waves: int) -> np.ndarray:
    """How strong each wave of the meaning is: float64 (waves,), not negative, unit length; zeros for a zero embedding.

    Args:
        embedding: float (d,), unit length or zero.
    """
    projections = _directions(waves, len(embedding)) @ embedding.astype(np.float64)
    weights = np.maximum(projections - THRESHOLD, 0)
    return weights / max(float(np.linalg.norm(weights)), 1e-12)


def _barcode(similarity: float, width: int) -> np.ndarray:
    """Bright bars on black whose breadth is the similarity, 0..1: uint8 (width, 3) for one row from left to right."""
    period = width / BARS
    bright = np.arange(BARS)[:, None] * period + similarity * np.array([0, period])
    pixels = np.arange(width)[:, None]
    # How much of each pixel the bars cover: a small change of similarity is a small change of the picture.
    covered = np.clip(np.minimum(pixels + 1, bright[:, 1]) - np.maximum(pixels, bright[:, 0]), 0, 1).sum(axis=1)
    return np.repeat(np.rint(255 * covered).astype(np.uint8)[:, None], 3, axis=1)


def _blocks(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Values of about 1, three to a block of colour: uint8 (height, width, 3)."""
    side = int(np.ceil(np.sqrt(len(values) / 3)))
    padded = np.zeros(side * side * 3)
    padded[: len(values)] = values
    blocks = np.clip(np.rint(127.5 + LEVELS * padded), 0, 255).astype(np.uint8).reshape(side, side, 3)
    grows = side <= min(height, width)
    return cv2.resize(blocks, (width, height), interpolation=cv2.INTER_NEAREST if grows else cv2.INTER_AREA)


def _sum_of_waves(colours: np.ndarray, size: int) -> np.ndarray:
    """Plane waves of the given colours (waves, 3), summed: float64 (size, size, 3)."""
    angle, frequency, phase = wave_geometry(len(colours))
    place = 2 * np.pi * np.arange(size) / size
    along_x = np.exp(1j * np.outer(place, np.cos(angle) * frequency))
    along_y = np.exp(1j * (np.outer(place, np.sin(angle) * frequency) + phase))
    # cos(a + b) is the real part of exp(ia) exp(ib), so a picture is a product of two small matrices.
    waves: np.ndarray = np.sqrt(2) * np.stack([((along_y * colour) @ along_x.T).real for colour in colours.T], axis=2)
    return waves


@lru_cache(maxsize=4)
def _directions(waves: int, dimension: int) -> np.ndarray:
    """Fixed random directions of 1 and -1: float64 (waves, dimension); a unit vector's projection has deviation 1."""
    stream = hashlib.shake_256(b"directions of the meaning").digest(waves * dimension // 8 + 1)
    bits = np.unpackbits(np.frombuffer(stream, np.uint8))[: waves * dimension]
    return bits.reshape(waves, dimension) * 2.0 - 1.0
