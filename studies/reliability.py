# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A long run of the real nodes, each in its own process: memory, queues and answers over time.

    source tools/environment.sh && python studies/reliability.py --minutes 60 --out out/reliability

camera_node plays photos at 30 frames a second, embedding_node remembers them, and every 2 s a name is asked: two of
three are typed (topic `text`, text_node), the third goes through ~/find. The photos come round every few seconds and
merge with what is remembered (merge_within_s is 3600 here), so that the number of memories stays that of the
photos: what grows then is no memory of the robot's. Writes OUT.json and OUT.png.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import count, cycle
from pathlib import Path
from typing import Any

import numpy as np
from std_msgs.msg import String
from tqdm import tqdm

from visual_byte.msg import Matches
from visual_byte.srv import Find
from visual_byte_core.bench.resident_memory import resident_bytes
from visual_byte_core.bundle.bundle import load_bundle
from visual_byte_testing.busy import busy_loops
from visual_byte_testing.domain import take_own_domain
from visual_byte_testing.graph import Graph, Process, open_graph
from visual_byte_testing.paths import ROOT

RATE = 30.0  # frames a second
ASK_EVERY, SAMPLE_EVERY = 2.0, 5.0  # seconds
LOST_AFTER = 10.0  # seconds without an answer
WARM_UP = 120.0  # seconds; a run of less than six minutes: a third of it
ABSENT = ("submarine", "grandfather clock", "accordion")
NODES = ("camera_node", "embedding_node", "text_node")
MEGABYTE = 1 << 20
COUNTS = ("memories", "waiting queries", "refused queries", "late queries", "remembered frames", "dropped frames",
          "failed jobs")  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """What stood at one moment, `at` seconds after the start; resident memory in bytes for each node."""

    at: float
    rss: dict[str, int]
    pss: dict[str, int]
    anonymous: dict[str, int]
    counts: dict[str, int]
    disk: int


@dataclass
class SoakQuery:
    """One query: seconds from asking to the answer, None if none came; status as in Matches."""

    at: float
    way: str
    name: str
    seconds: float | None = None
    status: int | None = None
    reason: str = ""


@dataclass
class Run:
    samples: list[Sample] = field(default_factory=list)
    queries: list[SoakQuery] = field(default_factory=list)


class Asker:
    """Asks names in turn and notes when the answer came."""

    def __init__(self, graph: Graph, names: list[str]) -> None:
        self._graph = graph
        self._texts = graph.publisher(String, "text")
        self._find = graph.node.create_client(Find, "embedding_node/find")
        self._names, self._numbers = cycle(names), count()
        self._waiting: list[tuple[SoakQuery, float]] = []
        graph.node.create_subscription(Matches, "matches", self._take, 100)
        graph.wait(self._find.service_is_ready, "the service find")

    def ask(self, at: float) -> SoakQuery:
        name, by_service = next(self._names), next(self._numbers) % 3 == 2
        asked = SoakQuery(at, "find" if by_service else "text", name)
        begun = time.monotonic()
        if by_service:
            future = self._find.call_async(Find.Request(text=name))
            future.add_done_callback(lambda done: self._note(asked, begun, done.result().matches))
        else:
            self._waiting = [one for one in self._waiting if begun - one[1] < LOST_AFTER] + [(asked, begun)]
            self._texts.publish(String(data=name))
        return asked

    def _take(self, matches: Matches) -> None:
        for asked, begun in self._waiting:
            if asked.name == matches.text and asked.seconds is None:
                self._note(asked, begun, matches)
                return

    def _note(self, asked: SoakQuery, begun: float, matches: Matches) -> None:
        asked.status, asked.reason, asked.seconds = matches.status, matches.reason, time.monotonic() - begun


