# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""How well observations of one thing become one memory, on a made sequence with its truth file.

    python studies/memory_sequence.py --photos DIR [--bundle models/starter] [--things 60] [--out out/memory_sequence]

DIR/CLASS/*.jpg. Two photos of each class are two things of one kind ("two mugs"). Each is shown as a robot would see
it on its rounds: again and again at one place, then, every second thing, 30 m away; each time from a slightly other
view, in other light, with noise. Writes `truth.csv` (time, thing, x, y, view) and `report.json`: precision and recall
of merging over pairs of observations, and how many things the memory has where they are now.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.merging import MergeSettings
from visual_byte_core.memory.observation import Observation
from visual_byte_core.rendering.photo import read_photo
from visual_byte_core.rendering.thumbnail import reduced

VISITS_BEFORE, VISITS_AFTER = 3, 2
ROUND_S = 600.0


@dataclass(frozen=True)
class Encounter:
    """time: seconds; thing: index; x, y: metres; view: seed of how it is seen."""

    time: float
    thing: int
    x: float
    y: float
    view: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, default=Path("models/starter"))
    parser.add_argument("--things", type=int, default=60)
    parser.add_argument("--cosine", type=float, default=MergeSettings().embedding_cosine)
    parser.add_argument("--difference", type=float, default=MergeSettings().thumbnail_difference)
    parser.add_argument("--out", type=Path, default=Path("out/memory_sequence"))
    arguments = parser.parse_args()
    photos = things_in(arguments.photos, arguments.things)
    sequence = make_sequence(len(photos))
    arguments.out.mkdir(parents=True, exist_ok=True)
    with open(arguments.out / "truth.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("time", "thing", "x", "y", "view"))
        writer.writerows((s.time, photos[s.thing].relative_to(arguments.photos), s.x, s.y, s.view) for s in sequence)
    merge = MergeSettings(embedding_cosine=arguments.cosine, thumbnail_difference=arguments.difference)
    report = {
        "bundle": str(arguments.bundle),
        "merge": vars(merge),
        **measure(photos, sequence, arguments.bundle, merge),
    }
    (arguments.out / "report.json").write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1))


def things_in(folder: Path, max_things: int) -> list[Path]:
    """Two photos of each class."""
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    return [photo for one in classes for photo in sorted(one.iterdir())[:2]][:max_things]


def make_sequence(things: int) -> list[Encounter]:
    random = np.random.default_rng(1)
    sequence = []
    for visit in range(VISITS_BEFORE + VISITS_AFTER):
        for thing in range(things):
            moved = visit >= VISITS_BEFORE and thing % 2 == 0
            x, y = (thing % 8) * 1.5 + 30.0 * moved, (thing // 8) * 1.5
            jitter = random.uniform(-0.3, 0.3, 2)
            at = visit * ROUND_S + thing * 5.0
            sequence.append(Encounter(at, thing, round(x + jitter[0], 3), round(y + jitter[1], 3), len(sequence)))
    return sequence


def measure(photos: list[Path], sequence: list[Encounter], bundle: Path, merge: MergeSettings) -> dict:
    embedder = Embedder(bundle, threads=1)
    images = [read_photo(photo) for photo in photos]
    ids: list[str] = []
    with tempfile.TemporaryDirectory() as folder, Memory(folder, embedder.bundle.id, merge=merge) as memory:
        for encounter in tqdm(sequence, unit="encounter"):
            image = seen_again(images[encounter.thing], encounter.view)
            pose = (encounter.x, encounter.y, 0.0, 0.0, 0.0, 0.0, 1.0)
            observation = Observation(1.7e9 + encounter.time, pose=pose, map_id="home")
            ids.append(memory.remember(embedder.embed_photo(image), observation, reduced(image)).id)
        matches, _ = memory.page(None, 1000)
    right = dict.fromkeys(range(len(photos)), 0)
    last = {encounter.thing: (encounter, id) for encounter, id in zip(sequence, ids, strict=True)}
    by_id = {match.id: match for match in matches}
    for thing, (encounter, id) in last.items():
        pose = by_id[id].pose
        right[thing] = pose is not None and pose[:2] == (encounter.x, encounter.y)
    things = [encounter.thing for encounter in sequence]
    pairs = [(things[i] == things[j], ids[i] == ids[j]) for i, j in combinations(range(len(ids)), 2)]
    merged = [same for same, one in pairs if one]
    moved = [thing for thing in last if thing % 2 == 0]
    return {
        "things": len(photos),
        "encounters": len(sequence),
        "memories": len(matches),
        "precision": round(sum(merged) / max(1, len(merged)), 4),
        "recall": round(sum(one for same, one in pairs if same) / sum(same for same, _ in pairs), 4),
        "things_at_their_place": round(sum(right.values()) / len(right), 4),
        "moved_things_with_history": round(sum(len(by_id[last[t][1]].places) == 2 for t in moved) / len(moved), 4),
    }


def seen_again(image: np.ndarray, view: int) -> np.ndarray:
    """The photo, uint8 (height, width, 3), turned, shifted, nearer, in other light and with noise."""
    height, width = image.shape[:2]
    random = np.random.default_rng(view)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), random.uniform(-4, 4), random.uniform(1.0, 1.12))
    turn[:, 2] += random.uniform(-0.03, 0.03, 2) * (width, height)
    turned = cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REFLECT).astype(np.float32)
    lit = turned * random.uniform(0.85, 1.15) + random.uniform(-12, 12) + random.normal(0, 4, turned.shape)
    return np.clip(lit, 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
