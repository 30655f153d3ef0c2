# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A bag made of photos, sounds, typed names and poses, and the truth file that says what it shows and asks."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from visual_byte_core.bags.definitions import new_message
from visual_byte_core.bags.truth import ABSENT, write_truth
from visual_byte_core.bags.writing import BagWriter, Storage
from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.capture.sound_files import utterances_of
from visual_byte_core.dataset.class_folders import find_photos, find_speech
from visual_byte_core.dataset.spelling import names_by_slug, spelled
from visual_byte_core.errors import ConfigurationError, DataError, InvalidSound, printable
from visual_byte_core.messages.topic_types import COMPRESSED, COMPRESSED_SUFFIX, IMAGE, QUERY
from visual_byte_core.rendering.photo import read_photo
from visual_byte_core.rendering.speech import render_speech
from visual_byte_core.rendering.text import render_text

log = logging.getLogger("visual_byte")

TruthRow = tuple[str, str, float | None, float | None, str]
WHAT = ("show", "text", "speech", "picture", "pose")
POSE = "geometry_msgs/msg/PoseStamped"
TRANSPORTS = ("raw", "compressed")


@dataclass(frozen=True)
class Event:
    """One thing that happens `at` some seconds from the start: exactly one of show, text, speech, picture and pose.

    show: a photo in front of the camera for `seconds`, which shows `label` (its folder's name if empty).
    text, speech, picture: what is asked: a typed name, a sound file, a photo; expect: the labels that it is for, with |
    between them, or `absent`; if empty, the truth file says nothing of it. language: of the name, en or ko.
    pose: x y z in metres of the camera from now on, or these and its quaternion qx qy qz qw.
    """

    at: float
    show: str = ""
    label: str = ""
    seconds: float = 1.0
    text: str = ""
    speech: str = ""
    picture: str = ""
    expect: str = ""
    language: str = ""
    pose: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        named = [what for what in WHAT if getattr(self, what)]
        if len(named) != 1:
            raise ConfigurationError(f"event at {self.at:g} s: expected one of {', '.join(WHAT)}; got {named}")
        if self.at < 0 or self.seconds <= 0:
            raise ConfigurationError(f"event at {self.at:g} s: times are from 0 and seconds above 0")
        if len(self.pose) not in (0, 3, 7):
            raise ConfigurationError(f"event at {self.at:g} s: a pose is 3 or 7 numbers, got {len(self.pose)}")


@dataclass(frozen=True)
class BagPlan:
    """What happens in a bag.

    Attributes:
        events: in any order.
        start: seconds since 1970 of second 0.
        rate: frames a second.
        side: pixels of a frame's longer side; smaller photos stay as they are.
        frame_id: of the camera.
        map_id: frame of the poses.
        image_transport: whether frames are `raw` or, as JPEG, `compressed`.
    """

    events: tuple[Event, ...]
    start: float = 1_700_000_000.0
    rate: float = 2.0
    side: int = 640
    frame_id: str = "camera_optical_frame"
    map_id: str = "map"
    image_transport: str = "raw"

    @property
    def frames(self) -> tuple[str, str]:
        """Topic and type of the frames."""
        return ("/image", IMAGE) if self.image_transport == "raw" else (f"/image{COMPRESSED_SUFFIX}", COMPRESSED)

    def __post_init__(self) -> None:
        if not self.events or self.rate <= 0 or self.side < 1 or self.start < 0:
            raise ConfigurationError("a bag needs events, a rate and a side above 0 and a start from 0")
        if self.image_transport not in TRANSPORTS:
            raise ConfigurationError(f"image_transport is one of {', '.join(TRANSPORTS)}, got {self.image_transport!r}")


def plan_of_folders(
    bundle: Bundle, photos: Path, speech: Path | None, absent: Sequence[str], each: int, language: str = "en"
) -> BagPlan:
    """Show `each` photos of every class for a second; then ask for each class, typed and spoken, and for the absent.

    photos, speech: folders as `visual-byte evaluate` takes them. Raises DataError or another VisualByteError.
    """
    shown = _first_of_each([(file.slug, file.path) for file in find_photos(photos)], each)
    slugs = sorted({slug for slug, _ in shown})
    events = [Event(at=i, show=str(path.resolve()), label=slug) for i, (slug, path) in enumerate(shown)]
    names = spelled(slugs, names_by_slug(bundle), language)
    asked = [{"text": name, "expect": slug, "language": language} for slug, name in zip(slugs, names, strict=True)]
    if speech:
        spoken = find_speech(speech, language)
        said = _first_of_each([(f.slug, f.path) for f in spoken if f.slug in slugs], 1)
        if others := sorted({file.slug for file in spoken} - set(slugs)):
            log.warning("%s: left out, speech of %d names that have no photos: %s", speech, len(others), others[:10])
        if not said:
            raise DataError(f"{speech}: speech of no name that has photos; name its folders as those of {photos}")
        asked += [{"speech": str(path.resolve()), "expect": slug, "language": language} for slug, path in said]
    asked += [{"text": name, "expect": ABSENT, "language": language} for name in absent]
    events += [Event(at=len(shown) + i, **one) for i, one in enumerate(asked)]  # type: ignore[arg-type]
    return BagPlan(tuple(events))


