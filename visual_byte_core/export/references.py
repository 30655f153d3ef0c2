# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What the float32 network made of fixed photos, typed names and sounds, stored.

So that no later change of a renderer, an operator or a quantization goes unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visual_byte_core.errors import DataError
from visual_byte_core.names import ClassName
from visual_byte_core.pretrained.renderers import render_speech, render_text
from visual_byte_core.rendering.photo import read_photo, render_photo
from visual_byte_core.rendering.settings import RendererSettings
from visual_byte_core.rendering.speech import read_sound

PHOTOS_OF_A_CLASS = 3
SPEEDS = (0.8, 0.86, 0.92, 0.96, 1.0, 1.04, 1.1, 1.18)  # of one recording, so that it counts as several
TONES = 8
TONE_RATE = 16_000
SAMPLED = 96  # values of a rendered image that are kept
TIE = 0.01  # of cosine: what is nearer together than this may change places
ARRAYS = ("items", "sampled", "embeddings", "cosines")


@dataclass(frozen=True)
class References:
    """What was made, and of what.

    Attributes:
        items: (n,) texts, `KIND name`.
        sampled: uint8 (n, 96), values at fixed places of the rendered images.
        embeddings: float32 (n, dimension), of the float32 network, to 16 bits.
        cosines: float32 (n,), of the shipped network to it when these were written.
    """

    items: NDArray[np.str_]
    sampled: NDArray[np.uint8]
    embeddings: NDArray[np.float32]
    cosines: NDArray[np.float32]

    def save(self, path: Path) -> None:
        """Raises OSError."""
        arrays = {name: getattr(self, name) for name in ARRAYS}
        arrays["embeddings"] = self.embeddings.astype(np.float16)  # which they came from
        with open(path, "wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: Path) -> References:
        """Raises DataError."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in ARRAYS}
        except (OSError, KeyError, ValueError) as error:
            raise DataError(
                f"{path}: not readable as references ({error}); write them with tools/write_golden_embeddings.py"
            ) from error
        arrays["embeddings"] = arrays["embeddings"].astype(np.float32)
        return cls(**arrays)


@dataclass(frozen=True)
class Agreement:
    """How a network's embeddings agree with the references.

    mean_cosine, min_cosine: to the float32 network's. same_top_1: share of names whose nearest photo, and of photos
    whose nearest typed name, is the float32 network's, or within 0.01 of it in its scores. same_top_1_strict: without
    that allowance. moved: mean difference of the cosines to those stored, 0 if nothing changed. changed_pixels: largest
    share, over the kinds of input, of sampled values that are over 3 levels off.
    """

    mean_cosine: float
    min_cosine: float
    same_top_1: float
    same_top_1_strict: float
    moved: float
    changed_pixels: float


def reference_inputs(
    photos: Path, sound: Path, names: Sequence[ClassName], renderer: RendererSettings
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """`KIND name` and the rendered image, uint8 (size, size, 3), of every fixed input, always in the same order.

    photos: folder of a folder for each class. sound: a recording of one word. Raises InvalidImage, InvalidSound.
    """
    for folder in sorted(path for path in photos.iterdir() if path.is_dir()):
        for path in sorted(folder.glob("*.jpg"))[:PHOTOS_OF_A_CLASS]:
            image = read_photo(path)
            wide = image[: 3 * image.shape[1] // 4]  # as a camera sees, so that the fit counts
            yield f"photo {folder.name}/{path.name}", render_photo(wide, renderer.size, renderer.photo)
    for name in names:
        yield f"text {name.en}", render_text(name.en, renderer.size_of("text"), renderer.text)
    samples, rate = read_sound(sound)
    for speed in SPEEDS:
        played = render_speech(samples, round(rate * speed), renderer.size_of("audio"), renderer.speech)
        yield f"sound {sound.name} at speed {speed}", played
    for number in range(TONES):
        yield (
            f"sound tone {number}",
            render_speech(_tone(number), TONE_RATE, renderer.size_of("audio"), renderer.speech),
        )


def write_references(
    inputs: Iterator[tuple[str, NDArray[np.uint8]]],
    exact: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    shipped: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
) -> References:
    """What two networks make of the same images.

    Args:
        inputs: what each image shows, as `items` of References, and the image, uint8 (size, size, 3).
        exact: embeds rendered images, uint8 (1, size, size, 3) -> float32 (1, dimension), in float32.
        shipped: likewise, as the bundle does it.
    """
    items, images = zip(*inputs, strict=True)
    embeddings = np.concatenate([exact(image[None]) for image in images]).astype(np.float16).astype(np.float32)
    cosines = np.concatenate(
        [np.sum(shipped(image[None]) * e, axis=1) for image, e in zip(images, embeddings, strict=True)]
    )
    return References(np.array(items), np.stack([_sample(image) for image in images]), embeddings, cosines)


def agreement(
    references: References,
    inputs: Iterator[tuple[str, NDArray[np.uint8]]],
    embed: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
) -> Agreement:
    """embed: as in `write_references`. Raises DataError if the inputs are not those of the references."""
    items, images = zip(*inputs, strict=True)
    if list(items) != list(references.items):
        raise DataError("references: made of other inputs; write them again with tools/write_golden_embeddings.py")
    found = np.concatenate([embed(image[None]) for image in images])
    cosines = np.sum(found * references.embeddings, axis=1)
    loose, strict = same_top_1(references, found)
    off = np.abs(np.stack([_sample(image) for image in images]).astype(int) - references.sampled) > 3
    kinds = _kinds(references)
    return Agreement(
        mean_cosine=float(cosines.mean()),
        min_cosine=float(cosines.min()),
        same_top_1=loose,
        same_top_1_strict=strict,
        moved=float(np.abs(cosines - references.cosines).mean()),
        changed_pixels=max(float(off[kinds == kind].mean()) for kind in set(kinds)),
    )


def same_top_1(references: References, found: NDArray[np.float32]) -> tuple[float, float]:
    """Share of inputs whose nearest neighbour stays the same, as near as .01 and exactly; found: float32 (n, d)."""
    photos = np.flatnonzero(_kinds(references) == "photo")
    texts = np.flatnonzero(_kinds(references) == "text")
    names = np.flatnonzero(_kinds(references) != "photo")
    losses = []
    for queries, gallery in ((names, photos), (photos, texts)):
        exact = references.embeddings[queries] @ references.embeddings[gallery].T
        chosen = (found[queries] @ found[gallery].T).argmax(axis=1)
        losses.append(exact.max(axis=1) - exact[np.arange(len(queries)), chosen])
    lost = np.concatenate(losses)
    return float((lost <= TIE).mean()), float((lost == 0).mean())


def _kinds(references: References) -> NDArray[np.str_]:
    return np.array([item.partition(" ")[0] for item in references.items])


def _sample(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Values at places that follow from the size alone.

    A digest would tell one rounding from the next, which differ from processor to processor.
    """
    places = np.random.default_rng(image.size).choice(image.size, SAMPLED, replace=False)
    return image.reshape(-1)[places]


def _tone(number: int) -> NDArray[np.float32]:
    """A gliding tone with overtones and a swell, 0.6 s at 16 kHz, a different one for every number."""
    seconds = np.arange(int(0.6 * TONE_RATE)) / TONE_RATE
    phase = 2 * np.pi * (110 * (1 + number / 4) * seconds + 60 * (number % 3 - 1) * seconds**2)
    swell = np.sin(np.pi * seconds / 0.6) ** (1 + number % 4)
    overtones = sum(np.sin(k * phase) / (1 + abs(k - 3 - number % 5)) for k in range(1, 12))
    return (0.1 * swell * overtones).astype(np.float32)
