# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""`make demo`: four ROS nodes remember photos, and answer 61 names, typed and spoken, over DDS.

camera_node plays examples/photos until embedding_node has acknowledged each; then every name is typed to
text_node and played to microphone_node, spoken by a voice that no training heard. Writes matches.png and
result.json to out/demo/.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import yaml
from demo_graph import DemoAnswer, Graph
from demo_picture import draw_picture
from tqdm import tqdm

from visual_byte_core.bench.resident_memory import resident_bytes
from visual_byte_core.dataset.voice_engines.espeak import EspeakVoice
from visual_byte_core.dataset.voices import Utterance, speak
from visual_byte_core.errors import VisualByteError
from visual_byte_core.files import write_atomically
from visual_byte_core.names import slugify
from visual_byte_ros.dds_profile import use_profile

HERE = Path(__file__).resolve().parent
VOICE = EspeakVoice("en-gb-scotland")  # an accent that is kept out of training, calibration and validation
CAMERA_RATE = 30.0  # photos a second
PLAYBACK_SPEED = 8.0  # of the spoken names


def main() -> int:
    arguments = parse_arguments()
    # A robot nearby must neither hear the demo nor be heard.
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    os.environ.setdefault("ROS_DOMAIN_ID", str(os.getpid() % 100 + 1))
    use_profile()
    shutil.rmtree(arguments.out, ignore_errors=True)
    arguments.out.mkdir(parents=True)
    names = names_to_ask(arguments.photos)
    speech = arguments.out / "speech"
    speak(Utterance(words, VOICE, speech / f"{slugify(words)}.wav") for words in names)
    with Graph() as graph, Nodes(arguments.out / "log") as nodes:
        embedding = nodes.start("embedding_node", memory_folder=arguments.out / "memory", k=5, bundle=arguments.bundle)
        remember(graph, nodes, arguments.photos)
        typed = type_names(graph, nodes, list(names), arguments.bundle)
        spoken = play_names(graph, nodes, speech, names, arguments.bundle)
        memory_mb = peak_memory(embedding.pid)
        result = summarize(names, typed, spoken, graph) | {"embedding_node_peak_mb": memory_mb}
    write_atomically(arguments.out / "result.json", json.dumps(result, indent=1).encode())
    draw_picture(arguments.out / "matches.png", names, typed, spoken, graph.class_of)
    print_table(names, typed, spoken, graph)
    print_summary(result, arguments.out)
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, default=HERE / "photos", help="folder of photos, one folder a class")
    parser.add_argument("--bundle", default="", help="bundle to run; the starter bundle if not given")
    parser.add_argument("--out", type=Path, default=Path("out/demo"), help="folder for results, replaced")
    return parser.parse_args()


def names_to_ask(photos: Path) -> dict[str, str]:
    """What is asked: words, and the slug of the right memory, `known_absent` or `never_trained`."""
    shown = sorted(path.name for path in photos.iterdir() if path.is_dir())
    absent = yaml.safe_load((HERE / "absent.yaml").read_text(encoding="utf-8"))
    names = {slug.replace("_", " "): slug for slug in shown}
    names |= {slug.replace("_", " "): "known_absent" for slug in absent["trained"]}
    return names | dict.fromkeys(absent["never_trained"], "never_trained")


class Nodes:
    """Visual Byte's nodes as processes; all are stopped at the end, and what they print goes to a folder."""

    def __init__(self, log: Path) -> None:
        self.log, self.running = log, dict[str, subprocess.Popen[bytes]]()

    def __enter__(self) -> Nodes:
        self.log.mkdir()
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self.running):
            self.stop(name)

    def start(self, name: str, **parameters: object) -> subprocess.Popen[bytes]:
        given = [part for key, value in parameters.items() if value != "" for part in ("-p", f"{key}:={value}")]
        command = [sys.executable, "-m", f"visual_byte_ros.{name}", "--ros-args", *given]
        with open(self.log / f"{name}.txt", "wb") as output:
            self.running[name] = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        return self.running[name]

    def stop(self, name: str) -> None:
        process = self.running.pop(name)
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()

    def check(self) -> None:
        """Raises VisualByteError when a node has ended."""
        for name, process in self.running.items():
            if process.poll() is not None:
                raise VisualByteError(f"{name} ended with {process.returncode}; see {self.log / name}.txt")


def remember(graph: Graph, nodes: Nodes, photos: Path) -> None:
    expected = {path.relative_to(photos).as_posix() for path in photos.rglob("*.jpg")}
    nodes.start("camera_node", source="folder", path=photos, rate=CAMERA_RATE, loop=True)
    with tqdm(total=len(expected), desc="remembering photos", unit="photo") as bar:
        while bar.n < len(expected):
            nodes.check()
            graph.wait(0.2)
            bar.update(len(graph.acknowledged) - bar.n)
    nodes.stop("camera_node")


