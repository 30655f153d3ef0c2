# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Frames from a camera, a video, numbered images or a folder of photos."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

import cv2

from visual_byte_core.capture.camera import CameraFrames, is_stream, without_password
from visual_byte_core.capture.frame import Frame, Frames
from visual_byte_core.data_files import data_files, expected
from visual_byte_core.errors import ConfigurationError, DataError, DeviceError, InvalidImage, printable
from visual_byte_core.rendering.photo import MAX_PIXELS, eight_bit_colour, read_photo

SOURCES = ("device", "file", "images", "folder")
ESTIMATED_SHARE = 0.05  # of the frames of a video: some formats only estimate how many there are


@dataclass(frozen=True)
class FrameSettings:
    """Where frames come from.

    Attributes:
        source: `device` (a camera), `file` (a video), `images` (numbered images) or `folder` (photos in it and below
            it).
        device: index of the camera ("0"), its path ("/dev/video0") or the address of a stream ("http://...").
        path: the video, the pattern of the numbered images ("frame_%04d.png") or the folder.
        rate: frames a second; 0 is the source's own: every frame of a camera, a video as recorded, one photo a second.
        loop: start again at the end; a camera has none.
        width: pixels asked of a camera, 0 for its own; files are shown as they are.
        height: as `width`.
        silent_after_s: seconds without a frame after which a camera counts as lost.
    """

    source: str = "device"
    device: str = "0"
    path: str = ""
    rate: float = 0.0
    loop: bool = True
    width: int = 0
    height: int = 0
    silent_after_s: float = 2.0

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise ConfigurationError(f"source must be one of {', '.join(SOURCES)}, got {self.source!r}")
        if self.source != "device" and not self.path:
            raise ConfigurationError(f"path is empty; source {self.source!r} needs the path to play")
        if min(self.rate, self.width, self.height) < 0 or self.silent_after_s <= 0:
            raise ConfigurationError(
                f"rate, width and height must not be negative and silent_after_s must be over 0, got {self}"
            )
        if self.source == "device":
            is_stream(self.device)

    @property
    def name(self) -> str:
        """What is played, to show; without a password."""
        return without_password(self.device) if self.source == "device" else self.path


def open_frames(settings: FrameSettings, *, wait_s: float = 2.0) -> Frames:
    """Open the source that `settings` names.

    Args:
        wait_s: seconds to wait for a camera to open.

    Raises:
        DeviceError: the source is not there; a camera that neither opens nor refuses while we wait says so later.
    """
    if settings.source == "device":
        size = (settings.width, settings.height)
        return CameraFrames(settings.device, settings.rate, size, settings.silent_after_s, wait_s=wait_s)
    if settings.source == "file":
        return VideoFrames(settings)
    return PhotoFrames(settings)


