# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Engines for the memory side by side: how fast, how exact, how large, from a thousand embeddings to a million.

    python studies/memory_engines.py --photos DATA/grocery --bundle models/starter --out growth.json --figure growth.png

Each engine runs in a process of its own; their searches take turns, so that a busy machine slows all alike. `memory` is
the whole of `Memory` (on disk, with thumbnails of 4 KB); `partition` its index alone. The embeddings are those of
the photos, moved by differences of other near photos and a little noise (`photos`), or random directions (`random`).
Engines that are not installed are left out, and said so: pip install usearch simsimd qdrant-edge-py.

Per engine and size: building (s); one search for ten, alone and with an insertion before each (ms, median and 95 %);
one insertion (ms); recall of the exact ten; RAM in bytes a vector (anonymous pages of the process); saving and loading
(s); and the longest time (ms) that another thread of the process had to wait for Python while it was built or searched.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from visual_byte_core.bench.resident_memory import resident_bytes

DIMENSION, K, QUERIES, ROUND = 512, 10, 200, 20
THUMBNAIL_BYTES = 4096
RERANKED = 50  # candidates of an engine whose scores are not exact
HELD_OUT = 0.2  # share of the photos that only queries are made of
SIZES = (1_000, 10_000, 100_000, 1_000_000)


class Numpy:
    """Float32, all of them compared."""

    max_memories = 100_000

    def __init__(self, vectors: np.ndarray, folder: Path) -> None:
        self.vectors = np.concatenate([vectors, np.empty((QUERIES * 2, DIMENSION), np.float32)])
        self.count = len(vectors)

    def add(self, row: int, vector: np.ndarray) -> None:
        self.vectors[row] = vector
        self.count += 1

    def search(self, query: np.ndarray) -> np.ndarray:
        return best(self.vectors[: self.count] @ query, K)


class Simsimd:
    """Int8, all of them compared, the best of them once more in half precision."""

    max_memories = 1_000_000

    def __init__(self, vectors: np.ndarray, folder: Path) -> None:
        import simsimd

        self.distances = simsimd.cdist
        self.half = np.concatenate([vectors.astype(np.float16), np.zeros((QUERIES * 2, DIMENSION), np.float16)])
        self.bytes = np.concatenate(
            [eighths(self.half[i : i + 50_000].astype(np.float32)) for i in range(0, len(self.half), 50_000)]
        )
        self.count = len(vectors)

    def add(self, row: int, vector: np.ndarray) -> None:
        self.half[row], self.bytes[row] = vector, eighths(vector)
        self.count += 1

    def search(self, query: np.ndarray) -> np.ndarray:
        found = self.distances(eighths(query)[None], self.bytes[: self.count], metric="cos", dtype="int8", threads=1)
        return reranked(self.half, best(-np.asarray(found)[0], RERANKED), query)


class Usearch:
    """A graph of int8 vectors (HNSW), the best of them once more in half precision, from a mapped file."""

    max_memories = 1_000_000
    dtype, rerank = "i8", True

    def __init__(self, vectors: np.ndarray, folder: Path) -> None:
        from usearch.index import Index

        self.index = Index(ndim=DIMENSION, metric="cos", dtype=self.dtype, connectivity=16, expansion_search=96)
        self.file = folder / "usearch"
        self.half = np.lib.format.open_memmap(
            folder / "half.npy", "w+", np.float16, (len(vectors) + QUERIES * 2, DIMENSION)
        )
        for start in range(0, len(vectors), 10_000):
            block = vectors[start : start + 10_000]
            self.half[start : start + len(block)] = block
            self.index.add(np.arange(start, start + len(block)), block, threads=2)

    def add(self, row: int, vector: np.ndarray) -> None:
        self.half[row] = vector
        self.index.add(row, vector)

    def search(self, query: np.ndarray) -> np.ndarray:
        if not self.rerank:
            return self.index.search(query, K, threads=1).keys.astype(np.int64)
        return reranked(self.half, self.index.search(query, RERANKED, threads=1).keys.astype(np.int64), query)

    def save_and_load(self) -> None:
        self.index.save(str(self.file))
        self.index.load(str(self.file))


