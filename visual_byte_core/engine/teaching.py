# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Teaching by showing and saying: "this is Grandma's mug"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.engine.observed_frame import ObservedFrame
from visual_byte_core.engine.questions import Question
from visual_byte_core.errors import ConfigurationError
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.taught_names import Prototype
from visual_byte_core.rendering.thumbnail import reduced

MAX_FRAMES = 10
NO_FRAME = "no frame has arrived on the topic image; show the thing to the camera, then teach"


class NoFrame(ConfigurationError):
    """Something was to be done with a frame, and none was seen yet."""


def check_frames(frames: Sequence[ObservedFrame], asked_for: int = 1) -> None:
    """Raises NoFrame if there are none, ConfigurationError if more are asked for than are kept."""
    if not frames:
        raise NoFrame(NO_FRAME)
    if asked_for > MAX_FRAMES:
        raise ConfigurationError(f"teach: frames is {asked_for}; expected 1 to {MAX_FRAMES}")


def teach(
    embedder: Embedder,
    memory: Memory,
    name: str,
    asked: tuple[Question, np.ndarray] | None,
    frames: Sequence[ObservedFrame],
) -> list[str]:
    """Remember the frames under a name, and the name as it was typed and said; durable on return.

    name: may be empty if `asked`, a question and its embedding, was typed; a spoken one without a name gets a label of
    its own. A name that was taught before gets further examples. Returns the ids of the memories.
    Raises InvalidText (the name), ConfigurationError (neither name nor question, no frames, a question by photo),
    InvalidMemory (1000 names are taught already), MemoryFolderError.
    """
    check_frames(frames)
    prototypes = _prototypes(embedder, name, asked)
    label = name or next((one.words for one in prototypes if one.words), "")
    if not label and asked is not None:
        label = f"spoken name {asked[0].id[:8]}"
    memory.taught.check_room(label)
    label = memory.taught.spelled(label)
    ids: dict[str, None] = {}
    for observed in frames:
        embedding, observation = embedder.embed_photo(observed.image), replace(observed.observation, label=label)
        ids[memory.remember(embedding, observation, reduced(observed.image)).id] = None
    memory.flush()
    memory.taught.teach(label, prototypes)
    return list(ids)


def _prototypes(embedder: Embedder, name: str, asked: tuple[Question, np.ndarray] | None) -> list[Prototype]:
    if not name and asked is None:
        raise ConfigurationError("teach: neither a name nor a query; give one of them, or both")
    found = []
    if name:
        found.append(Prototype("text", embedder.embed_text(name), name))
    if asked is not None:
        question, embedding = asked
        if question.modality == "text":
            if question.text != name:
                found.append(Prototype("text", embedding, question.text))
        elif question.modality == "audio":
            png = cv2.imencode(".png", question.image[:, :, ::-1])[1].tobytes()
            found.append(Prototype("audio", embedding, image=png))
        else:
            raise ConfigurationError("teach: that query was a photo, which says no name; type or say it")
    return found