def type_names(graph: Graph, nodes: Nodes, names: list[str], bundle: str) -> dict[str, DemoAnswer]:
    nodes.start("text_node", bundle=bundle)
    answers = {
        words: graph.type_and_wait(words, nodes.check) for words in tqdm(names, desc="typing names", unit="name")
    }
    nodes.stop("text_node")
    return answers


def play_names(graph: Graph, nodes: Nodes, speech: Path, names: dict[str, str], bundle: str) -> dict[str, DemoAnswer]:
    # Played again from the start if the first ones were spoken before the nodes had found each other.
    nodes.start("microphone_node", source="folder", folder=speech, speed=PLAYBACK_SPEED, loop=True, bundle=bundle)
    spoken_as = {slugify(words): words for words in names}
    with tqdm(total=len(names), desc="speaking names", unit="name") as bar:
        while bar.n < len(names):
            nodes.check()
            graph.wait(0.2)
            bar.update(len(graph.heard) - bar.n)
    nodes.stop("microphone_node")
    return {spoken_as[stem]: asked for stem, asked in graph.heard.items()}


def summarize(
    names: dict[str, str], typed: dict[str, DemoAnswer], spoken: dict[str, DemoAnswer], graph: Graph
) -> dict[str, object]:
    groups = {"typed": typed, "spoken": spoken}
    shown = [words for words, right in names.items() if right not in ("known_absent", "never_trained")]
    result: dict[str, object] = {}
    for how, answers in groups.items():
        ranks = [[graph.class_of(m.id) for m in answers[w].matches.nearest] for w in shown]
        hits = [names[w] in rank[:1] for w, rank in zip(shown, ranks, strict=True)]
        hits5 = [names[w] in rank[:5] for w, rank in zip(shown, ranks, strict=True)]
        result[how] = {"n": len(shown), "r1": share(hits), "r5": share(hits5)}
    refusals: dict[str, dict[str, object]] = {}
    for kind in ("known_absent", "never_trained", "present"):
        asked = [w for w, right in names.items() if right == kind or (kind == "present" and w in shown)]
        by_how = {how: sum(not answers[w].found for w in asked) for how, answers in groups.items()}
        refusals[kind] = {"asked": 2 * len(asked), "refused": sum(by_how.values()), "refused_by": by_how}
    latency = {
        how: percentiles([1000 * asked.seconds for asked in answers.values()]) for how, answers in groups.items()
    }
    return {
        **result,
        "not_found": {kind: refusals[kind] for kind in ("known_absent", "never_trained")},
        "present_refused": refusals["present"],
        "latency_ms": {**latency, "frame": graph.frame_latency},
        "memories": graph.memories,
        "bundle": graph.bundle,
    }


def share(hits: list[bool]) -> float:
    return round(sum(hits) / len(hits), 4)


def percentiles(values: list[float]) -> dict[str, float]:
    return {f"p{p}": round(float(np.percentile(values, p)), 2) for p in (50, 95)}


def peak_memory(pid: int) -> float:
    """Most resident memory of a process so far, in MB (2**20 bytes)."""
    return round(resident_bytes(pid, "VmHWM") / 2**20, 1)


def print_table(
    names: dict[str, str], typed: dict[str, DemoAnswer], spoken: dict[str, DemoAnswer], graph: Graph
) -> None:
    print(f"{'':2}{'name':34}{'asked':8}{'answer':42}{'score':>6}{'seconds':>9}")
    for words, right in names.items():
        for how, asked in (("typed", typed[words]), ("spoken", spoken[words])):
            best = asked.matches.nearest[0]
            found = graph.class_of(best.id).replace("_", " ")
            answer = found if asked.found else f"NOT_FOUND ({found})"
            good = found == words if asked.found else right in ("known_absent", "never_trained")
            print(f"{'+ ' if good else '- '}{words:34}{how:8}{answer:42}{best.score:6.2f}{asked.seconds:9.3f}")


def print_summary(result: dict, out: Path) -> None:
    typed, spoken, absent, present = (result[k] for k in ("typed", "spoken", "not_found", "present_refused"))
    refused = Counter({k: sum(kind[k] for kind in absent.values()) for k in ("asked", "refused")})
    print(
        f"typed R@1 {typed['r1']:.2f} R@5 {typed['r5']:.2f}, spoken R@1 {spoken['r1']:.2f} R@5 {spoken['r5']:.2f};"
        f" absent refused {refused['refused']}/{refused['asked']},"
        f" present refused {present['refused']}/{present['asked']};"
        f" {result['memories']} memories; answers p50 {result['latency_ms']['typed']['p50']:.0f} ms;"
        f" see {out / 'matches.png'} and {out / 'result.json'}"
    )


if __name__ == "__main__":
    started = time.monotonic()
    try:
        sys.exit(main())
    except VisualByteError as error:
        sys.exit(f"demo: {error}")
    finally:
        print(f"took {time.monotonic() - started:.0f} s")
