# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""All nodes in one process (bringup) against a process for each: CPU, memory, and how late memories and answers are.

    source tools/environment.sh && python studies/processes.py [--seconds 20] [--rate 10] [--memories 0] ... [--json]

camera_node plays photos, each 640 x 480; a name is typed every second. Both ways take turns. CPU is that of all
processes in percent of one core, the median of the rounds; peak MB the largest resident memory of the process that
embeds, which holds --memories to begin with; a frame's latency goes from its stamp to `~/remembered`,
which waits for the disk (--acknowledge-within-s), a query's from `text` to `matches`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import yaml
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
# Before rclpy is imported: a domain of its own. Domains 1 to 101 are free of the ports that the system gives out.
os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 101)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
from std_msgs.msg import String  # noqa: E402

from visual_byte.msg import Matches, Remembered  # noqa: E402
from visual_byte_core.bench.our_bundles import fill  # noqa: E402
from visual_byte_core.bench.resident_memory import resident_bytes  # noqa: E402
from visual_byte_core.bundle.bundle import load_bundle  # noqa: E402
from visual_byte_core.messages.stamps import seconds_of  # noqa: E402
from visual_byte_testing.graph import Graph, Process, open_graph  # noqa: E402

SEPARATE = ("embedding_node", "camera_node", "text_node", "microphone_node", "markers_node")
WAYS: dict[str, Sequence[str]] = {"one process": ("bringup",), "a process each": SEPARATE}
TICK = os.sysconf("SC_CLK_TCK")


def write_photos(folder: Path) -> Path:
    folder.mkdir()
    for path in sorted((ROOT / "examples" / "photos").rglob("*.jpg"))[:10]:
        cv2.imwrite(str(folder / path.name), cv2.resize(cv2.imread(str(path)), (640, 480)))
    return folder


def write_parameters(folder: Path, photos: Path, bundle: Path, rate: float, acknowledge_within_s: float) -> Path:
    settings = {
        "camera_node": {"source": "folder", "path": str(photos), "rate": rate},
        "embedding_node": {
            "bundle": str(bundle),
            "memory_folder": str(folder / "memory"),
            "acknowledge_within_s": acknowledge_within_s,
        },
        "text_node": {"bundle": str(bundle)},
        "microphone_node": {"autostart": False},
    }
    file = folder / "parameters.yaml"
    file.write_text(yaml.safe_dump({f"/**/{node}": {"ros__parameters": row} for node, row in settings.items()}))
    return file


def cpu_s(processes: Sequence[Process]) -> float:
    return sum(sum(map(int, _stat(process)[11:13])) for process in processes) / TICK


def _stat(process: Process) -> list[str]:
    return Path(f"/proc/{process.popen.pid}/stat").read_text().rpartition(")")[2].split()


def megabytes(processes: Sequence[Process], kind: str) -> float:
    """kind: see `resident_bytes`."""
    return sum(resident_bytes(process.popen.pid, kind) for process in processes) / 2**20


def measure(graph: Graph, nodes: Sequence[str], parameters: Path, seconds: float) -> dict[str, list[float]]:
    frames: list[float] = []
    answers: list[Matches] = []
    arrived: dict[str, float] = {}

    def take(answer: Matches) -> None:
        arrived.setdefault(answer.text, time.monotonic())
        answers.append(answer)

    processes = [graph.start(node, file=parameters) for node in nodes]
    graph.node.create_subscription(Matches, "matches", take, 100)
    texts = graph.publisher(String, "text")
    graph.repeat(
        lambda: texts.publish(String(data="mug")),
        lambda: any(answer.status == Matches.NOT_FOUND or answer.matches for answer in list(answers)),
        "the first answer",
    )
    graph.node.create_subscription(
        Remembered, "embedding_node/remembered", lambda r: frames.append(time.time() - seconds_of(r.header.stamp)), 100
    )
    time.sleep(3)
    frames.clear()
    begun, cpu = time.monotonic(), cpu_s(processes)
    asked: dict[str, float] = {}
    for number in range(round(seconds)):
        time.sleep(max(0.0, begun + number - time.monotonic()))
        asked[f"mug {number}"] = time.monotonic()
        texts.publish(String(data=f"mug {number}"))
    time.sleep(1)
    share = (cpu_s(processes) - cpu) / (time.monotonic() - begun)
    queries = [arrived[name] - at for name, at in asked.items() if name in arrived]
    return {
        "cpu %": [100 * share],
        "rss MB": [megabytes(processes, "Rss")],
        "pss MB": [megabytes(processes, "Pss")],
        "peak MB": [megabytes(processes[:1], "VmHWM")],
        "remembered a second": [len(frames) / (time.monotonic() - begun)],
        "frame ms": [1000 * latency for latency in frames],
        "query ms": [1000 * latency for latency in queries],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=ROOT / "models" / "starter")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each way")
    parser.add_argument("--rate", type=float, default=10.0, help="frames a second")
    parser.add_argument("--memories", type=int, default=0, help="remembered beforehand (default: 0)")
    parser.add_argument(
        "--acknowledge-within-s", type=float, default=0.01, metavar="SECONDS",
        help="what embedding_node waits for more frames before it writes (default: 0.01, to see latencies; the node's"
        " own default is 0.5)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found: dict[str, dict[str, list[float]]] = {way: {} for way in WAYS}
    for _ in tqdm(range(arguments.rounds), unit="round", disable=None):
        for way, nodes in WAYS.items():
            with tempfile.TemporaryDirectory() as folder, open_graph(Path(folder)) as graph:
                photos = write_photos(Path(folder) / "photos")
                parameters = write_parameters(
                    Path(folder), photos, arguments.bundle, arguments.rate, arguments.acknowledge_within_s
                )
                fill(Path(folder) / "memory", load_bundle(arguments.bundle).id, arguments.memories)
                for name, values in measure(graph, nodes, parameters, arguments.seconds).items():
                    found[way].setdefault(name, []).extend(values)
                for process in graph.processes:
                    process.end()
    report = {
        way: {
            f"{name} p{p}" if name.endswith("ms") else name: float(np.percentile(values, p))
            for name, values in rows.items()
            for p in ((50, 95) if name.endswith("ms") else (50,))
        }
        for way, rows in found.items()
    }
    if arguments.json:
        print(json.dumps(report, indent=1))
        return 0
    print(f"{'':28}" + "".join(f"{way:>18}" for way in WAYS))
    for row in report["one process"]:
        print(f"{row:28}" + "".join(f"{report[way][row]:18.1f}" for way in WAYS))
    return 0


if __name__ == "__main__":
    sys.exit(main())
