# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A bag evaluated: report.json, queries.jsonl, report.html and timing.json in one folder.

The same bag, truth and bundle give the same bytes in all of them but timing.json, which holds all that is measured with
a clock. Queries go to the files as they are answered, so that the memory needed does not grow with the bag.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from visual_byte_core.bags import page
from visual_byte_core.bags.reading import Bag
from visual_byte_core.bags.replay import Replay, ReplaySettings
from visual_byte_core.bags.scores import Scores
from visual_byte_core.bags.truth import Truth, read_truth
from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.engine.engine import Engine
from visual_byte_core.errors import DataError
from visual_byte_core.files import write_whole

log = logging.getLogger("visual_byte")


def evaluate_bag(
    bag: Bag,
    bundle: Bundle | str | os.PathLike[str],
    settings: ReplaySettings,
    out: Path,
    truth_file: Path | None = None,
) -> dict[str, Any]:
    """Replay a bag and write its report into the folder `out`. Returns what is in report.json.

    bundle: one, or its folder.

    Raises BundleError; DataError: the bag or the truth cannot be read, or `out` cannot be written; then no report is
    there.
    """
    bag.check((settings.image, settings.query))
    truth = read_truth(truth_file) if truth_file else None
    if truth and truth_file:
        truth.check_ids({received.message.id for received in bag.messages([settings.query])}, truth_file)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".eval-bag-", dir=out) as scratch:
            with Engine(bundle, Path(scratch) / "memory", settings.engine, log=log) as engine:
                begun = time.perf_counter()
                replay = Replay(bag, engine, truth, settings)
                scores = _answer_all(replay, Path(scratch))
            if not replay.tally.received:
                raise DataError(f"{bag.path}: no message on {settings.image} and {settings.query}; record it again")
            report = _report(bag, engine.bundle.id, replay, scores, truth, settings)
            (Path(scratch) / "report.json").write_text(_json(report) + "\n", encoding="utf-8")
            _write_page(Path(scratch), report, bag.path.name)
            for name in ("report.json", "queries.jsonl", "report.html"):
                os.replace(Path(scratch) / name, out / name)
    except OSError as error:
        raise DataError(f"{out}: cannot be written ({error.strerror}); make room or choose another folder") from error
    timing = _timing(replay, time.perf_counter() - begun)
    write_whole(out / "timing.json", (_json(timing) + "\n").encode())
    return report


def _answer_all(replay: Replay, scratch: Path) -> Scores:
    scores = Scores()
    with (
        open(scratch / "queries.jsonl", "w", encoding="utf-8") as records,
        open(scratch / "cards.html", "w", encoding="utf-8") as cards,
    ):
        for asked in replay:
            scores.add(asked.record)
            records.write(json.dumps(asked.record, ensure_ascii=False, sort_keys=True) + "\n")
            cards.write(page.answer_card(asked))
    return scores


def _report(
    bag: Bag, bundle_id: str, replay: Replay, scores: Scores, truth: Truth | None, settings: ReplaySettings
) -> dict[str, Any]:
    if bag.cut:
        log.warning("%s", bag.cut)
    labels = truth.labels if truth else []
    return {
        "bundle": bundle_id,
        "bag": {
            "name": bag.path.name,
            "seconds": round(replay.tally.last - replay.tally.first, 6),
            "topics": {"image": settings.image, "query": settings.query, "pose": settings.pose},
            "cut": bag.cut,
            "lost_bytes": bag.lost_bytes,
            "malformed_messages": bag.malformed,
            "jumped_back": dict(sorted(bag.jumped_back.items())),
        },
        **scores.report(replay.tally, labels),
        "details": {
            "settings": {
                "k": settings.k,
                "false_accept_rate": settings.engine.false_accept_rate,
                "truth": truth is not None,
                "regions": asdict(settings.engine.regions) if settings.engine.regions else None,
            }
        },
    }


def _write_page(scratch: Path, report: dict[str, Any], name: str) -> None:
    with (
        open(scratch / "cards.html", encoding="utf-8") as cards,
        open(scratch / "report.html", "w", encoding="utf-8") as file,
    ):
        file.write(page.head(f"What {name} was asked") + page.overview(report))
        for line in cards:
            file.write(line)
        file.write(page.foot())


def _timing(replay: Replay, seconds: float) -> dict[str, Any]:
    tally = replay.tally
    return {
        "seconds": round(seconds, 3),
        "frames_a_second": round(tally.frames / seconds, 2),
        "frame_ms": _percentiles(tally.frame_s),
        "query_ms": _percentiles(tally.query_s),
        "machine": f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}",
    }


def _percentiles(seconds: Sequence[float]) -> dict[str, float | int | None]:
    if not seconds:
        return {"p50": None, "p95": None, "max": None, "n": 0}
    p50, p95, most = np.percentile(seconds, (50, 95, 100)) * 1000
    return {"p50": round(p50, 3), "p95": round(p95, 3), "max": round(most, 3), "n": len(seconds)}


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
