# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A bag through the same engine that runs on the robot: frames are remembered, queries answered, in the bag's order."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tqdm import tqdm

from visual_byte_core.bags.reading import Bag, Received
from visual_byte_core.bags.truth import Truth
from visual_byte_core.engine.answer import Answer
from visual_byte_core.engine.engine import Engine
from visual_byte_core.engine.settings import EngineSettings
from visual_byte_core.errors import InvalidImage, VisualByteError
from visual_byte_core.memory.match import Match
from visual_byte_core.memory.observation import Observation
from visual_byte_core.memory.pose_track import PoseLimits, PoseTrack
from visual_byte_core.messages.images import picture_of
from visual_byte_core.messages.poses import pose_reading
from visual_byte_core.messages.queries import read_query
from visual_byte_core.rendering.query import RenderedQuery

AT_LEISURE = EngineSettings(answer_within_s=None)  # a report must not depend on the machine

log = logging.getLogger("visual_byte")


@dataclass(frozen=True)
class ReplaySettings:
    """What of a bag is replayed, and how.

    Attributes:
        image: name of the topic.
        query: name of the topic.
        pose: name of the topic; no poses if empty.
        pose_limits: which poses are good enough.
        map_id: the map that the poses refer to.
        k: most matches, 1 or more.
        engine: how frames are kept and questions answered.
    """

    image: str
    query: str
    pose: str = ""
    pose_limits: PoseLimits = PoseLimits()
    map_id: str = ""
    k: int = 5
    engine: EngineSettings = AT_LEISURE


@dataclass(frozen=True)
class AnsweredQuery:
    """A query that was answered.

    Attributes:
        record: plain JSON data.
        picture: as rendered, uint8 (size, size, 3), None if it was rejected.
        thumbnails: JPEG of each of the record's `nearest`.
    """

    record: dict[str, Any]
    picture: np.ndarray | None
    thumbnails: list[bytes]


@dataclass
class Tally:
    """What came of the frames and poses, and seconds that frames and queries took. received: frames and queries."""

    received: int = 0
    frames: int = 0
    merged: int = 0
    malformed: int = 0
    memories: int = 0
    poses: dict[str, int] = field(default_factory=dict)
    first: float = 0.0
    last: float = 0.0
    frame_s: list[float] = field(default_factory=list)
    query_s: list[float] = field(default_factory=list)


