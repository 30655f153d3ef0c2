# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The names that people taught a memory: how each was typed and said, so that it is known when it is asked again."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from visual_byte_core.errors import InvalidMemory, MemoryFolderError
from visual_byte_core.files import json_text, write_atomically
from visual_byte_core.names import folded

FORMAT = 1
MAX_PROTOTYPES = 10  # of a name and modality; the oldest give way
MAX_NAMES = 1000  # the file of all is written again with each
MODALITIES = ("text", "audio")


@dataclass(frozen=True)
class Nearness:
    """When a query is taken for a taught name.

    It is at least `cosine` near to a way in which the name was asked for, and nearer to that, by `margin`, than to any
    photo, so that the names that the network learned keep their meaning.
    """

    cosine: float
    margin: float

    def holds(self, to_name: float, to_photo: float) -> bool:
        """Whether a query with these cosines, -1..1, to the nearest taught name and photo asks for that name."""
        return to_name >= self.cosine and to_name - to_photo >= self.margin


# For the starter bundle; docs/memory.md says how they were chosen and what they cost.
NEARNESS = {"text": Nearness(0.85, 0.4), "audio": Nearness(0.6, 0.35)}


@dataclass(frozen=True)
class Prototype:
    """One way in which a name was asked for.

    Attributes:
        modality: `text` or `audio`.
        embedding: float32 (dimension,), unit length.
        words: as typed, for text.
        image: the rendered query as PNG, for audio, from which another bundle can embed it again.
    """

    modality: str
    embedding: np.ndarray
    words: str = ""
    image: bytes = b""


class Taught:
    """The taught names of a memory, in one file that is replaced whole.

    Raises:
        MemoryFolderError: the file cannot be read or is not one of them.
    """

    def __init__(self, path: Path, dimension: int) -> None:
        self._path = path
        self._dimension = dimension
        self._prototypes = _read(path, dimension)
        self._index()

    @property
    def names(self) -> list[str]:
        """Sorted."""
        return sorted(self._prototypes)

    def prototypes(self) -> dict[str, tuple[Prototype, ...]]:
        """All, by name."""
        return dict(self._prototypes)

    def nearest(self, embedding: np.ndarray, modality: str) -> tuple[str, float]:
        """The name whose prototype of this modality is nearest to an embedding of unit length, and the cosine.

        ("", -1) if there is none.
        """
        names, matrix = self._by_modality.get(modality, ([], None))
        if matrix is None:
            return "", -1.0
        cosines = matrix @ np.asarray(embedding, np.float32)
        best = int(cosines.argmax())
        return names[best], float(cosines[best])

    def spelled(self, name: str) -> str:
        """The name as it was taught first, if it was taught in another spelling; else as it is."""
        return next((known for known in self._prototypes if folded(known) == folded(name)), name)

    def check_room(self, name: str) -> None:
        """Raises InvalidMemory if the name is new and 1000 are taught already."""
        if self.spelled(name) not in self._prototypes and len(self._prototypes) >= MAX_NAMES:
            raise InvalidMemory(f"teach: {MAX_NAMES} names are taught, which is all that fit; forget one first")

    def teach(self, name: str, prototypes: Iterable[Prototype]) -> None:
        """Add prototypes to a name; durable on return.

        Raises:
            MemoryFolderError: they cannot be written. This, and what `check_room` raises, leaves everything as it was.
        """
        self.check_room(name)
        name = self.spelled(name)
        new = {**self._prototypes, name: _bounded([*self._prototypes.get(name, ()), *prototypes])}
        self._replace(new)

    def forget(self, names: Iterable[str]) -> None:
        """Drop these names; durable on return. Raises MemoryFolderError, then nothing changed."""
        gone = {self.spelled(name) for name in names} & set(self._prototypes)
        if gone:
            self._replace({name: kept for name, kept in self._prototypes.items() if name not in gone})

    def _replace(self, prototypes: dict[str, tuple[Prototype, ...]]) -> None:
        try:
            write_atomically(self._path, taught_json(prototypes))
        except OSError as error:
            raise MemoryFolderError(
                f"memory folder {self._path.parent}: the taught names cannot be written ({error.strerror}); "
                "check its disk, then teach again"
            ) from error
        self._prototypes = prototypes
        self._index()

    def _index(self) -> None:
        self._by_modality: dict[str, tuple[list[str], np.ndarray]] = {}
        for modality in MODALITIES:
            rows = [(n, p.embedding) for n, all_ in self._prototypes.items() for p in all_ if p.modality == modality]
            if rows:
                self._by_modality[modality] = ([name for name, _ in rows], np.stack([vector for _, vector in rows]))


def taught_json(prototypes: Mapping[str, Sequence[Prototype]]) -> bytes:
    """Names and prototypes as the file holds them; embeddings in half precision."""
    names = {
        name: [
            {
                "modality": one.modality,
                "embedding": base64.b64encode(one.embedding.astype("<f2").tobytes()).decode(),
                "words": one.words,
                "image": base64.b64encode(one.image).decode(),
            }
            for one in all_
        ]
        for name, all_ in prototypes.items()
    }
    return json_text({"format": FORMAT, "names": names}).encode()


def taught_of_json(content: bytes, dimension: int) -> dict[str, tuple[Prototype, ...]]:
    """What `taught_json` gave.

    Raises:
        InvalidMemory: it is not that.
    """
    try:
        data = json.loads(content)
        if data["format"] != FORMAT:
            raise ValueError(f"format {data['format']!r} is unknown")
        return {
            str(name): _bounded([_prototype(one, dimension) for one in all_]) for name, all_ in data["names"].items()
        }
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InvalidMemory(f"taught names: cannot be read ({type(error).__name__}: {error})") from error


def _prototype(data: Mapping[str, Any], dimension: int) -> Prototype:
    vector = np.frombuffer(base64.b64decode(data["embedding"], validate=True), "<f2").astype(np.float32)
    length = float(np.linalg.norm(vector))
    if vector.shape != (dimension,) or not abs(length - 1) < 0.01 or data["modality"] not in MODALITIES:
        raise ValueError(f"expected a {' or '.join(MODALITIES)} embedding of {dimension} values and unit length")
    image = base64.b64decode(data["image"], validate=True)
    return Prototype(data["modality"], vector / length, str(data["words"]), image)


def _bounded(prototypes: Sequence[Prototype]) -> tuple[Prototype, ...]:
    kept = [[one for one in prototypes if one.modality == modality][-MAX_PROTOTYPES:] for modality in MODALITIES]
    return tuple(one for of_modality in kept for one in of_modality)


def _read(path: Path, dimension: int) -> dict[str, tuple[Prototype, ...]]:
    try:
        return taught_of_json(path.read_bytes(), dimension)
    except FileNotFoundError:
        return {}
    except (OSError, InvalidMemory) as error:
        raise MemoryFolderError(
            f"memory folder {path.parent}: damaged ({path.name}: {error}); nothing was deleted: "
            "put back a backup, or move that file away to lose the taught names only"
        ) from error