class UsearchHalf(Usearch):
    """A graph of half precision vectors (HNSW)."""

    dtype, rerank = "f16", False


class FaissGraph:
    """A graph of vectors of eight bits a value (HNSW), the best of them once more in half precision."""

    max_memories = 1_000_000

    def __init__(self, vectors: np.ndarray, folder: Path) -> None:
        import faiss

        self.faiss, self.file = faiss, str(folder / "graph")
        self.index = faiss.IndexHNSWSQ(DIMENSION, faiss.ScalarQuantizer.QT_8bit, 16, faiss.METRIC_INNER_PRODUCT)
        self.index.hnsw.efConstruction, self.index.hnsw.efSearch = 128, 96
        self.index.train(vectors[:10_000])
        self.half = np.lib.format.open_memmap(
            folder / "half.npy", "w+", np.float16, (len(vectors) + QUERIES * 2, DIMENSION)
        )
        for start in range(0, len(vectors), 10_000):
            block = np.ascontiguousarray(vectors[start : start + 10_000])
            self.half[start : start + len(block)] = block
            self.index.add(block)

    def add(self, row: int, vector: np.ndarray) -> None:
        self.half[row] = vector
        self.index.add(vector[None])

    def search(self, query: np.ndarray) -> np.ndarray:
        return reranked(self.half, self.index.search(query[None], RERANKED)[1][0], query)

    def save_and_load(self) -> None:
        self.faiss.write_index(self.index, self.file)
        self.index = self.faiss.read_index(self.file)
        self.index.hnsw.efSearch = 96


class Partition:
    """Lists of half precision vectors (an inverted file of faiss): the index of `Memory`."""

    max_memories = 1_000_000

    def __init__(self, vectors: np.ndarray, folder: Path) -> None:
        from visual_byte_core.memory import vector_index

        self.modules, self.file = vector_index, folder / "partition.npz"
        centroids = None
        if len(vectors) >= vector_index.PARTITION_FROM:
            lists = vector_index.lists_for(len(vectors))
            sample = np.sort(np.random.default_rng(1).permutation(len(vectors))[: lists * vector_index.SAMPLE_PER_LIST])
            centroids = vector_index.train(vectors[sample], lists)
        self.index = vector_index.VectorIndex(DIMENSION, centroids)
        blocks = [(start, vectors[start : start + 10_000]) for start in range(0, len(vectors), 10_000)]
        self.lists = np.concatenate([self.index.assign(block) for _, block in blocks])
        self.index.reserve(self.lists)
        for start, block in blocks:
            rows = np.arange(start, start + len(block))
            self.index.add(rows, block, self.lists[rows])

    def add(self, row: int, vector: np.ndarray) -> None:
        self.index.add(np.array([row]), vector[None], self.index.assign(vector[None]))

    def search(self, query: np.ndarray) -> np.ndarray:
        return self.index.search(query, K)[0]

    def save_and_load(self) -> None:
        self.modules.save_partition(self.file, self.index.centroids, np.arange(len(self.lists)), self.lists)
        self.modules.load_partition(self.file, DIMENSION)


