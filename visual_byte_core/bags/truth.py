# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What a bag really shows and asks: a CSV file, written by hand or by make-bag.

    kind,id,from,to,label
    frame,,0,4.5,mug            frames of these seconds show a mug
    frame,,4.5,9,red chair|lamp  ... a red chair and a lamp
    query,q-17,,,mug            the query with this id asks for the mug
    query,,12,13,absent         queries of this second ask for something that was never shown

Seconds count from the first message of the bag, by the stamps in the messages; `to` is not in the span any more.
"""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from visual_byte_core.errors import DataError

COLUMNS = ("kind", "id", "from", "to", "label")
ABSENT = "absent"


@dataclass(frozen=True)
class Span:
    """begin, end: seconds from the bag's first message, the end excluded; labels: what it shows or asks for."""

    line: int
    begin: float
    end: float
    labels: frozenset[str]


class Truth:
    """frames and spans_of_queries: by begin; queries: line and labels by id, no labels for `absent`."""

    def __init__(self, frames: Iterable[Span], queries: dict[str, tuple[int, frozenset[str]]], spans: Iterable[Span]):
        self._frames = sorted(frames, key=lambda span: (span.begin, span.line))
        self._begins = [span.begin for span in self._frames]
        self._longest = max((span.end - span.begin for span in self._frames), default=0.0)
        self._queries = queries
        self._spans = list(spans)

    @property
    def labels(self) -> list[str]:
        """Everything that frames show."""
        return sorted({label for span in self._frames for label in span.labels})

    def shown(self, seconds: float) -> frozenset[str]:
        """What a frame of that time shows."""
        found: set[str] = set()
        for i in range(bisect_right(self._begins, seconds) - 1, -1, -1):
            if self._begins[i] < seconds - self._longest:
                break
            if seconds < self._frames[i].end:
                found |= self._frames[i].labels
        return frozenset(found)

    def asked(self, id: str, seconds: float) -> frozenset[str] | None:
        """What a query is for; empty if for something absent, None if the file does not say."""
        if id in self._queries:
            return self._queries[id][1]
        return next((span.labels for span in self._spans if span.begin <= seconds < span.end), None)

    def check_ids(self, ids: Collection[str], path: Path) -> None:
        """Raise DataError at the first line whose query is not among `ids`, those of the bag."""
        for id, (line, _) in self._queries.items():
            if id not in ids:
                raise DataError(f"{path}: line {line}: the bag has no query with id {id!r}")


def read_truth(path: Path) -> Truth:
    """Read a truth file. Raises DataError, with the line, if it does not fit."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            lines = list(
                csv.reader(file, strict=True)
            )  # a quote that is not closed would take the rows behind it along
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as a CSV file in UTF-8 ({error})") from error
    header = [cell.strip() for cell in lines[0]] if lines else []
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise DataError(f"{path}: line 1: no column {', '.join(missing)}; expected the header {','.join(COLUMNS)}")
    frames: list[Span] = []
    spans: list[Span] = []
    queries: dict[str, tuple[int, frozenset[str]]] = {}
    for line, cells in enumerate(lines[1:], 2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise DataError(f"{path}: line {line}: {len(cells)} cells, expected {len(header)} as in line 1")
        row = {column: cell.strip() for column, cell in zip(header, cells, strict=True)}
        labels = _labels(path, line, row)
        if row["kind"] == "frame":
            frames.append(_span(path, line, row, labels))
        elif not row["id"]:
            spans.append(_span(path, line, row, labels))
        elif row["id"] in queries:
            raise DataError(f"{path}: line {line}: query {row['id']!r} is in line {queries[row['id']][0]} already")
        else:
            queries[row["id"]] = (line, labels)
    truth = Truth(frames, queries, spans)
    asked = [(line, labels) for line, labels in queries.values()] + [(span.line, span.labels) for span in spans]
    for line, labels in sorted(asked, key=lambda one: one[0]):
        if unknown := sorted(labels - set(truth.labels)):
            known = ", ".join(truth.labels[:20]) or "nothing"
            raise DataError(
                f"{path}: line {line}: no frame row shows {unknown[0]!r}; frames show {known}; write `{ABSENT}` for"
                " what is never shown"
            )
    return truth


def write_truth(path: Path, rows: Iterable[tuple[str, str, float | None, float | None, str]]) -> None:
    """Write rows of kind, id, from, to, label. Raises DataError."""
    from visual_byte_core.files import write_whole

    lines = [",".join(COLUMNS)]
    for kind, id, begin, end, label in rows:
        cells = [kind, id, *("" if value is None else f"{value:.6f}" for value in (begin, end)), label]
        lines.append(",".join(_cell(cell) for cell in cells))
    write_whole(path, ("\n".join(lines) + "\n").encode())


def _cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n\r') else text


def _labels(path: Path, line: int, row: dict[str, str]) -> frozenset[str]:
    if row["kind"] not in ("frame", "query"):
        raise DataError(f"{path}: line {line}: kind is {row['kind']!r}, expected frame or query")
    labels = frozenset(label.strip() for label in row["label"].split("|") if label.strip())
    if not labels:
        raise DataError(f"{path}: line {line}: no label; expected names with | between them, or `{ABSENT}` for a query")
    if ABSENT not in labels:
        return labels
    if row["kind"] == "frame" or len(labels) > 1:
        raise DataError(f"{path}: line {line}: `{ABSENT}` stands alone, and only in rows of queries")
    return frozenset()


def _span(path: Path, line: int, row: dict[str, str], labels: frozenset[str]) -> Span:
    try:
        begin, end = float(row["from"]), float(row["to"])
    except ValueError as error:
        wanted = "from and to" if row["kind"] == "frame" else "an id, or from and to"
        raise DataError(f"{path}: line {line}: expected {wanted} in seconds ({error})") from error
    if not 0 <= begin < end < float("inf"):
        raise DataError(f"{path}: line {line}: from {begin:g} to {end:g} is no span of seconds from the bag's start")
    return Span(line, begin, end, labels)
