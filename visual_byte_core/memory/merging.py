# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""When two observations are of one thing, and what a memory keeps of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from visual_byte_core.errors import InvalidImage
from visual_byte_core.memory.match import Match, Place
from visual_byte_core.memory.observation import Observation
from visual_byte_core.messages.poses import distance
from visual_byte_core.names import folded

SIDE = 8
CONTRAST = 50.0  # standard deviation that every reduced thumbnail is brought to
FLAT = 8.0  # of less contrast than about this, noise is not blown up to it
MAX_PLACES = 9  # the one where it is, and eight before


@dataclass(frozen=True)
class MergeSettings:
    """When an observation is of the same thing as one before; all must hold, and the map and its frame must be equal.

    within_s: to the last observation. embedding_cosine: at least. thumbnail_difference: mean absolute difference of
    the thumbnails, reduced to 8 x 8 and brought to the same brightness and contrast (standard deviation 50), at most; a
    observation without thumbnail is never merged. studies/memory_sequence.py measures both.

    If both were seen with a pose, `moved_within_s` counts where it is longer: the thing is still there if it is
    within `same_place_metres`, and has moved otherwise.

    A region of a frame is of the same thing as a region of another, never as a whole frame.

    An observation without label may be of a labelled thing, and a labelled one names a thing that had no label.
    """

    within_s: float = 60.0
    embedding_cosine: float = 0.9
    thumbnail_difference: float = 15.0
    enabled: bool = True
    same_place_metres: float = 1.0
    moved_within_s: float = 86400.0

    def span(self, *, pose_known: bool) -> float:
        """Seconds that may lie between two observations of one thing, if the pose of both is known or not."""
        return max(self.within_s, self.moved_within_s) if pose_known else self.within_s


@dataclass(frozen=True)
class Candidate:
    """A memory that an observation may be merged into.

    Attributes:
        row: in the store.
        match: without its thumbnail and score.
        picture: the thumbnail, as `coarse` has it, None if there is none.
    """

    row: int
    match: Match
    picture: NDArray[np.float32] | None


def same_thing(
    candidates: Iterable[Candidate], observation: Observation, picture: NDArray[np.float32], settings: MergeSettings
) -> Candidate | None:
    """The first of the candidates that shows the same thing as an observation, None if none does.

    Args:
        candidates: near enough in embedding, the nearest first.
        observation: what was seen now.
        picture: its thumbnail, as `coarse` has it.
        settings: how near in time, place and picture the same thing is.
    """
    for candidate in candidates:
        match, other = candidate.match, candidate.picture
        both_known = observation.pose is not None and match.pose is not None
        comparable = not both_known or match.pose_frame == observation.pose_frame
        near_in_time = abs(observation.captured_at - match.last_seen) <= settings.span(pose_known=both_known)
        alike = match.map_id == observation.map_id and bool(match.parent_id) == bool(observation.parent_id)
        fits = near_in_time and comparable and alike and _labels_agree(match, observation)
        if fits and other is not None and _difference(other, picture) <= settings.thumbnail_difference:
            return candidate
    return None


def merged(match: Match, observation: Observation, settings: MergeSettings) -> Match:
    """The memory with one observation more.

    Embedding, thumbnail, source and region stay those of the first, so that merging does not drift.
    """
    known: dict[str, Any] = {"times": match.times + 1, "label": match.label or observation.label}
    if observation.captured_at < match.last_seen:
        return replace(match, **known, first_seen=min(observation.captured_at, match.first_seen))
    if observation.pose is not None:
        places = _moved(match.places, observation, settings)
        known |= {"pose": observation.pose, "pose_frame": observation.pose_frame, "places": places}
    return replace(match, **known, last_seen=observation.captured_at, frame_id=observation.frame_id)


def _moved(places: tuple[Place, ...], observation: Observation, settings: MergeSettings) -> tuple[Place, ...]:
    assert observation.pose is not None
    if places and distance(places[-1].pose, observation.pose) <= settings.same_place_metres:
        here = replace(places[-1], pose=observation.pose, last_seen=observation.captured_at)
        return (*places[:-1], here)
    return (*places, Place(observation.pose, observation.captured_at, observation.captured_at))[-MAX_PLACES:]


def _labels_agree(match: Match, observation: Observation) -> bool:
    return not observation.label or not match.label or folded(match.label) == folded(observation.label)


def _difference(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return cv2.norm(one, other, cv2.NORM_L1) / one.size


def coarse(picture: np.ndarray) -> NDArray[np.float32]:
    """A thumbnail in few numbers of one contrast, so that another light makes no difference.

    Args:
        picture: uint8 (height, width, 3), RGB.

    Returns:
        float32 (8, 8, 3), each channel of mean 0.
    """
    small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    small -= cv2.mean(small)[:3]
    deviation = float(np.sqrt(np.vdot(small, small) / small.size))
    return small * np.float32(CONTRAST / (deviation + FLAT))


def coarse_jpeg(jpeg: bytes) -> NDArray[np.float32]:
    """The same of a thumbnail as it is kept. Raises InvalidImage if it is no JPEG."""
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise InvalidImage(f"thumbnail: expected a JPEG, got {len(jpeg)} bytes that are none")
    return coarse(picture)[:, :, ::-1]
