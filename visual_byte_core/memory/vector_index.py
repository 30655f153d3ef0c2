# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Nearest embeddings in RAM: lists of near vectors (an inverted file), of which a search reads the nearest few."""

from __future__ import annotations

import io
import os
import zipfile
from functools import lru_cache
from pathlib import Path

import faiss
import numpy as np

from visual_byte_core.files import write_whole

LISTS_READ = 32  # studies/memory_engines.py: recall@10 is .998 among a million; of one list, every vector is read
VECTORS_PER_RESULT = 50  # that are read at least
EXACT_UP_TO = 10_000  # vectors that pass a filter: all of them are compared
PARTITION_FROM = 16_384  # vectors; reading fewer one by one takes under a millisecond
PARTITION_AGAIN = 4  # times as many
SAMPLE_PER_LIST = 40
TRAINING_ROUNDS = 8


class VectorIndex:
    """Unit vectors in half precision, under row numbers; scores are cosines, exact but for that precision.

    Args:
        centroids: float32 (lists, dimension), of unit length; None: one list, so that every search compares all
            vectors.
    """

    def __init__(self, dimension: int, centroids: np.ndarray | None = None) -> None:
        self.centroids = np.zeros((1, dimension), np.float32) if centroids is None else centroids
        self._coarse = faiss.IndexFlatIP(dimension)
        self._coarse.add(self.centroids)
        self._lists = faiss.IndexIVFScalarQuantizer(
            self._coarse, dimension, len(self.centroids), faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        )
        self._lists.by_residual = False
        self._lists.is_trained = True  # half precision has nothing to learn
        self.partitioned_at = 0 if centroids is None else vectors_for(len(centroids))

    def __len__(self) -> int:
        total: int = self._lists.ntotal
        return total

    @property
    def due(self) -> bool:
        """Whether it has grown so much that a new partition would be faster."""
        return len(self) >= max(PARTITION_FROM, PARTITION_AGAIN * self.partitioned_at)

    def assign(self, vectors: np.ndarray) -> np.ndarray:
        """Which list each of these vectors, float32 (n, dimension), belongs to, int64 (n,)."""
        if len(self.centroids) == 1:
            return np.zeros(len(vectors), np.int64)
        one_core()
        nearest: np.ndarray = self._coarse.search(np.ascontiguousarray(vectors, np.float32), 1)[1][:, 0]
        return nearest

    def reserve(self, lists: np.ndarray) -> None:
        """Make room for vectors of these lists, int64 (n,), and no more; before anything is added.

        Lists that grow one by one take up to twice their size.
        """
        for number, size in enumerate(np.bincount(lists, minlength=len(self.centroids)).tolist()):
            self._lists.invlists.resize(number, size)
            self._lists.invlists.resize(number, 0)

    def add(self, rows: np.ndarray, vectors: np.ndarray, lists: np.ndarray) -> None:
        """rows: int64 (n,); vectors: float32 (n, dimension); lists: what `assign` gave, int64 (n,)."""
        one_core()
        vectors = np.ascontiguousarray(vectors, np.float32)
        lists = np.ascontiguousarray(lists, np.int64)
        rows = np.ascontiguousarray(rows, np.int64)
        self._lists.add_core(len(rows), *map(faiss.swig_ptr, (vectors, rows, lists)))

    def remove(self, rows: np.ndarray) -> None:
        """Forget the vectors of these rows, int64 (n,); rows that are not there are passed over."""
        self._lists.remove_ids(np.ascontiguousarray(rows, np.int64))

    def search(
        self, vector: np.ndarray, k: int, among: np.ndarray | None = None, lists: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rows, int64, and scores, float32, of the at most `k` nearest, best first.

        Args:
            vector: float32 (dimension,), unit length.
            among: the rows that are let through, and `lists`, of each of them its list; None for all rows.
        """
        vectors, lists_made = len(self), len(self.centroids)
        count = vectors if among is None else len(among)
        k = min(k, count)
        if not k:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        one_core()
        query = np.ascontiguousarray(vector[None], np.float32)
        wanted = max(LISTS_READ, k * VECTORS_PER_RESULT * lists_made // vectors) * vectors // count
        reading = min(wanted, lists_made)
        if lists_made == 1:
            probes = np.zeros((1, 1), np.int64)
        elif among is not None and lists is not None and count <= EXACT_UP_TO:
            probes = np.unique(lists)[None]
        else:
            probes = self._coarse.search(query, reading)[1]
        scores, rows = self._read(query, k, probes, among)
        if rows[-1] < 0 and probes.size < lists_made:
            scores, rows = self._read(query, k, np.arange(lists_made)[None], among)
        return rows[rows >= 0], scores[rows >= 0]

    def _read(
        self, query: np.ndarray, k: int, probes: np.ndarray, among: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        settings = _reading(probes.size)
        if among is not None:
            bits = np.zeros(int(among[-1]) // 8 * 8 + 8, np.uint8)
            bits[among] = 1
            settings = faiss.SearchParametersIVF(
                nprobe=probes.size, sel=faiss.IDSelectorBitmap(np.packbits(bits, bitorder="little"))
            )
        probes = np.ascontiguousarray(probes, np.int64)
        to_centroids = np.zeros(probes.shape, np.float32)
        scores, rows = np.empty(k, np.float32), np.empty(k, np.int64)
        pointers = map(faiss.swig_ptr, (probes, to_centroids, scores, rows))
        self._lists.search_preassigned_c(1, faiss.swig_ptr(query), k, *pointers, False, settings)
        return scores, rows


@lru_cache
def _reading(lists: int) -> faiss.SearchParametersIVF:
    """It takes longer to make than to search a thousand vectors by."""
    return faiss.SearchParametersIVF(nprobe=lists)


def lists_for(vectors: int) -> int:
    """The number of lists with which reading centroids and reading lists cost about the same."""
    return 4 * int(vectors**0.5)


def vectors_for(lists: int) -> int:
    """How many vectors a partition into that many lists was made for."""
    return (lists // 4) ** 2


def train(sample: np.ndarray, lists: int) -> np.ndarray:
    """Centroids, float32 (lists, dimension) of unit length, of a sample, float32 (n, dimension)."""
    means = faiss.Kmeans(
        sample.shape[1], lists, niter=TRAINING_ROUNDS, spherical=True, seed=1,
        min_points_per_centroid=1, max_points_per_centroid=SAMPLE_PER_LIST,
    )  # fmt: skip
    means.train(sample)
    centroids: np.ndarray = means.centroids
    return centroids


def save_partition(path: Path, centroids: np.ndarray, rows: np.ndarray, lists: np.ndarray) -> None:
    """Which row is in which list, so that the next start need not find it out. Raises DataError."""
    content = io.BytesIO()
    np.savez(content, centroids=centroids, rows=rows.astype(np.int64), lists=lists.astype(np.int32))
    write_whole(path, content.getvalue())


def load_partition(path: Path, dimension: int) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """centroids, rows in rising order, and lists; None if there is no such file or it is not whole.

    The format has a checksum of each of them, which reading compares.
    """
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            centroids, rows, lists = file["centroids"], file["rows"], file["lists"].astype(np.int64)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    fits = (
        centroids.dtype == np.float32
        and centroids.ndim == 2
        and centroids.shape[1] == dimension
        and rows.dtype == np.int64
        and rows.shape == lists.shape == (len(rows),)
        and np.isfinite(centroids).all()
        and (np.diff(rows) > 0).all()
        and (not len(lists) or 0 <= lists.min() <= lists.max() < len(centroids))
    )
    return (centroids, rows, lists) if fits else None


def one_core() -> None:
    """Let the calling thread compute alone: on a busy machine, waiting for helpers takes longer than they save."""
    faiss.omp_set_num_threads(1)


def work_aside() -> None:
    """Let the calling thread compute alone, and leave the processor to others."""
    one_core()
    os.setpriority(os.PRIO_PROCESS, 0, 10)  # on Linux: of the calling thread
