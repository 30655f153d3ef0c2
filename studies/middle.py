# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What it brings to embed a photo together with its mirrored middle: renderer.photo.middle.

    python studies/middle.py --bundle models/starter --data data/starter [--split eval]

For each share of the side that counts as the middle (0: the photo alone; 1: the whole photo, mirrored), in memories of
100 photos drawn from the part of a data set of `visual-byte collect`: the share of names whose best match is right, if
what they name is there, and how well the best score tells what is there from known names that are absent (AUROC);
and the share of photos whose nearest typed name is their own.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from visual_byte_core.bundle.bundle import Bundle, load_bundle
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.evaluation.embedded_split import read_split
from visual_byte_core.export.bundle_export import with_middle
from visual_byte_core.metrics.drawn_memories import ask_drawn_memories
from visual_byte_core.metrics.recall import recall_at_k
from visual_byte_core.metrics.rejection import auroc

SHARES = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
MEMORIES = 100
SOUNDS = {"calibrate": "audio_calibrate", "eval": "audio_eval_tts"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", choices=tuple(SOUNDS), default="calibrate", help="default: calibrate")
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES)
    arguments = parser.parse_args()
    bundle = load_bundle(arguments.bundle)
    print("| middle | typed, right | AUROC | spoken, right | AUROC | photo to name |\n|" + " --- |" * 6)
    for share in arguments.shares:
        changed = replace(bundle, renderer=with_middle(bundle.renderer, share))
        values = measure(changed, arguments.data, arguments.split)
        print(f"| {share:g} |" + "".join(f" {value:.3f} |" for value in values), flush=True)


def measure(bundle: Bundle, data: Path, name: str) -> list[float]:
    split = read_split(Embedder(bundle, threads=1), data / f"image_{name}", data / SOUNDS[name], languages=("en",))
    asked = ask_drawn_memories(split.photos, split.queries, {}, split.overlaps, seed=1)
    values = []
    for kind in ("text", "audio"):
        sample = asked[kind][MEMORIES]
        present, absent = np.concatenate(sample.present), np.concatenate(sample.absent)
        values += [float(np.concatenate(sample.right).mean()), auroc(present, absent)]
    names = split.queries["text"]
    photos = split.photos
    return [*values, recall_at_k(photos.embeddings, photos.slugs, names.embeddings, names.slugs, ks=(1,))["r1"]]


if __name__ == "__main__":
    main()
