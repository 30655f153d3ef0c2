# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Frames from a camera, a video, numbered images or a folder of photos."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from visual_byte_core.errors import ConfigurationError, DeviceError, InvalidImage
from visual_byte_core.rendering.photo import read_photo

SOURCES = ("device", "file", "images", "folder")
PHOTO_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


@dataclass(frozen=True)
class FrameSettings:
    """Where frames come from.

    source: `device` (a camera), `file` (a video), `images` (numbered images) or `folder` (photos in it and below it).
    device: index of the camera ("0"), its path ("/dev/video0") or the address of a stream ("http://...").
    path: the video, the pattern of the numbered images ("frame_%04d.png") or the folder.
    rate: frames a second; 0 is the source's own: every frame of a camera, a video as recorded, one photo a second.
    loop: start again at the end; a camera has none.
    width, height: pixels asked of a camera, 0 for its own; files are shown as they are.
    """

    source: str = "device"
    device: str = "0"
    path: str = ""
    rate: float = 0.0
    loop: bool = True
    width: int = 0
    height: int = 0

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise ConfigurationError(f"source must be one of {', '.join(SOURCES)}, got {self.source!r}")
        if self.source != "device" and not self.path:
            raise ConfigurationError(f"path is empty; source {self.source!r} needs the path to play")
        if min(self.rate, self.width, self.height) < 0:
            raise ConfigurationError(f"rate, width and height must not be negative, got {self}")


@dataclass(frozen=True)
class Frame:
    """image: uint8 (height, width, 3); channel_order: `rgb` or `bgr`; name: the file, or the video and frame number."""

    image: np.ndarray
    channel_order: str
    name: str


class Frames(Protocol):
    """A source of frames that is open."""

    live: bool
    """Frames come at their own pace, and the newest one counts."""
    rate: float
    """Frames a second to play at."""

    def read(self) -> Frame | None:
        """The next frame, None after the last.

        Raises:
            InvalidImage: this one cannot be read; the next call goes on behind it.
            DeviceError: the source is lost.
        """

    def close(self) -> None: ...


def open_frames(settings: FrameSettings) -> Frames:
    """Open the source that `settings` names. Raises DeviceError if it is not there."""
    if settings.source == "device":
        return CameraFrames(settings)
    if settings.source == "folder":
        return FolderFrames(settings)
    return VideoFrames(settings)


class CameraFrames:
    """A camera; of the frames it delivers, those due at `rate` are decoded and the others dropped unseen."""

    live = True

    def __init__(self, settings: FrameSettings) -> None:
        self.rate = settings.rate
        self._name = settings.device
        self._capture = cv2.VideoCapture(int(settings.device) if settings.device.isdecimal() else settings.device)
        if not self._capture.isOpened():
            raise DeviceError(
                f"camera {settings.device!r}: cannot be opened; check that it is plugged in (ls /dev/video*), that no"
                " other program uses it and that this user is in the group video, or set another `device`"
            )
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        if settings.width:
            self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, settings.width)
        if settings.height:
            self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, settings.height)
        self._count = 0
        self._due = time.monotonic()

    def read(self) -> Frame:
        while True:
            if not self._capture.grab():
                raise self._lost()
            self._count += 1
            now = time.monotonic()
            if now >= self._due:
                break
        if self.rate:
            self._due = max(self._due + 1 / self.rate, now)
        decoded, image = self._capture.retrieve()
        if not decoded or image is None:
            raise self._lost()
        return Frame(_three_channels(image), "bgr", f"{self._name}#{self._count}")

    def close(self) -> None:
        self._capture.release()

    def _lost(self) -> DeviceError:
        return DeviceError(f"camera {self._name!r}: delivers no more frames; check its cable")


class VideoFrames:
    """A video file or numbered images."""

    live = False

    def __init__(self, settings: FrameSettings) -> None:
        self._path = settings.path
        self._backend = cv2.CAP_IMAGES if settings.source == "images" else cv2.CAP_ANY
        self._loop = settings.loop
        self._capture = self._open()
        self._count = 0
        own = self._capture.get(cv2.CAP_PROP_FPS) if settings.source == "file" else 1.0
        self.rate = settings.rate or (own if 0 < own <= 1000 else 30.0)

    def read(self) -> Frame | None:
        decoded, image = self._capture.read()
        if not decoded and self._count and self._loop:
            self._capture.release()
            self._capture = self._open()
            self._count = 0
            decoded, image = self._capture.read()
        if not decoded or image is None:
            if self._count:
                return None
            raise DeviceError(f"{self._path}: no frame in it can be decoded; convert it to MP4, AVI or PNG")
        self._count += 1
        return Frame(_three_channels(image), "bgr", f"{self._path}#{self._count}")

    def close(self) -> None:
        self._capture.release()

    def _open(self) -> cv2.VideoCapture:
        if self._backend == cv2.CAP_ANY and not Path(self._path).is_file():
            raise DeviceError(f"{self._path}: there is no such video; check `path`")
        capture = cv2.VideoCapture(self._path, self._backend)
        if not capture.isOpened():
            raise DeviceError(
                f"{self._path}: OpenCV cannot open it; expected a video (MP4, AVI) for source `file`,"
                " a pattern such as frame_%04d.png for source `images`"
            )
        return capture


class FolderFrames:
    """All photos in a folder and below it, in the order of their paths; named by their path inside the folder."""

    live = False

    def __init__(self, settings: FrameSettings) -> None:
        self.rate = settings.rate or 1.0
        self._folder = Path(settings.path)
        self._loop = settings.loop
        self._unreadable: set[Path] = set()
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
            return Frame(read_photo(path), "rgb", path.relative_to(self._folder).as_posix())
        except InvalidImage:
            self._unreadable.add(path)
            raise

    def close(self) -> None:
        self._paths, self._next = [], 0

    def _list(self) -> list[Path]:
        """The photos to show; those that could not be read are not tried, and named, again."""
        if not self._folder.is_dir():
            raise DeviceError(f"{self._folder}: there is no such folder; check `path`")
        paths = sorted(p for p in self._folder.rglob("*") if p.suffix.lower() in PHOTO_SUFFIXES and p.is_file())
        readable = [path for path in paths if path not in self._unreadable]
        if not readable:
            raise DeviceError(
                f"{self._folder}: holds no readable photo ({len(paths)} that cannot be read);"
                f" expected files that end in {', '.join(sorted(PHOTO_SUFFIXES))}"
            )
        return readable


def _three_channels(image: np.ndarray) -> np.ndarray:
    """Some drivers deliver grey frames."""
    return image if image.ndim == 3 and image.shape[2] == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
