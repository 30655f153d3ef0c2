# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Frames from a camera or a network stream, read by a thread of their own: a driver that hangs holds up nobody."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from typing import NoReturn

import cv2

from visual_byte_core.capture.frame import Frame
from visual_byte_core.errors import ConfigurationError, DeviceError, InvalidImage, VisualByteError
from visual_byte_core.rendering.photo import decode_photo, eight_bit_colour

STREAM_SCHEMES = ("http", "https", "rtmp", "rtmps", "rtp", "rtsp", "rtsps", "srt", "tcp", "udp")
OPEN_S = 10.0
POLL_S = 0.1
THREAD = "camera"
MJPEG = int.from_bytes(b"MJPG", "little")


class CameraFrames:
    """A camera or stream; of the frames it delivers, those due at `rate` are decoded and the others dropped unseen.

    device: index ("0"), path ("/dev/video0") or address ("rtsp://..."). rate: frames a second, 0 for all.
    size: (width, height) in pixels to ask of a camera, 0 for its own.
    silent_after_s: seconds without a frame after which `read` raises.
    wait_s: seconds to wait for the camera to open. One that refuses in that time raises DeviceError here, else in
    `read`.
    """

    live = True

    def __init__(
        self, device: str, rate: float, size: tuple[int, int], silent_after_s: float, *, wait_s: float = 0.0
    ) -> None:
        self.rate = rate
        self.dropped = 0
        self._device, self._size, self._silent_after_s = device, size, silent_after_s
        self._name = without_password(device)
        self._changed = threading.Condition()
        self._newest: Frame | None = None
        self._failure: VisualByteError | None = None
        self._opened = self._closing = False
        self._heard = self._due = time.monotonic()
        self._count = 0
        # A daemon: it may sit in a driver's call for as long as the driver likes; it lets go of the camera by itself.
        self._thread = threading.Thread(target=self._pump, name=THREAD, daemon=True)
        self._thread.start()
        with self._changed:
            self._changed.wait_for(lambda: self._opened or self._failure, wait_s)
            if self._failure and not self._opened:
                raise self._failure

    def read(self) -> Frame | None:
        """The newest frame, None if there is no new one within POLL_S. Raises DeviceError, InvalidImage."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest or self._failure, POLL_S)
            if self._newest:
                frame, self._newest = self._newest, None
                return frame
            failure = self._failure
            if isinstance(failure, InvalidImage):
                self._failure = None
            if failure:
                raise failure
        silent = time.monotonic() - self._heard
        if silent > (self._silent_after_s if self._opened else OPEN_S):
            raise self._lost("sends nothing" if self._opened else "does not answer")
        return None

    def close(self) -> None:
        """Let go of the camera, at once or, where its driver hangs, as soon as the driver comes back."""
        self._closing = True
        self._thread.join(POLL_S)

    @property
    def closed(self) -> bool:
        return not self._thread.is_alive()

    def _pump(self) -> None:
        capture = None
        try:
            capture = self._open()
            sends_jpeg = _take_jpeg_as_it_comes(capture) if is_stream(self._device) else False
            while not self._closing:
                self._deliver(capture, sends_jpeg)
        except VisualByteError as error:
            self._tell(error)
        except Exception as error:  # whatever a driver raises, it is lost, and the player tries again
            self._tell(self._lost(f"its driver fails ({error})"))
        finally:
            if capture is not None:
                capture.release()

    def _open(self) -> cv2.VideoCapture:
        capture = _capture(self._device, self._silent_after_s)
        if not capture.isOpened():
            raise self._not_opened()
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        for key, pixels in zip((cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT), self._size, strict=True):
            if pixels:
                capture.set(key, pixels)
        with self._changed:
            self._heard = self._due = time.monotonic()
            self._opened = True
            self._changed.notify_all()
        return capture

    def _deliver(self, capture: cv2.VideoCapture, sends_jpeg: bool) -> None:
        if not capture.grab():
            raise self._lost("stopped delivering frames")
        now = self._heard = time.monotonic()
        self._count += 1
        if now < self._due:
            return
        if self.rate:
            self._due = max(self._due + 1 / self.rate, now)
        decoded, image = capture.retrieve()
        if not decoded or image is None:
            raise self._lost("delivers frames that cannot be decoded")
        name = f"{self._name}#{self._count}"
        try:
            if sends_jpeg:
                jpeg = image.tobytes()
                frame = Frame(decode_photo(jpeg, self._name), "rgb", name, now, jpeg)
            else:
                frame = Frame(eight_bit_colour(image, self._name), "bgr", name, now)
        except InvalidImage as error:
            self._tell(error)
            return
        with self._changed:
            self.dropped += self._newest is not None
            self._newest = frame
            self._changed.notify_all()

    def _tell(self, failure: VisualByteError) -> None:
        with self._changed:
            self._failure = failure
            self._changed.notify_all()

    def _lost(self, what: str) -> DeviceError:
        check = "check the address and the network" if is_stream(self._device) else "check its cable"
        return DeviceError(f"camera {self._name!r}: {what}; {check}")

    def _not_opened(self) -> DeviceError:
        if is_stream(self._device):
            check = "check its address, that it is on, and that this machine reaches it"
        else:
            check = (
                "check that it is plugged in (ls /dev/video*), that no other program uses it and that this user is in"
                " the group video, or set another `device`"
            )
        return DeviceError(f"camera {self._name!r}: cannot be opened; {check}")


def end_process(code: int) -> NoReturn:
    """Exit; without tidying up if a camera's driver still hangs, for Python aborts when a driver returns into that."""
    if any(thread.name == THREAD for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def is_stream(device: str) -> bool:
    """Whether `device` is an address.

    Raises:
        ConfigurationError: it is one of no kind that is played.
    """
    scheme, separator, _ = device.partition("://")
    if separator and scheme.lower() not in STREAM_SCHEMES:
        raise ConfigurationError(
            f"device {without_password(device)!r}: expected an index, a path, or an address that begins with one of"
            f" {', '.join(STREAM_SCHEMES)}"
        )
    return bool(separator)


def without_password(device: str) -> str:
    """The address as it may be shown: rtsp://user:***@host/path."""
    return re.sub(r"://([^/@:]*):[^/]*@", r"://\1:***@", device)


def _capture(device: str, silent_after_s: float) -> cv2.VideoCapture:
    if is_stream(device):
        # FFmpeg gives up some time after nobody waits for it any more, and the thread ends.
        open_ms, read_ms = round(OPEN_S * 1000), round(silent_after_s * 1000)
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, open_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, read_ms]
        return cv2.VideoCapture(device, cv2.CAP_FFMPEG, limits)
    # Where OpenCV has GStreamer it would come first, and it does not pass width and height on.
    backend = cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY
    return cv2.VideoCapture(int(device) if device.isdecimal() else device, backend)


def _take_jpeg_as_it_comes(capture: cv2.VideoCapture) -> bool:
    """Whether `retrieve` gives the JPEG of the camera from now on.

    It need not be encoded again, frames that are not due are not decoded, and a change of its size, after which OpenCV
    gives the last picture of the old size forever, is nothing special.
    """
    return int(capture.get(cv2.CAP_PROP_FOURCC)) == MJPEG and capture.set(cv2.CAP_PROP_FORMAT, -1)
