# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The memories on disk: one SQLite file with all of them, from which everything else can be made again."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from visual_byte_core.errors import MemoryFolderError, VisualByteError
from visual_byte_core.files import json_text, sync_folder
from visual_byte_core.memory.match import Filter, Match
from visual_byte_core.memory.memory_folder import MemoryFolder
from visual_byte_core.memory.records import description_of, match_of
from visual_byte_core.names import folded

DATABASE = "memories.sqlite"
AT_ONCE = 500  # values in one statement; SQLite takes a thousand
SCHEMA = """
CREATE TABLE memory (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    parent_id BLOB,
    label TEXT NOT NULL,
    map_id TEXT NOT NULL,
    first_seen REAL NOT NULL,
    last_seen REAL NOT NULL,
    description TEXT NOT NULL
);
CREATE INDEX regions ON memory (parent_id) WHERE parent_id IS NOT NULL;
CREATE TABLE embedding (row INTEGER PRIMARY KEY, vector BLOB NOT NULL);
CREATE TABLE picture (row INTEGER PRIMARY KEY, thumbnail BLOB NOT NULL);
"""
WHOLE = "memory.row, id, description, thumbnail FROM memory JOIN picture USING (row)"


class Store:
    """Memories by row, a number that is never given twice.

    What changes is seen at once, and is on disk after `commit`. Another thread may read meanwhile. Raises what
    sqlite3 raises: see `store_errors`.
    """

    def __init__(self, path: Path) -> None:
        file = path / DATABASE
        if not file.exists():
            raise ValueError(f"{file.name} is missing")
        self._lock = threading.RLock()
        self._described: dict[int, Match] = {}  # and not written yet
        self._connection = sqlite3.connect(
            f"{file.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False
        )
        self._connection.create_function("folded", 1, folded, deterministic=True)
        try:
            # Nobody else reads it, so the journal's index need not lie in a file that is mapped into memory: writing to
            # such a map on a disk that has become read-only kills the process.
            self._one("PRAGMA locking_mode = EXCLUSIVE")
            self._connection.execute("PRAGMA synchronous = FULL")  # every commit waits for the disk
            self._one("PRAGMA wal_autocheckpoint = 0")  # the memory decides when
            (pages,), (size,) = (self._one(f"PRAGMA {name}") for name in ("page_count", "page_size"))
            if not pages:
                raise ValueError(f"{file.name} is empty")
            journal = file.with_name(f"{DATABASE}-wal")
            if not (journal.exists() and journal.stat().st_size) and file.stat().st_size < pages * size:
                raise ValueError(f"{file.name} is cut short")
        except BaseException:
            self._connection.close()
            raise

    @property
    def in_transaction(self) -> bool:
        """Whether something waits for `commit`."""
        return bool(self._described) or self._connection.in_transaction

    def add(self, match: Match, vector: np.ndarray) -> int:
        """vector: float16 (dimension,), unit length. Returns the row."""
        with self._all_or_nothing():
            row = self._connection.execute(
                "INSERT INTO memory (id, parent_id, label, map_id, first_seen, last_seen, description) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (_key(match.id), _key(match.parent_id) if match.parent_id else None, *_columns(match)),
            ).lastrowid
            assert row is not None
            self._connection.execute("INSERT INTO embedding VALUES (?, ?)", (row, vector.astype("<f2").tobytes()))
            self._connection.execute("INSERT INTO picture VALUES (?, ?)", (row, match.thumbnail))
        return row

    def describe(self, row: int, match: Match) -> None:
        """Replace what is known of a memory; embedding and thumbnail stay.

        It is written only when somebody reads it, or with `commit`: a thing that is looked at is described with every
        frame.
        """
        with self._lock:
            self._described[row] = match

    def delete(self, rows: Sequence[int]) -> None:
        """Delete the memories in these rows, or none of them if that fails; rows that are not there are passed over."""
        with self._all_or_nothing():
            for table in ("memory", "embedding", "picture"):
                self._connection.executemany(f"DELETE FROM {table} WHERE row = ?", ((int(row),) for row in rows))

    def commit(self) -> None:
        """Bring all changes to the disk.

        If that fails they go on waiting, or `in_transaction` is false and they are undone.
        """
        with self._lock:
            self._write_described()
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")

    def checkpoint(self) -> None:
        """Write what the journal holds into the file itself, and let the journal begin again."""
        with self._lock:
            self.commit()
            self._one("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Undoes what was not committed."""
        with self._lock:
            self._connection.close()

    def count(self) -> int:
        """How many memories there are, those not yet committed among them."""
        rows: int = self._one("SELECT count(*) FROM memory")[0]
        return rows

    def matches(self, rows: Sequence[int]) -> dict[int, Match]:
        """By row.

        Raises:
            ValueError: one is not there.
        """
        found = {}
        for asked in _groups([int(row) for row in rows]):
            self._write_described()
            for row in self._all(f"SELECT {WHOLE} WHERE memory.row IN ({_marks(asked)})", asked):
                found[row[0]] = _match(*row[1:])
        if len(found) < len(set(rows)):
            raise ValueError(f"{len(set(rows)) - len(found)} of {len(set(rows))} memories are not whole")
        return found

    def rows_of(self, ids: Iterable[str]) -> dict[str, int]:
        """The rows of those ids that are there."""
        found = {}
        for asked in _groups([_key(id) for id in ids]):
            statement = f"SELECT id, row FROM memory WHERE id IN ({_marks(asked)})"
            found.update({str(uuid.UUID(bytes=id)): row for id, row in self._all(statement, asked)})
        return found

    def regions_of(self, rows: Sequence[int]) -> set[int]:
        """The rows of the regions of the frames in these rows."""
        found: set[int] = set()
        for asked in _groups([int(row) for row in rows]):
            statement = (
                "SELECT region.row FROM memory AS frame JOIN memory AS region ON region.parent_id = frame.id "
                f"WHERE frame.row IN ({_marks(asked)})"
            )
            found.update(row for (row,) in self._all(statement, asked))
        return found

    def page(self, where: Filter | None, begin: str, size: int) -> list[Match]:
        """Up to `size` memories in order of their ids, the first not before `begin` ("": from the start)."""
        self._write_described()
        conditions, values = _conditions(where)
        if begin:
            conditions, values = [*conditions, "id >= ?"], [*values, _key(begin)]
        clause = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        statement = f"SELECT {WHOLE} {clause} ORDER BY id LIMIT ?"
        return [_match(*row[1:]) for row in self._all(statement, [*values, size])]

    def everything(self, after: int, size: int) -> list[tuple[int, Match, np.ndarray]]:
        """The next memories, in the order in which they were stored, each with row and embedding, float16."""
        self._write_described()
        statement = (
            f"SELECT vector, {WHOLE} JOIN embedding USING (row) WHERE memory.row > ? ORDER BY memory.row LIMIT ?"
        )
        found = self._all(statement, (after, size))
        return [(row, _match(*rest), np.frombuffer(vector, "<f2")) for vector, row, *rest in found]

    def columns(self, size: int) -> Iterator[list[tuple[int, float, float, str, str]]]:
        """(row, first_seen, last_seen, label, map_id) of all, by row, in groups of at most `size`."""
        self._write_described()
        yield from self._by_row("SELECT row, first_seen, last_seen, label, map_id FROM memory", 0, size)

    def vectors(self, size: int, after: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows, int64 (n,), and embeddings, float16 (n, dimension), by row, in groups of at most `size`."""
        for group in self._by_row("SELECT row, vector FROM embedding", after, size):
            rows, vectors = zip(*group, strict=True)
            yield np.array(rows, np.int64), np.frombuffer(b"".join(vectors), "<f2").reshape(len(rows), -1)

    def vectors_of(self, rows: Sequence[int] | np.ndarray) -> np.ndarray:
        """float16 (n, dimension), in no order, of those rows that are there."""
        found: list[bytes] = []
        for asked in _groups([int(row) for row in rows]):
            statement = f"SELECT vector FROM embedding WHERE row IN ({_marks(asked)})"
            found += (vector for (vector,) in self._all(statement, asked))
        return np.frombuffer(b"".join(found), "<f2").reshape(len(found), -1)

    def _by_row(self, statement: str, after: int, size: int) -> Iterator[list[Any]]:
        while group := self._all(f"{statement} WHERE row > ? ORDER BY row LIMIT ?", (after, size)):
            yield group
            after = group[-1][0]

    def _all(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def _one(self, statement: str, values: Sequence[Any] = ()) -> Any:
        return self._all(statement, values)[0]

    def _write_described(self) -> None:
        with self._lock:  # until they are cleared: what another thread describes meanwhile must stay
            if not self._described:
                return
            with self._all_or_nothing():
                self._connection.executemany(
                    "UPDATE memory SET label = ?, map_id = ?, first_seen = ?, last_seen = ?, description = ? "
                    "WHERE row = ?",
                    [(*_columns(match), row) for row, match in self._described.items()],
                )
            self._described.clear()

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """A change is made whole or not at all; it waits for `commit` either way."""
        with self._lock:
            if not self._connection.in_transaction:
                self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("SAVEPOINT change")
            try:
                yield
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK TO change")
                    self._connection.execute("RELEASE change")
                else:  # SQLite itself has undone all that waited
                    self._described.clear()
                raise
            self._connection.execute("RELEASE change")


def create_store(path: Path) -> None:
    """An empty store in a folder, complete or not there at all. Raises what sqlite3 raises, or OSError."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    connection = sqlite3.connect(unfinished / DATABASE)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(SCHEMA)
    finally:
        connection.close()
    sync_folder(unfinished)
    os.rename(unfinished, path)
    sync_folder(path.parent)


@contextmanager
def store_errors(folder: MemoryFolder, doing: str) -> Iterator[None]:
    """Turn what the store raises into MemoryFolderError."""
    try:
        yield
    except VisualByteError:
        raise
    except (sqlite3.Error, OSError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
        if not isinstance(error, OSError | sqlite3.OperationalError | sqlite3.ProgrammingError):
            raise folder.damaged(reason) from error
        raise MemoryFolderError(
            f"memory folder {folder.path}: cannot {doing} ({reason}); check its disk, then open it again"
        ) from error


def _columns(match: Match) -> tuple[str, str, float, float, str]:
    description = json_text(description_of(match), separators=(",", ":"))
    return match.label, match.map_id, match.first_seen, match.last_seen, description


def _match(id: bytes, description: str, thumbnail: bytes) -> Match:
    return match_of(uuid.UUID(bytes=id), json.loads(description), thumbnail=thumbnail)


def _conditions(where: Filter | None) -> tuple[list[str], list[Any]]:
    where = where or Filter()
    given = {
        "folded(label) = ?": None if where.label is None else folded(where.label), "map_id = ?": where.map_id,
        "last_seen >= ?": where.seen_after, "first_seen <= ?": where.seen_before,
    }  # fmt: skip
    present = {condition: value for condition, value in given.items() if value is not None}
    return list(present), list(present.values())


def _key(id: str) -> bytes:
    return uuid.UUID(id).bytes


def _marks(values: Sequence[Any]) -> str:
    return ",".join("?" * len(values))


def _groups(values: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]
