# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What remembering frames by regions is worth and costs: the tables of docs/regions.md.

python studies/frame_regions.py --bundle models/starter --bundle models/starter-small --images DIR

A frame is a scene of 2 x 2 or 3 x 3 photos of DIR, of which the camera sees a section of 85 % somewhere, so that
regions and photos do not lie alike; or it is a single photo. All frames of a kind are one memory, which is asked for
every name.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from visual_byte_core.dataset.class_folders import LabelledFile, find_photos
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.embedding.frame_pictures import FramePictures
from visual_byte_core.embedding.regions import (
    STRIDE,
    EmbeddedRegion,
    RegionSettings,
    distinct,
    distinct_regions,
    windows,
)
from visual_byte_core.engine.answer import FOUND
from visual_byte_core.engine.finder import REGION_HANDICAP, Finder
from visual_byte_core.evaluation.scenes import compose_scenes
from visual_byte_core.memory.match import Match
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.merging import MergeSettings
from visual_byte_core.memory.observation import Observation
from visual_byte_core.names import overlaps
from visual_byte_core.rendering.photo import read_photo, render_photo
from visual_byte_core.rendering.thumbnail import thumbnail

ENLARGED, SECTION, K = 4, 0.85, 5
Split = Callable[[Embedder, FramePictures, np.ndarray, RegionSettings], list[EmbeddedRegion]]


@dataclass(frozen=True)
class Frame:
    """image: RGB; slugs: what its tiles show, row by row; offset: of the image in the scene; side: of the scene."""

    image: np.ndarray
    slugs: tuple[str, ...]
    offset: tuple[int, int] = (0, 0)
    side: int = 1

    def tile(self, match: Match) -> str | None:
        """What the centre of a match's region shows; None for the whole of a scene."""
        if not match.parent_id:
            return self.slugs[0] if len(self.slugs) == 1 else None
        grid = round(len(self.slugs) ** 0.5)
        x, y, width, height = match.region or (0, 0, 0, 0)
        column = int((self.offset[0] + x + width / 2) * grid / self.side)
        row = int((self.offset[1] + y + height / 2) * grid / self.side)
        return self.slugs[min(row, grid - 1) * grid + min(column, grid - 1)]


def pictures_of(embedder: Embedder, image: np.ndarray) -> FramePictures:
    return FramePictures(image, embedder.size, embedder.bundle.renderer.photo)


def no_regions(*_: object) -> list[EmbeddedRegion]:
    return []


def regions_of_the_map(
    embedder: Embedder, pictures: FramePictures, whole: np.ndarray, settings: RegionSettings
) -> list[EmbeddedRegion]:
    """The other way: windows of 2 x 2 cells of the map of the frame at twice the ordinary side, all in one pass."""
    image = pictures.image
    cells = embedder.embed_map(render_photo(image, 2 * embedder.size)[None])[0].transpose(1, 2, 0)
    count, scale = len(cells), image.shape[0] * STRIDE / (2 * embedder.size)
    corners = [(x, y) for y in range(count - 1) for x in range(count - 1)]
    pooled = np.stack([cells[y : y + 2, x : x + 2].mean((0, 1)) for x, y in corners])
    pooled /= np.linalg.norm(pooled, axis=1, keepdims=True)
    regions = [tuple(round(value * scale) for value in (x, y, 2, 2)) for x, y in corners]
    return [
        EmbeddedRegion(pooled[i], regions[i], image[regions[i][1] :, regions[i][0] :])
        for i in distinct(pooled, whole, settings)
    ]


def windows_by(embed: Callable[[Embedder, np.ndarray], np.ndarray]) -> Split:
    """The same windows as `distinct_regions`, all embedded in one way."""

    def split(
        embedder: Embedder, pictures: FramePictures, whole: np.ndarray, settings: RegionSettings
    ) -> list[EmbeddedRegion]:
        regions = windows(*pictures.image.shape[:2], settings.size)
        embeddings = embed(embedder, pictures.squares(regions))
        return [
            EmbeddedRegion(embeddings[i], regions[i], pictures.region(regions[i]))
            for i in distinct(embeddings, whole, settings)
        ]

    return split


def scenes(embedder: Embedder, photos: Sequence[LabelledFile], grid: int, count: int) -> list[Frame]:
    generator = np.random.default_rng(grid)
    found = []
    for scene in compose_scenes(embedder, photos, grid, count, ENLARGED):
        side = len(scene.image)
        section = round(SECTION * side)
        x, y = (int(value) for value in generator.integers(0, side - section + 1, 2))
        found.append(Frame(scene.image[y : y + section, x : x + section].copy(), scene.slugs, (x, y), side))
    return found


def single_photos(embedder: Embedder, photos: Sequence[LabelledFile], count: int) -> list[Frame]:
    chosen = np.random.default_rng(1).permutation(len(photos))[:count]
    return [
        Frame(render_photo(read_photo(photos[i].path), ENLARGED * embedder.size), (photos[i].slug,), (0, 0),
              ENLARGED * embedder.size)
        for i in chosen
    ]  # fmt: skip