class QdrantEdge:
    """Half precision, all of them compared."""

    max_memories = 100_000
    graph = False

    def __init__(self, vectors: np.ndarray, folder: Path) -> None:
        import qdrant_edge as qdrant

        self.qdrant = qdrant
        settings = qdrant.EdgeVectorParams(
            size=DIMENSION, distance=qdrant.Distance.Cosine, datatype=qdrant.VectorStorageDatatype.Float16
        )
        (folder / "qdrant").mkdir()
        self.store = qdrant.EdgeShard.create(str(folder / "qdrant"), qdrant.EdgeConfig(vectors=settings))
        for start in range(0, len(vectors), 1000):
            points = [qdrant.Point(start + i, one.tolist(), {}) for i, one in enumerate(vectors[start : start + 1000])]
            self.store.update(qdrant.UpdateOperation.upsert_points(points))
        if self.graph:
            self.store.optimize()

    def add(self, row: int, vector: np.ndarray) -> None:
        point = self.qdrant.Point(row, vector.tolist(), {})
        self.store.update(self.qdrant.UpdateOperation.upsert_points([point]))

    def search(self, query: np.ndarray) -> np.ndarray:
        request = self.qdrant.QueryRequest(
            query=self.qdrant.Query.Nearest(query.tolist()), limit=K,
            params=self.qdrant.SearchParams(exact=not self.graph),
        )  # fmt: skip
        return np.array([int(point.id) for point in self.store.query(request)])


class QdrantEdgeGraph(QdrantEdge):
    """A graph of half precision vectors (HNSW)."""

    graph = True


class WholeMemory:
    """`Memory`: remembering and finding, on disk, with thumbnails."""

    max_memories = 1_000_000

    def __init__(self, vectors: np.ndarray, folder: Path) -> None:
        from visual_byte_core.memory import memory
        from visual_byte_core.memory.records import first_observation

        self.module, self.path = memory, folder / "memory"
        self.jpeg = np.random.default_rng(0).bytes(THUMBNAIL_BYTES)
        self.memory = self._open()
        successor = self.memory.successor("filled for the measurement")
        for start in range(0, len(vectors), 1000):
            successor.add([(first_observation(self._seen(start + i)), v) for i, v in enumerate(vectors[start:][:1000])])
        self.memory.succeed(successor, {}, "bundle@1", DIMENSION)
        self.memory = self._open()
        while self.memory.rebuilds:
            time.sleep(0.1)
            self.memory.count()

    def add(self, row: int, vector: np.ndarray) -> None:
        self.memory.remember(vector, self._seen(row))

    def search(self, query: np.ndarray) -> np.ndarray:
        return np.array([int(match.source) for match in self.memory.search(query, K)])

    def save_and_load(self) -> None:
        self.memory.close()
        self.memory = self._open()

    def disk(self) -> int:
        """Bytes."""
        return sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())

    def _open(self) -> Any:
        return self.module.Memory(self.path, "bundle@1", merge=self.module.MergeSettings(enabled=False))

    def _seen(self, row: int) -> Any:
        return self.module.Observation(float(row), source=str(row), thumbnail=self.jpeg)


