# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
r"""What is lost when a memory is embedded again from its thumbnails, as `visual-byte memory reembed` does.

    python studies/reembed.py --images $VISUAL_BYTE_DATA/grocery/val \
        --before models/starter-small --after models/starter

A memory of all photos is made with the bundle --before and embedded again with --after; it is compared with one that
--after made of the photos themselves.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from visual_byte_core.dataset.class_folders import LabelledFile, find_photos
from visual_byte_core.dataset.spelling import names_by_slug, spelled
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.engine.reembedding import reembed
from visual_byte_core.evaluation.embedded_data import embed_words
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.merging import MergeSettings
from visual_byte_core.memory.observation import Observation
from visual_byte_core.rendering.photo import read_photo
from visual_byte_core.rendering.thumbnail import thumbnail


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--before", type=Path, required=True)
    parser.add_argument("--after", type=Path, required=True)
    arguments = parser.parse_args()
    old, new = (Embedder(path, threads=1) for path in (arguments.before, arguments.after))
    files = find_photos(arguments.images)
    with tempfile.TemporaryDirectory() as folder:
        with remembering(old, files, Path(folder) / "again") as memory:
            reembed(memory, new)
        again = recall(new, Path(folder) / "again", files)
        remembering(new, files, Path(folder) / "direct").close()
        direct = recall(new, Path(folder) / "direct", files)
    print(f"{len(files)} photos; {old.bundle.name} to {new.bundle.name}")
    for what, value in direct.items():
        print(f"R@1 {what}: {value:.3f} of photos, {again[what]:.3f} of thumbnails")


def remembering(embedder: Embedder, files: list[LabelledFile], folder: Path) -> Memory:
    memory = Memory(folder, embedder.bundle.id, merge=MergeSettings(enabled=False))
    for number, file in enumerate(files):
        image = read_photo(file.path)
        observation = Observation(
            float(number), label="", source=file.slug, frame_id=file.key, thumbnail=thumbnail(image)
        )
        memory.remember(embedder.embed_photo(image), observation)
    return memory


def recall(embedder: Embedder, folder: Path, files: list[LabelledFile]) -> dict[str, float]:
    """R@1 of typed names, and of photos of which the memory is not the photo itself."""
    slugs = sorted({file.slug for file in files})
    words = embed_words(embedder, spelled(slugs, names_by_slug(embedder.bundle), "en"))[0]
    with Memory(folder, embedder.bundle.id) as memory:
        typed = [memory.search(word, 1)[0].source == slug for word, slug in zip(words, slugs, strict=True)]
        shown = []
        for file in files:
            found = memory.search(embedder.embed_photo(read_photo(file.path)), 2)
            shown.append(next(match for match in found if match.frame_id != file.key).source == file.slug)
    return {"typed name to photo": float(np.mean(typed)), "photo to photo": float(np.mean(shown))}


if __name__ == "__main__":
    main()
