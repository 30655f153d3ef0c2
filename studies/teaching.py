# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What teaching by showing and saying is worth, and what it costs the names that the network learned.

    python studies/teaching.py --data DIR [--bundle models/starter] [--out out/teaching.json]

DIR as config/collect_starter.yaml makes it. Names left out of training: words and pseudo-words without photos, from
`distractors_eval`, each paired with photos of `image_eval` in a memory of all classes. Each is taught with 1, 3 or 5
photos and as many utterances (or fewer, where a name has fewer voices); it is asked for by its typed name and by the
voices that taught nothing. The known names are asked for before and after 50 names were taught. With --cosine and
--margin: other thresholds than those in visual_byte_core/memory/taught_names.py for spoken queries.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.engine.finder import Finder
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.merging import MergeSettings
from visual_byte_core.memory.observation import Observation
from visual_byte_core.memory.taught_names import NEARNESS, Nearness, Prototype
from visual_byte_core.rendering.photo import read_photo
from visual_byte_core.rendering.speech import read_sound

PHOTOS_OF_A_CLASS = 4
EXAMPLES = (1, 3, 5)
LEFT_OUT = 20
MANY = 50


class Data:
    """Embeddings of everything that is asked and shown."""

    def __init__(self, root: Path, embedder: Embedder) -> None:
        self.embedder = embedder
        self.photos = {c: self._photos(root / "image_eval" / c, 12) for c in names_in(root / "image_eval")}
        self.known_voices = {c: self._sounds(root / "audio_eval_tts" / c, 2) for c in self.photos}
        self.new_voices = {
            name: vectors
            for name in names_in(root / "distractors_eval")
            if len(vectors := self._sounds(root / "distractors_eval" / name, 6)) >= 2
        }

    def _photos(self, folder: Path, max_files: int) -> list[np.ndarray]:
        return [self.embedder.embed_photo(read_photo(path)) for path in sorted(folder.iterdir())[:max_files]]

    def _sounds(self, folder: Path, max_files: int) -> list[np.ndarray]:
        files = sorted((folder / "en").glob("*")) if (folder / "en").is_dir() else []
        return [self.embedder.embed_speech(*read_sound(path)) for path in files[:max_files]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, default=Path("models/starter"))
    parser.add_argument("--cosine", type=float, default=NEARNESS["audio"].cosine)
    parser.add_argument("--margin", type=float, default=NEARNESS["audio"].margin)
    parser.add_argument("--out", type=Path, default=Path("out/teaching.json"))
    arguments = parser.parse_args()
    NEARNESS["audio"] = Nearness(arguments.cosine, arguments.margin)
    embedder = Embedder(arguments.bundle, threads=1)
    data = Data(arguments.data, embedder)
    names = list(np.random.default_rng(0).permutation(sorted(data.new_voices)))
    report: dict = {"bundle": embedder.bundle.id, "names_with_two_voices_or_more": len(names)}
    for examples in EXAMPLES:
        report[f"{examples} examples"] = taught(data, names[:LEFT_OUT], examples)
    report["known names"] = known(data, names[:MANY])
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1))


def taught(data: Data, names: list[str], examples: int) -> dict:
    """R@1 of typed and spoken queries for the taught names, before and after."""
    with tempfile.TemporaryDirectory() as folder, remembering(data, folder) as memory:
        finder = Finder(memory, data.embedder.bundle.calibration)
        asked = {"typed": [(n, "text", data.embedder.embed_text(spelled(n))) for n in names]}
        asked["the ... (typed)"] = [(n, "text", data.embedder.embed_text(f"the {spelled(n)}")) for n in names]
        voices = {n: min(examples, len(data.new_voices[n]) - 1) for n in names}
        asked["unheard voice"] = [(n, "audio", v) for n in names for v in data.new_voices[n][voices[n] :]]
        before = {kind: share_right(finder, queries) for kind, queries in asked.items()}
        for name, shown in zip(names, list(data.photos)[: len(names)], strict=True):
            teach(memory, data, name, shown, examples, voices[name])
        after = {kind: share_right(finder, queries) for kind, queries in asked.items()}
    utterances = round(float(np.mean(list(voices.values()))), 2)
    return {"names": len(names), "utterances": utterances, "before": before, "after": after}


def known(data: Data, names: list[str]) -> dict:
    """R@1 of the known names, typed and in unheard voices, and how many answers changed when 50 names were taught."""
    with tempfile.TemporaryDirectory() as folder, remembering(data, folder) as memory:
        finder = Finder(memory, data.embedder.bundle.calibration)
        spelling = {one.slug: one.en for one in data.embedder.bundle.class_names}
        queries = [(c, "text", data.embedder.embed_text(spelling.get(c, spelled(c)))) for c in data.photos]
        queries += [(c, "audio", vector) for c, vectors in data.known_voices.items() for vector in vectors]
        for shown in list(data.photos)[: len(names)]:  # so that what is measured is the names, not more photos
            memory.remember(data.photos[shown][-1], Observation(1e9, source=shown))
        before = [right(finder, *query) for query in queries]
        for name, shown in zip(names, list(data.photos), strict=False):
            teach(memory, data, name, shown, 1, 1)
        after = [right(finder, *query) for query in queries]
    told: dict = {}
    for kind in ("text", "audio"):
        of_kind = [i for i, query in enumerate(queries) if query[1] == kind]
        b, a = (float(np.mean([answers[i] for i in of_kind])) for answers in (before, after))
        told[kind] = {"queries": len(of_kind), "before": round(b, 4), "after": round(a, 4), "cost": round(b - a, 4)}
    return {"taught": len(names), **told}


def remembering(data: Data, folder: str) -> Memory:
    memory = Memory(folder, data.embedder.bundle.id, merge=MergeSettings(enabled=False))
    for name, vectors in data.photos.items():
        for vector in vectors[:PHOTOS_OF_A_CLASS]:
            memory.remember(vector, Observation(1e9, source=name))
    return memory


def teach(memory: Memory, data: Data, name: str, shown: str, examples: int, voices: int) -> None:
    for photo in data.photos[shown][-examples:]:
        memory.remember(photo, Observation(1.1e9, label=name, source=shown))
    prototypes = [Prototype("text", data.embedder.embed_text(spelled(name)), spelled(name))]
    prototypes += [Prototype("audio", vector) for vector in data.new_voices[name][:voices]]
    memory.taught.teach(name, prototypes)


def share_right(finder: Finder, queries: list[tuple[str, str, np.ndarray]]) -> float:
    return round(float(np.mean([right(finder, *query) for query in queries])), 4)


def right(finder: Finder, name: str, modality: str, embedding: np.ndarray) -> bool:
    """A taught name is its memories' label; a known one is the class of the photo, whatever else it was taught as."""
    nearest = finder.find(embedding, modality, 1).nearest[0]
    return name in (nearest.label, nearest.source)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def spelled(slug: str) -> str:
    return slug.replace("_", " ")


if __name__ == "__main__":
    main()