class Replay:
    """Runs a bag through an engine with an empty memory. Iterate once: each query in the bag's order."""

    def __init__(self, bag: Bag, engine: Engine, truth: Truth | None, settings: ReplaySettings) -> None:
        self.tally = Tally()
        self._bag = bag
        self._engine = engine
        self._truth = truth
        self._settings = settings
        self._poses = PoseTrack(settings.pose_limits)
        self._numbers: dict[str, str] = {}
        self._seen: set[str] = set()

    def __iter__(self) -> Iterator[AnsweredQuery]:
        begun = False
        settings = self._settings
        topics = tuple(filter(None, (settings.image, settings.query, settings.pose)))
        for received in tqdm(
            self._bag.messages(topics),
            "replay",
            self._bag.count(topics),
            unit=" messages",
            delay=2,
            leave=False,
            disable=None,
        ):
            if not begun and received.topic != settings.pose:
                begun, self.tally.first = True, received.stamp
            self.tally.last = max(self.tally.last, received.stamp)
            self.tally.received += received.topic != settings.pose
            if received.topic == settings.image:
                self._remember(received)
            elif received.topic == settings.pose:
                self._place(received)
            else:
                yield self._ask(received)
        self.tally.memories = self._engine.memories
        self.tally.poses = dict(sorted(self._poses.counts.items()))

    def _remember(self, received: Received) -> None:
        begun = time.perf_counter()
        try:
            observation = Observation(
                captured_at=received.stamp,
                frame_id=received.message.header.frame_id,
                pose=self._poses.at(received.stamp),
                pose_frame=self._settings.pose_limits.frame_id,
                map_id=self._settings.map_id,
            )
            image = picture_of(received.message)
        except InvalidImage as error:
            self.tally.malformed += 1
            log.warning("frame at %.3f s ignored: %s", self._from_start(received.stamp), error)
            return
        remembered = self._engine.remember(image, observation).result()
        self.tally.frame_s.append(time.perf_counter() - begun)
        self.tally.frames += 1
        self.tally.merged += remembered.merged
        self._number(remembered.id)
        if self._truth:
            self._seen |= self._truth.shown(self._from_start(received.stamp))

    def _place(self, received: Received) -> None:
        if reason := self._poses.add(pose_reading(received.message, received.stamp)):
            log.warning("at %.3f s left out: %s", self._from_start(received.stamp), reason)

    def _ask(self, received: Received) -> AnsweredQuery:
        begun = time.perf_counter()
        query = received.message
        rendered: RenderedQuery | None = None
        answer: Answer | None = None
        reason = ""
        try:
            rendered = self._engine.render(read_query(query))
            answer = self._engine.ask(rendered, k=self._settings.k, id=query.id).result()
            reason = answer.reason
        except VisualByteError as error:
            reason = str(error)
        self.tally.query_s.append(time.perf_counter() - begun)
        nearest = self._described(answer) if answer else []
        record = {
            "time": self._from_start(received.stamp),
            "id": query.id,
            "modality": query.modality,
            "language": query.language,
            "text": query.text,
            "status": answer.status if answer else "REJECTED",
            "reason": reason,
            "threshold": round(answer.threshold, 6) if answer else None,
            "matches": nearest[: len(answer.matches)] if answer else [],
            "nearest": nearest,
            **self._judged(query.id, received.stamp, answer, nearest),
        }
        thumbnails = [match.thumbnail for match in answer.nearest] if answer else []
        return AnsweredQuery(record, rendered.image if answer and rendered else None, thumbnails)

    def _described(self, answer: Answer) -> list[dict[str, Any]]:
        return [
            self._match(match, probability)
            for match, probability in zip(answer.nearest, answer.probability, strict=True)
        ]

    def _match(self, match: Match, probability: float) -> dict[str, Any]:
        first, last = self._from_start(match.first_seen), self._from_start(match.last_seen)
        described: dict[str, Any] = {
            "memory": self._number(match.id),
            "label": match.label,
            "score": round(match.score, 6),
            "probability": round(probability, 6),
            "first_seen": first,
            "last_seen": last,
            "times": match.times,
            "frame_id": match.frame_id,
            "pose": None if match.pose is None else [round(value, 6) for value in match.pose],
            "pose_frame": match.pose_frame,
            "map_id": match.map_id,
            "region": None if match.region is None else list(match.region),
        }
        if self._truth:
            described["shows"] = sorted(self._truth.shown(first) | self._truth.shown(last))
        return described

    def _judged(self, id: str, stamp: float, answer: Answer | None, nearest: list[dict[str, Any]]) -> dict[str, Any]:
        """What the truth says of an answer.

        verdict: right, wrong (something else was found), missed, rightly not found, false accept (found though absent
        or not yet seen), rejected. rank: of the first nearest memory that shows what was asked for, 1 is the best.
        """
        asked = self._truth.asked(id, self._from_start(stamp)) if self._truth else None
        if asked is None:
            return {}
        present = bool(asked & self._seen)
        ranks = [i for i, match in enumerate(nearest, 1) if asked & set(match["shows"])]
        if answer is None:
            verdict = "rejected"
        elif answer.status == "FOUND":
            verdict = ("right" if ranks[:1] == [1] else "wrong") if present else "false accept"
        else:
            verdict = "missed" if present else "rightly not found"
        return {"asked": sorted(asked), "present": present, "rank": ranks[0] if ranks else None, "verdict": verdict}

    def _number(self, id: str) -> str:
        """A name for a memory that is the same in every run, which its identifier is not."""
        return self._numbers.setdefault(id, f"m{len(self._numbers) + 1}")

    def _from_start(self, stamp: float) -> float:
        return round(stamp - self.tally.first, 6)  # what is left of a microsecond is rounding