ENGINES: dict[str, type] = {
    "numpy": Numpy, "simsimd": Simsimd, "qdrant-edge": QdrantEdge, "qdrant-edge-hnsw": QdrantEdgeGraph,
    "usearch-i8": Usearch, "usearch-f16": UsearchHalf, "faiss-hnsw-sq8": FaissGraph, "partition": Partition,
    "memory": WholeMemory,
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--photos", type=Path, metavar="DIR", help="a folder of some thousand photos")
    source.add_argument("--embeddings", type=Path, metavar="FILE.npy", help="embeddings of photos, made before")
    parser.add_argument("--bundle", type=Path, default=Path("models/starter"))
    parser.add_argument("--distribution", choices=("photos", "random"), default="photos")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--engines", nargs="+", choices=sorted(ENGINES), default=list(ENGINES))
    parser.add_argument("--out", type=Path, help="write the results as JSON")
    parser.add_argument("--figure", type=Path, help="draw time and RAM against size")
    arguments = parser.parse_args()
    if arguments.distribution == "photos" and not (arguments.photos or arguments.embeddings):
        parser.error("--photos or --embeddings, or --distribution random")
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as root:
        make = distribution(arguments)
        for size in arguments.sizes:
            rows += measured(size, arguments.engines, make, Path(root))
            for row in rows[-len(arguments.engines) :]:
                print(json.dumps(row), flush=True)
            if arguments.out:
                result = {"distribution": arguments.distribution, "exponents": exponents(rows), "rows": rows}
                arguments.out.write_text(json.dumps(result, indent=1) + "\n")
    print_table(rows)
    if arguments.figure:
        draw(rows, arguments.figure)
    return 0


def distribution(arguments: argparse.Namespace) -> Callable[[int, bool, int], np.ndarray]:
    """A function of (how many, whether they are queries, seed): float32 (n, DIMENSION), unit length."""
    if arguments.distribution == "random":
        return lambda count, _, seed: unit(np.random.default_rng(seed).standard_normal((count, DIMENSION), np.float32))
    photos = np.load(arguments.embeddings) if arguments.embeddings else embedded(arguments.photos, arguments.bundle)
    order = np.random.default_rng(0).permutation(len(photos))
    held_out, base = np.split(photos[order], [int(HELD_OUT * len(photos))])
    near = np.argsort(-(base @ base.T - 2 * np.eye(len(base), dtype=np.float32)), axis=1)[:, :3]

    def make(count: int, queries: bool, seed: int) -> np.ndarray:
        random = np.random.default_rng(seed)
        source = held_out if queries else base
        vectors = source[random.integers(len(source), size=count)]
        for _ in range(2):
            other = random.integers(len(base), size=count)
            change = base[near[other, random.integers(3, size=count)]] - base[other]
            vectors += 0.5 * random.standard_normal((count, 1), np.float32) * change
        return unit(vectors + random.standard_normal(vectors.shape, np.float32) * np.float32(0.15 / DIMENSION**0.5))

    return make


def embedded(folder: Path, bundle: Path) -> np.ndarray:
    from visual_byte_core.embedding.embedder import Embedder
    from visual_byte_core.rendering.photo import read_photo, render_photo

    embedder = Embedder(bundle, threads=2)
    photos = sorted(folder.rglob("*.jpg"))
    if len(photos) < 100:
        sys.exit(f"{folder}: {len(photos)} photos; a hundred at least are needed")
    return np.concatenate(
        [
            embedder.embed(render_photo(read_photo(path), embedder.size, embedder.bundle.renderer.photo)[None])
            for path in tqdm(photos, desc="embedding photos")
        ]
    )


def measured(
    size: int, engines: list[str], make: Callable[[int, bool, int], np.ndarray], root: Path
) -> list[dict[str, Any]]:
    """A row of results per engine."""
    vectors = np.lib.format.open_memmap(root / "vectors.npy", "w+", np.float32, (size + QUERIES * 2, DIMENSION))
    for start in tqdm(range(0, len(vectors), 50_000), desc=f"{size} embeddings", leave=False):
        vectors[start : start + 50_000] = make(len(vectors[start : start + 50_000]), False, start)
    queries = make(QUERIES, True, 7)
    np.save(root / "queries.npy", queries)
    exact, grown = exact_nearest(vectors, queries, size)
    context = multiprocessing.get_context("spawn")
    running: dict[str, tuple[Any, Connection, dict[str, Any]]] = {}
    for name in engines:
        if ENGINES[name].max_memories < size:
            continue
        here, there = context.Pipe()
        process = context.Process(target=serve, args=(name, size, root, there), daemon=True)
        process.start()
        told = here.recv()
        if "missing" in told:
            print(f"{name}: {told['missing']}, left out", file=sys.stderr)
            process.join()
        else:
            running[name] = (process, here, told)
    for what in ("search", "search while inserting"):
        for turn in tqdm(range(QUERIES // ROUND), desc=f"{size}: {what}", leave=False):
            for _, pipe, told in running.values():
                pipe.send((what, turn * ROUND))
                for key, values in pipe.recv().items():
                    told.setdefault(key, []).extend(values)
    rows = []
    for name, (process, pipe, told) in running.items():
        pipe.send(("end", 0))
        told.update(pipe.recv())
        process.join()
        rows.append({"engine": name, "size": size, **summary(told, exact, grown, size)})
    shutil.rmtree(root / "engines", ignore_errors=True)
    return rows


def serve(name: str, size: int, root: Path, pipe: Connection) -> None:
    """One engine, in a process of its own."""
    vectors, queries = np.load(root / "vectors.npy", mmap_mode="r"), np.load(root / "queries.npy")
    folder = root / "engines" / name
    folder.mkdir(parents=True)
    try:
        warm = ENGINES[name](vectors[:100], folder)  # what its code takes is not the vectors'
        warm.search(queries[0])
    except ImportError as error:
        pipe.send({"missing": str(error)})
        return
    del warm
    shutil.rmtree(folder)
    folder.mkdir()
    before, begun = resident_bytes("self", "RssAnon"), time.perf_counter()
    with Stalls() as stalls:
        engine = ENGINES[name](vectors[:size], folder)
    told = {"build_s": time.perf_counter() - begun, "build_stall_ms": stalls.max_stall_s * 1e3}
    for query in queries[:20]:
        engine.search(query)
    ctypes.CDLL(None).malloc_trim(0)  # what was freed is not counted
    told["ram_bytes"] = (resident_bytes("self", "RssAnon") - before) / size
    if hasattr(engine, "disk"):
        told["disk_bytes"] = engine.disk() / size
    pipe.send(told)
    while True:
        what, start = pipe.recv()
        if what == "end":
            break
        pipe.send(turn(engine, what, start, size, vectors, queries))
    begun = time.perf_counter()
    if hasattr(engine, "save_and_load"):
        engine.save_and_load()
        pipe.send({"save_and_load_s": time.perf_counter() - begun})
    else:
        pipe.send({})


def turn(
    engine: Any, what: str, start: int, size: int, vectors: np.ndarray, queries: np.ndarray
) -> dict[str, list[Any]]:
    told: dict[str, list[Any]] = {f"{what} ms": [], f"{what} found": [], "insert ms": [], f"{what} stall": []}
    with Stalls() as stalls:
        for number in range(start, start + ROUND):
            if what != "search":
                vector = np.array(vectors[size + number])
                begun = time.perf_counter()
                engine.add(size + number, vector)
                told["insert ms"].append((time.perf_counter() - begun) * 1e3)
            begun = time.perf_counter()
            found = engine.search(queries[number])
            told[f"{what} ms"].append((time.perf_counter() - begun) * 1e3)
            told[f"{what} found"].append(found.tolist())
    told[f"{what} stall"].append(stalls.max_stall_s * 1e3)
    return told


class Stalls:
    """How long another thread waits for its turn, at most: it asks for one every half a millisecond."""

    def __enter__(self) -> Stalls:
        self.max_stall_s, self._ended = 0.0, False
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended:
            begun = time.perf_counter()
            time.sleep(0.0005)
            self.max_stall_s = max(self.max_stall_s, time.perf_counter() - begun - 0.0005)


def exact_nearest(vectors: np.ndarray, queries: np.ndarray, size: int) -> tuple[list[set[int]], list[set[int]]]:
    """The ten nearest of each query among the first `size`, and when those inserted before it are there as well."""
    scores = np.concatenate([vectors[i : i + 50_000] @ queries.T for i in range(0, len(vectors), 50_000)]).T
    grown = [best(scores[number, : size + number + 1], K) for number in range(QUERIES)]
    return [set(best(one[:size], K).tolist()) for one in scores], [set(one.tolist()) for one in grown]


def summary(told: dict[str, Any], exact: list[set[int]], grown: list[set[int]], size: int) -> dict[str, Any]:
    result = {key: told[key] for key in told if not isinstance(told[key], list)}
    for what, truth in (("search", exact), ("search while inserting", grown)):
        name = what.replace(" ", "_")
        for share in (50, 95):
            result[f"{name}_p{share}_ms"] = float(np.percentile(told[f"{what} ms"], share))
        found = [len(truth[i] & set(one)) / K for i, one in enumerate(told[f"{what} found"])]
        result[f"{name}_recall"] = float(np.mean(found))
        result[f"{name}_stall_ms"] = float(np.median(told[f"{what} stall"]))
    result["insert_p50_ms"] = float(np.median(told["insert ms"]))
    return {key: round(value, 4) for key, value in result.items()}


def exponents(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """The slope of the logarithms of search time and of RAM against the logarithm of the size, per engine."""
    found: dict[str, dict[str, float]] = {}
    for name in {row["engine"] for row in rows}:
        own = [row for row in rows if row["engine"] == name]
        if len(own) > 1:
            sizes = np.log([row["size"] for row in own])
            found[name] = {
                "search": round(float(np.polyfit(sizes, np.log([row["search_p50_ms"] for row in own]), 1)[0]), 2),
                "ram": round(
                    float(np.polyfit(sizes, np.log([max(1.0, row["ram_bytes"]) * row["size"] for row in own]), 1)[0]), 2
                ),
            }
    return found


def print_table(rows: list[dict[str, Any]]) -> None:
    columns = {
        "engine": "engine", "size": "size", "search_p50_ms": "p50 ms", "search_p95_ms": "p95 ms",
        "search_recall": "recall", "search_while_inserting_p50_ms": "inserting p50",
        "search_while_inserting_p95_ms": "p95 ms", "insert_p50_ms": "insert ms", "build_s": "build s",
        "ram_bytes": "RAM B", "disk_bytes": "disk B", "save_and_load_s": "reload s", "build_stall_ms": "stall ms",
    }  # fmt: skip
    print("| " + " | ".join(columns.values()) + " |\n|" + " --- |" * len(columns))
    for row in rows:
        print("| " + " | ".join(f"{row[key]:.4g}" if isinstance(row.get(key), float) else str(row.get(key, "-"))
                                for key in columns) + " |")  # fmt: skip


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    fitted = exponents(rows)
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(12, 5), layout="constrained")
    for name in dict.fromkeys(row["engine"] for row in rows):
        own = [row for row in rows if row["engine"] == name]
        sizes = [row["size"] for row in own]
        line = {"marker": "o", "linewidth": 3 if name == "memory" else 1.2}
        slope = fitted.get(name, {"search": float("nan"), "ram": float("nan")})
        left.loglog(sizes, [row["search_p50_ms"] for row in own], label=f"{name}, n^{slope['search']:.2f}", **line)
        ram = [max(1.0, row["ram_bytes"]) * row["size"] / 1e6 for row in own]
        right.loglog(sizes, ram, label=f"{name}, n^{slope['ram']:.2f}", **line)
    left.set(xlabel="memories", ylabel="search for ten, median (ms)")
    right.set(xlabel="memories", ylabel="RAM without mapped files (MB)")
    for axes in (left, right):
        axes.grid(True, which="major", alpha=0.3)
        axes.legend(fontsize=8)
    figure.savefig(path, dpi=110)


def best(scores: np.ndarray, count: int) -> np.ndarray:
    """The places of the highest, highest first."""
    count = min(count, len(scores))
    places = np.argpartition(-scores, count - 1)[:count]
    return places[np.argsort(-scores[places])]


def reranked(half: np.ndarray, candidates: np.ndarray, query: np.ndarray) -> np.ndarray:
    candidates = np.sort(candidates[candidates >= 0])
    return candidates[best(half[candidates].astype(np.float32) @ query, K)]


def eighths(vectors: np.ndarray) -> np.ndarray:
    """int8: values beyond a quarter, which are rare in unit vectors of 512, are cut."""
    return np.rint((vectors * 508).clip(-127, 127)).astype(np.int8)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


if __name__ == "__main__":
    sys.exit(main())