def run_nodes(bundle: Path, photos: Path, seconds: float, folder: Path) -> Run:
    """Start the nodes, ask and sample for so long, and end them."""
    names = [name.en for name in load_bundle(bundle).class_names][:20]
    with open_graph(folder) as graph:
        memory = folder / "memory"
        processes = {
            "embedding_node": graph.start(
                "embedding_node", bundle=str(bundle), memory_folder=str(memory), merge_within_s=3600.0
            )
        }
        processes["text_node"] = graph.start("text_node", bundle=str(bundle))
        processes["camera_node"] = graph.start("camera_node", source="folder", path=str(photos), rate=RATE)
        asker = Asker(graph, [*names, *ABSENT])
        wait_until_answered(graph, asker)
        run = Run()
        for at in tqdm(moments(seconds), total=round(seconds / 0.5), unit="half second", disable=None):
            if at % ASK_EVERY == 0:
                run.queries.append(asker.ask(at))
            if at % SAMPLE_EVERY == 0:
                run.samples.append(sample(graph, processes, memory, at))
        wait_for_answers(run.queries)
        for process in processes.values():
            if process.popen.poll() is not None or "Traceback" in process.output():
                raise SystemExit(f"error: {process.log.name}: ended or failed\n{process.output()}")
        return run


def wait_until_answered(graph: Graph, asker: Asker) -> None:
    """The nodes find each other in their own time; until then texts are refused, and first requests may be lost."""
    tries: list[SoakQuery] = []
    graph.repeat(
        lambda: tries.append(asker.ask(0.0)),
        lambda: {"text", "find"} <= {one.way for one in tries if one.status in (Matches.FOUND, Matches.NOT_FOUND)},
        "the first answers",
    )


def wait_for_answers(queries: list[SoakQuery]) -> None:
    """Return when all are answered, or lost."""
    end = time.monotonic() + LOST_AFTER
    while any(one.seconds is None for one in queries) and time.monotonic() < end:
        time.sleep(0.1)


def moments(seconds: float) -> Iterator[float]:
    """Every half second from 0 on, each when it has come, by the steady clock."""
    begun = time.monotonic()
    for number in range(round(seconds / 0.5)):
        at = 0.5 * number
        time.sleep(max(0.0, begun + at - time.monotonic()))
        yield at


def sample(graph: Graph, processes: dict[str, Process], memory: Path, at: float) -> Sample:
    values = newest_diagnosis(graph)
    rss, pss, anonymous = (
        {node: resident_bytes(process.popen.pid, what) for node, process in processes.items()}
        for what in ("Rss", "Pss", "Anonymous")
    )
    return Sample(
        at,
        rss=rss,
        pss=pss,
        anonymous=anonymous,
        counts={name: int(values.get(name, 0)) for name in COUNTS},
        disk=sum(path.stat().st_blocks * 512 for path in memory.rglob("*") if path.is_file()),
    )


def newest_diagnosis(graph: Graph) -> dict[str, str]:
    """What embedding_node told last on /diagnostics."""
    for array in reversed(graph.diagnostics):
        status = array.status[0]
        if "/embedding_node: active" in status.name:
            return {value.key: value.value for value in status.values}
    return {}


def judged(run: Run, seconds: float) -> dict[str, Any]:
    """The figures of a run: growth of resident memory after the warm-up, queues, answers."""
    warm = min(WARM_UP, seconds / 3)
    answered = np.array([one.seconds for one in run.queries if one.seconds is not None]) * 1000
    last = run.samples[-1].counts
    return {
        "seconds": seconds,
        "warm_up_s": warm,
        "memory": {node: growth(run.samples, node, warm) for node in NODES},
        "memories": {
            "after_warm_up": first_after(run.samples, warm).counts["memories"],
            "at_the_end": last["memories"],
        },
        "disk_mb": {
            "after_warm_up": round(first_after(run.samples, warm).disk / MEGABYTE, 1),
            "at_the_end": round(run.samples[-1].disk / MEGABYTE, 1),
        },
        "queries": {
            "asked": len(run.queries),
            "unanswered": sum(one.seconds is None for one in run.queries),
            "rejected": sum(one.status == Matches.REJECTED for one in run.queries),
            "reasons": sorted({one.reason for one in run.queries if one.status == Matches.REJECTED}),
            "ms": {f"p{p}": round(float(np.percentile(answered, p)), 1) for p in (50, 95, 99, 100)},
        },
        "longest_queue": max(one.counts["waiting queries"] for one in run.samples),
        "frames": {"remembered": last["remembered frames"], "dropped": last["dropped frames"]},
        "failed_jobs": last["failed jobs"],
    }