def compose(plan: BagPlan, bundle: Bundle, out: Path, storage: Storage = "mcap", folder: Path = Path()) -> Path:
    """Write the bag `out` and `out`.truth.csv beside it. Returns the path of the truth; if it fails, neither is there.

    folder: what the plan's paths are relative to. Raises DataError, or what reading or rendering a file raises.
    """
    truth: list[TruthRow] = []
    writer = BagWriter(out, storage)
    path = out.with_name(f"{out.name}.truth.csv")
    try:
        with writer:
            messages = sorted(_messages(plan, bundle, folder, truth), key=lambda message: message[0])
            for at, topic, kind, make in tqdm(messages, desc="messages", delay=2, leave=False, disable=None):
                nanoseconds = round((plan.start + at) * 1e6) * 1000
                writer.write(topic, kind, nanoseconds, make(nanoseconds))
        write_truth(path, truth)
    except BaseException:
        shutil.rmtree(out, ignore_errors=True)  # half of a bag would be taken for a whole one
        path.unlink(missing_ok=True)
        raise
    return path


def _messages(
    plan: BagPlan, bundle: Bundle, folder: Path, truth: list[TruthRow]
) -> Iterator[tuple[float, str, str, Callable[[int], Any]]]:
    """Second, topic, type, and what makes the message of its nanoseconds, so that no two photos are held at a time."""
    poses = sorted((event for event in plan.events if event.pose), key=lambda event: event.at)
    number = 0
    for event in plan.events:
        if event.show:
            path = folder / event.show
            if not path.is_file():
                raise DataError(f"event at {event.at:g} s: {path}: no such photo")
            truth.append(("frame", "", event.at, event.at + event.seconds, event.label or printable(path.parent.name)))
            for i in range(max(1, round(event.seconds * plan.rate))):
                at = event.at + i / plan.rate
                if here := [pose for pose in poses if pose.at <= at]:
                    yield at, "/pose", POSE, _pose_maker(plan, here[-1].pose)
                yield at, *plan.frames, _frame_maker(plan, path)
        elif not event.pose:
            for picture, modality, text in _asked(event, bundle, folder):
                number += 1
                id = f"query-{number:04d}"
                if event.expect:
                    truth.append(("query", id, None, None, event.expect))
                fields = {"id": id, "modality": modality, "text": text, "language": event.language}
                rendered = "" if modality == "image" else bundle.renderer.digest()
                yield event.at, "/query", QUERY, _query_maker(picture, {**fields, "renderer": rendered})
    yield from ((pose.at, "/pose", POSE, _pose_maker(plan, pose.pose)) for pose in poses)


def _asked(event: Event, bundle: Bundle, folder: Path) -> Iterator[tuple[np.ndarray, str, str]]:
    """Picture, modality and text of each query that the nodes would make of an event."""
    renderer = bundle.renderer
    if event.text:
        yield render_text(event.text, renderer.size_of("text"), renderer.text), "text", event.text
    elif event.picture:
        yield read_photo(folder / event.picture), "image", printable(Path(event.picture).name)
    else:
        path = folder / event.speech
        heard = [utterance for _, utterance in utterances_of(path)]
        if not heard:
            raise InvalidSound(f"{path}: no utterance in it; record the name louder")
        for utterance in heard:
            yield (
                render_speech(utterance.samples, utterance.rate, renderer.size_of("audio"), renderer.speech),
                "audio",
                printable(path.stem),
            )


def _frame_maker(plan: BagPlan, path: Path) -> Callable[[int], Any]:
    def make(nanoseconds: int) -> Any:
        picture = read_photo(path)
        scale = min(1.0, plan.side / max(picture.shape[:2]))
        if scale < 1:
            width, height = (max(1, round(side * scale)) for side in picture.shape[1::-1])
            picture = cv2.resize(np.ascontiguousarray(picture), (width, height), interpolation=cv2.INTER_AREA)
        image = _image(picture, _header(nanoseconds, plan.frame_id))
        return image if plan.image_transport == "raw" else _compressed(image)

    return make


def _query_maker(picture: np.ndarray, fields: dict[str, str]) -> Callable[[int], Any]:
    def make(nanoseconds: int) -> Any:
        return new_message(QUERY, header=_header(nanoseconds), image=_image(picture, _header(0)), **fields)

    return make


def _pose_maker(plan: BagPlan, pose: tuple[float, ...]) -> Callable[[int], Any]:
    def make(nanoseconds: int) -> Any:
        x, y, z, qx, qy, qz, qw = (*pose, 0.0, 0.0, 0.0, 1.0)[:7]
        position = new_message("geometry_msgs/msg/Point", x=x, y=y, z=z)
        orientation = new_message("geometry_msgs/msg/Quaternion", x=qx, y=qy, z=qz, w=qw)
        placed = new_message("geometry_msgs/msg/Pose", position=position, orientation=orientation)
        return new_message(POSE, header=_header(nanoseconds, plan.map_id), pose=placed)

    return make


def _image(picture: np.ndarray, header: Any) -> Any:
    height, width = picture.shape[:2]
    data = np.ascontiguousarray(picture).reshape(-1)
    return new_message(IMAGE, header=header, height=height, width=width, encoding="rgb8", step=3 * width, data=data)


def _compressed(image: Any) -> Any:
    rgb = image.data.reshape(image.height, image.width, 3)
    jpeg = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95])[1].reshape(-1)
    return new_message(COMPRESSED, header=image.header, format="rgb8; jpeg compressed bgr8", data=jpeg)


def _header(nanoseconds: int, frame_id: str = "") -> Any:
    sec, nanosec = divmod(nanoseconds, 1_000_000_000)
    stamp = new_message("builtin_interfaces/msg/Time", sec=sec, nanosec=nanosec)
    return new_message("std_msgs/msg/Header", stamp=stamp, frame_id=frame_id)


def _first_of_each(files: Sequence[tuple[str, Path]], each: int) -> list[tuple[str, Path]]:
    """The first `each` of every slug, in order."""
    slugs = sorted({slug for slug, _ in files})
    return [(slug, path) for slug in slugs for path in sorted(p for s, p in files if s == slug)[:each]]