def measure(
    embedder: Embedder, frames: Sequence[Frame], split: Split, settings: RegionSettings, handicap: float, folder: Path
) -> dict[str, float]:
    milliseconds = []
    with Memory(folder, embedder.bundle.id, merge=MergeSettings(enabled=False)) as memory:
        for number, frame in enumerate(tqdm(frames, "frames", leave=False, delay=2)):
            begun = time.process_time()
            whole = embedder.embed_photo(frame.image)
            found = split(embedder, pictures_of(embedder, frame.image), whole, settings)
            milliseconds.append(1000 * (time.process_time() - begun))
            observation = Observation(captured_at=float(number), source=str(number), thumbnail=thumbnail(frame.image))
            id = memory.remember(whole, observation).id
            for region in found:
                observation = Observation(
                    captured_at=float(number), source=str(number), region=region.rectangle, parent_id=id
                )
                memory.remember(region.embedding, observation)
        finder = Finder(memory, embedder.bundle.calibration, region_handicap=handicap)
        answers = ask(embedder, frames, finder)
        return {
            **answers,
            "memories a frame": memory.count() / len(frames),
            "ms a frame": float(np.median(milliseconds)),
        }


def ask(embedder: Embedder, frames: Sequence[Frame], finder: Finder) -> dict[str, float]:
    first, fifth, right_place, refused, accepted = [], [], [], [], []
    shown = {slug for frame in frames for slug in frame.slugs}
    similar = overlaps(embedder.bundle.class_names)
    for name in embedder.bundle.class_names:
        slug = name.slug
        answer = finder.find(embedder.embed_text(name.en), "text", K)
        if slug not in shown:
            if not similar.get(slug, frozenset()) & shown:
                accepted.append(answer.status == FOUND)
            continue
        hits = [slug in frames[int(match.source)].slugs for match in answer.nearest]
        first.append(hits[0])
        fifth.append(any(hits))
        refused.append(answer.status != FOUND)
        for hit, match in zip(hits, answer.nearest, strict=True):
            if hit:
                right_place.append(frames[int(match.source)].tile(match) == slug)
    return {
        "R@1": float(np.mean(first)),
        "R@5": float(np.mean(fifth)),
        "right place": float(np.mean(right_place)),
        "false refusals": float(np.mean(refused)),
        "false accepts": float(np.mean(accepted)) if accepted else float("nan"),
        "names": len(first),
    }


def still_camera(embedder: Embedder, frame: Frame, folder: Path) -> tuple[int, float]:
    """Memories after 20 frames of one still scene with the noise of a camera, and ms to remember one with regions."""
    generator = np.random.default_rng(0)
    with Memory(folder, embedder.bundle.id) as memory:
        begun = time.process_time()
        for number in range(20):
            noisy = frame.image + generator.normal(0, 4, frame.image.shape)
            image = np.clip(noisy, 0, 255).astype(np.uint8)
            whole = embedder.embed_photo(image)
            id = memory.remember(whole, Observation(captured_at=number / 10, thumbnail=thumbnail(image))).id
            for region in distinct_regions(embedder, pictures_of(embedder, image), whole, RegionSettings()):
                picture = thumbnail(region.image)
                observation = Observation(
                    captured_at=number / 10, thumbnail=picture, region=region.rectangle, parent_id=id
                )
                memory.remember(region.embedding, observation)
        return memory.count(), 50 * (time.process_time() - begun)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", action="append", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True, help="folder of SLUG/*.jpg")
    parser.add_argument("--scenes", type=int, default=40, help="scenes of each kind; three times as many photos")
    arguments = parser.parse_args()
    settings = RegionSettings()
    ways: list[tuple[str, Split, float]] = [
        ("none", no_regions, 0.0),
        ("windows, no handicap", distinct_regions, 0.0),
        ("windows", distinct_regions, REGION_HANDICAP),
        ("windows, no middles", windows_by(Embedder.embed), REGION_HANDICAP),
        ("windows, all middles", windows_by(Embedder.embed_photos), REGION_HANDICAP),
        ("of the map", regions_of_the_map, REGION_HANDICAP),
    ]
    header = ("R@1", "R@5", "right place", "false refusals", "false accepts", "names", "memories a frame", "ms a frame")
    print("| bundle | frames | regions | " + " | ".join(header) + " |")
    print("| --- " * (3 + len(header)) + "|")
    for path in arguments.bundle:
        embedder = Embedder(path, threads=1)
        known = {name.slug for name in embedder.bundle.class_names}
        photos = [photo for photo in find_photos(arguments.images) if photo.slug in known]
        kinds = {
            "2 x 2": scenes(embedder, photos, 2, arguments.scenes),
            "3 x 3": scenes(embedder, photos, 3, arguments.scenes),
            "one photo": single_photos(embedder, photos, 3 * arguments.scenes),
        }
        for kind, frames in kinds.items():
            for way, split, handicap in ways:
                with tempfile.TemporaryDirectory() as folder:
                    found = measure(embedder, frames, split, settings, handicap, Path(folder) / "memory")
                values = [f"{found[key]:.0f}" if key == "names" else f"{found[key]:.3f}" for key in header[:-2]]
                values += [f"{found[key]:.1f}" for key in header[-2:]]
                print(f"| {path.name} | {kind} | {way} | " + " | ".join(values) + " |", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            memories, milliseconds = still_camera(embedder, kinds["2 x 2"][0], Path(folder) / "memory")
        print(f"\n{path.name}: 20 frames of one 2 x 2 scene: {memories} memories, {milliseconds:.0f} ms a frame\n")


if __name__ == "__main__":
    main()