def first_after(samples: list[Sample], at: float) -> Sample:
    return next(one for one in samples if one.at >= at)


def growth(samples: list[Sample], node: str, warm: float) -> dict[str, float]:
    """Least-squares line through resident memory after the warm-up, in MB, and what it means for an hour."""
    at = np.array([one.at for one in samples if one.at >= warm])
    rss = np.array([one.rss[node] for one in samples if one.at >= warm]) / MEGABYTE
    slope, start = np.polyfit(at - at[0], rss, 1)
    tenth = max(1, len(rss) // 10)
    figures = {
        "mb_after_warm_up": np.median(rss[:tenth]),
        "mb_at_the_end": np.median(rss[-tenth:]),
        "mb_most": rss.max(),
        "mb_an_hour": slope * 3600,
        "percent_an_hour": 100 * slope * 3600 / start,
        "percent_in_this_run": 100 * (np.median(rss[-tenth:]) / np.median(rss[:tenth]) - 1),
    }
    return {name: round(float(value), 2) for name, value in figures.items()}


def draw(run: Run, path: Path) -> None:
    """Resident memory of each node and the latency of each query over time."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (above, middle, below) = pyplot.subplots(3, 1, figsize=(9, 8), sharex=True, layout="constrained")
    minutes = np.array([one.at for one in run.samples]) / 60
    for node in NODES:
        above.plot(minutes, [one.rss[node] / MEGABYTE for one in run.samples], label=node)
    above.set(ylabel="resident memory, MB", ylim=(0, None))
    above.legend(loc="lower right")
    middle.plot(minutes, [one.counts["memories"] for one in run.samples], label="memories", color="C3")
    middle.plot(minutes, [one.counts["waiting queries"] for one in run.samples], label="waiting queries", color="C4")
    middle.set(ylabel="count", ylim=(0, None))
    middle.legend(loc="center right")
    for way, colour in (("text", "C0"), ("find", "C1")):
        points = [(one.at / 60, one.seconds * 1000) for one in run.queries if one.way == way and one.seconds]
        below.scatter(*zip(*points, strict=True), s=6, color=colour, label=f"asked by {way}")
    below.set(xlabel="minutes", ylabel="until the answer, ms", ylim=(0, None))
    below.legend(loc="upper right")
    for axes in (above, middle, below):
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def main() -> None:
    take_own_domain()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--bundle", type=Path, default=ROOT / "models" / "starter")
    parser.add_argument("--photos", type=Path, default=ROOT / "examples" / "photos")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "reliability", help="without ending")
    parser.add_argument("--busy", type=int, default=0, help="loops beside that use a processor each")
    parser.add_argument("--no-figure", action="store_true")
    arguments = parser.parse_args()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    seconds = 60 * arguments.minutes
    with tempfile.TemporaryDirectory() as folder, busy_loops(arguments.busy):
        run = run_nodes(arguments.bundle, arguments.photos, seconds, Path(folder))
    figures = {"machine": f"{os.cpu_count()} cores, Python {platform.python_version()}", **judged(run, seconds)}
    out = arguments.out.with_suffix(".json")
    out.write_text(json.dumps({**figures, "run": asdict(run)}, indent=1))
    if not arguments.no_figure:
        draw(run, arguments.out.with_suffix(".png"))
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