class VideoFrames:
    """A video file."""

    live = False
    dropped = 0

    def __init__(self, settings: FrameSettings) -> None:
        self._path = settings.path
        self._loop = settings.loop
        self._capture = self._open()
        self._count = 0
        self._told_short = False
        own = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = settings.rate or (own if 0 < own <= 1000 else 30.0)

    def read(self) -> Frame | None:
        decoded, image = self._capture.read()
        if not decoded and not self._told_short and (short := self._missing()):
            self._told_short = True
            raise InvalidImage(short)
        if not decoded and self._count and self._loop:
            self._capture.release()
            self._capture = self._open()
            self._count = 0
            decoded, image = self._capture.read()
        if not decoded or image is None:
            if self._count:
                return None
            raise DeviceError(f"{self._path}: no frame in it can be decoded; convert it to MP4 or AVI")
        self._count += 1
        name = f"{self._path}#{self._count}"
        return Frame(eight_bit_colour(image, self._path), "bgr", name, time.monotonic())

    def _missing(self) -> str:
        """What to say of a video that ends before its header says; empty if all is there."""
        promised = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        if not self._count or self._count >= (1 - ESTIMATED_SHARE) * promised:
            return ""
        return f"{self._path}: ends after {self._count} of {promised} frames; copy it again, or convert it"

    def close(self) -> None:
        self._capture.release()

    @property
    def closed(self) -> bool:
        return not self._capture.isOpened()

    def _open(self) -> cv2.VideoCapture:
        if not Path(self._path).is_file():
            raise DeviceError(f"{self._path}: there is no such video; check `path`")
        capture = cv2.VideoCapture(self._path)
        if not capture.isOpened():
            raise DeviceError(f"{self._path}: OpenCV cannot open it; expected a video (MP4, AVI)")
        width, height = (capture.get(key) for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if width * height > MAX_PIXELS:
            raise DeviceError(f"{self._path}: {width:g}x{height:g} is over {MAX_PIXELS} pixels; scale it down")
        return capture


class PhotoFrames:
    """Photos: numbered images, or all in a folder and below it in the order of their paths; named by their path."""

    live = False
    dropped = 0

    def __init__(self, settings: FrameSettings) -> None:
        self.rate = settings.rate or 1.0
        self._path = Path(settings.path)
        self._numbered = settings.source == "images"
        self._folder = self._path.parent if self._numbered else self._path
        self._loop = settings.loop
        self._unreadable: set[Path] = set()
        self._listed = False
        self._paths = self._list()
        self._next = 0

    def read(self) -> Frame | None:
        if self._next == len(self._paths):
            if not self._loop:
                return None
            self._paths, self._next = self._list(), 0
        path = self._paths[self._next]
        self._next += 1
        try:
            name = printable(path.relative_to(self._folder).as_posix())
            return Frame(read_photo(path), "rgb", name, time.monotonic())
        except InvalidImage:
            self._check_folder()  # it may be the one that is gone
            self._unreadable.add(path)
            raise

    def close(self) -> None:
        self._paths, self._next = [], 0

    @property
    def closed(self) -> bool:
        return not self._paths

    def _list(self) -> list[Path]:
        """The photos to show; those that could not be read are not tried, and named, again."""
        self._check_folder()
        paths = numbered_images(self._path) if self._numbered else self._photos_below()
        readable = [path for path in paths if path not in self._unreadable]
        if readable:
            return readable
        wanted = (
            f"files that {self._path.name} counts, such as frame_0001.png for frame_%04d.png"
            if self._numbered
            else expected("photo")
        )
        raise DeviceError(
            f"{self._path}: holds no readable photo ({len(paths)} that cannot be read); expected {wanted}"
        )

    def _photos_below(self) -> list[Path]:
        try:
            files = data_files(self._folder, "photo")
        except DataError as error:  # it has just gone, or may not be read
            raise DeviceError(str(error)) from error
        if not self._listed:
            files.tell()
        self._listed = True
        return files.found

    def _check_folder(self) -> None:
        if not self._folder.is_dir():
            raise DeviceError(f"{self._folder}: there is no such folder; check `path`")


def numbered_images(pattern: Path) -> list[Path]:
    """The files of a pattern such as `folder/frame_%04d.png`, in the order of their numbers; gaps are no matter.

    Raises:
        ConfigurationError: the file's name does not hold exactly one number as %d or %04d.
    """
    parts = re.fullmatch(r"([^%]*)%(0\d+)?d([^%]*)", pattern.name)
    if parts is None:
        raise ConfigurationError(
            f"path {str(pattern)!r}: expected one number in the file's name, as in frame_%04d.png or photo%d.jpg"
        )
    before, digits, after = parts.groups()
    number = rf"(\d{{{int(digits)},}})" if digits else r"(\d+)"
    name = re.compile(re.escape(before) + number + re.escape(after))
    found = [(int(match[1]), path) for path in pattern.parent.iterdir() if (match := name.fullmatch(path.name))]
    return [path for _, path in sorted(found)]
