# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Embedding a memory again from its thumbnails, with another bundle.

The old memory stays until the new one is whole.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import cv2
import numpy as np
from tqdm import tqdm

from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.errors import InvalidImage, InvalidText, MemoryFolderError
from visual_byte_core.memory.match import Match
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.staged_store import Successor
from visual_byte_core.memory.taught_names import Prototype
from visual_byte_core.rendering.photo import decode_photo, render_photo

AT_ONCE = 64

log = logging.getLogger("visual_byte")


@dataclass(frozen=True)
class Reembedded:
    """How much of a memory came along.

    Attributes:
        memories: in the new memory.
        resumed: how many of them an interrupted run had done.
        left_out: those without a thumbnail.
        unsaid: taught names of which no way of saying them fits the new bundle.
    """

    memories: int
    resumed: int
    left_out: int
    unsaid: tuple[str, ...]


def reembed(memory: Memory, embedder: Embedder, *, leave_out: bool = False) -> Reembedded:
    """Replace the memory by one of the embedder's bundle and close it; stopped at any moment, the next call resumes.

    leave_out: do without the memories that have no thumbnail; otherwise they are refused.
    Raises MemoryFolderError.
    """
    bundle = embedder.bundle
    blind = sum(not match.thumbnail for match, _ in memory.everything())
    if blind and not leave_out:
        raise MemoryFolderError(
            f"{blind} of {memory.count()} memories have no thumbnail to embed again; --leave-out does without them"
        )
    successor = memory.successor(f"reembed {bundle.id}", bundle.dimension)
    resumed = successor.resumed
    ids: set[str] = set()
    try:
        with tqdm(total=memory.count(), desc="embedding again", unit="memory", leave=False, disable=None) as bar:
            group: list[Match] = []
            for match, _ in memory.everything():
                bar.update()
                if match.thumbnail:
                    ids.add(match.id)
                    group.append(match)
                if len(group) == AT_ONCE:
                    _embed(group, successor, embedder)
                    group = []
            _embed(group, successor, embedder)
        successor.keep_only(ids)
    except BaseException:
        successor.close()
        raise
    taught = {
        name: tuple(new for one in all_ if (new := _again(one, embedder)))
        for name, all_ in memory.taught.prototypes().items()
    }
    unsaid = tuple(name for name, prototypes in taught.items() if not prototypes)
    memory.succeed(successor, taught, bundle.id, bundle.dimension)
    return Reembedded(len(ids), resumed, blind, unsaid)


def _embed(group: list[Match], successor: Successor, embedder: Embedder) -> None:
    done = successor.has([match.id for match in group])
    successor.describe_again([match for match in group if match.id in done])
    new = [match for match in group if match.id not in done]
    if not new:
        return
    photos = [_rendered(match, embedder) for match in new]
    successor.add(list(zip(new, embedder.embed_photos(np.stack(photos)), strict=True)))


def _rendered(match: Match, embedder: Embedder) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(match.thumbnail, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise MemoryFolderError(f"memory {match.id}: its thumbnail cannot be read; forget it, then begin again")
    return render_photo(picture, embedder.size, embedder.bundle.renderer.photo, channel_order="bgr")


def _again(prototype: Prototype, embedder: Embedder) -> Prototype | None:
    """None if the new bundle renders such queries at another size."""
    if prototype.modality == "text":
        try:
            return replace(prototype, embedding=embedder.embed_text(prototype.words))
        except InvalidText:
            return None
    size = embedder.size_of("audio")
    try:
        image = decode_photo(prototype.image, "a spoken name", max_pixels=size**2)
    except InvalidImage:
        image = np.empty((0, 0, 3), np.uint8)
    if image.shape[:2] != (size, size):
        log.warning("a spoken name was rendered for another size of picture; say it again to teach it")
        return None
    return replace(prototype, embedding=embedder.embed(image[None])[0])
