# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A camera that streams JPEGs over HTTP, as many network cameras do, with their ways to fail."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np


def jpeg_of(width: int, height: int) -> bytes:
    """A red picture."""
    return cv2.imencode(".jpg", np.full((height, width, 3), (0, 0, 255), np.uint8))[1].tobytes()


class NetworkCamera:
    """does: `play`; `hang` in the middle of a frame; `garbage` instead of a stream; `spoil` every second picture;
    `silent`: take the connection and say nothing. jpeg: the picture. pause: seconds between two.
    """

    def __init__(self, does: str = "play") -> None:
        self.address = ""
        self.does = does
        self.jpeg = jpeg_of(64, 48)
        self.pause = 0.01
        self.connections = 0
        self._ended = threading.Event()
        self.plug_in()

    def plug_in(self) -> None:
        self._ended.clear()
        port = int(self.address.rpartition(":")[2]) if self.address else 0
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def unplug(self) -> None:
        if self._ended.is_set():
            return
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def parts(self) -> Iterator[bytes]:
        """What is sent, until there is no more or the camera is unplugged."""
        noise = np.random.default_rng(0)
        number = 0
        while not self._ended.is_set():
            number += 1
            jpeg, does = self.jpeg, self.does
            if does == "spoil" and number % 2:
                jpeg = jpeg[:2] + noise.bytes(len(jpeg) - 4) + jpeg[-2:]
            part = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg) + jpeg + b"\r\n"
            if does == "garbage":
                yield noise.bytes(2000)
            elif does in ("hang", "silent"):
                yield part[: len(part) // 2] if does == "hang" else b""
                while self.does == does and not self._ended.wait(0.02):
                    pass
                return
            else:
                yield part
            time.sleep(self.pause)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                camera.connections += 1
                if camera.does != "silent":
                    self.send_response(200)
                    self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                    self.end_headers()
                try:
                    for part in camera.parts():
                        self.wfile.write(part)
                except OSError:  # nobody listens any longer
                    pass

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@contextmanager
def network_camera(does: str = "play") -> Iterator[NetworkCamera]:
    camera = NetworkCamera(does)
    try:
        yield camera
    finally:
        camera.unplug()
