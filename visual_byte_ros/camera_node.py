# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Publishes the frames of a camera, a video, numbered images or a folder of photos."""

from __future__ import annotations

import sys
import time

from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from visual_byte.msg import Source
from visual_byte_core.capture.frames import SOURCES, Frame, FrameSettings
from visual_byte_core.capture.player import FramePlayer
from visual_byte_ros.images import to_message
from visual_byte_ros.interfaces import Interfaces, Topic
from visual_byte_ros.lifecycle import ManagedNode, run
from visual_byte_ros.messages import NEWEST_FRAME, RELIABLE
from visual_byte_ros.parameters import AUTOSTART, Parameter

PARAMETERS = (
    AUTOSTART,
    Parameter("source", "device", "Where frames come from.", choices=SOURCES),
    Parameter(
        "device",
        "0",
        "The camera, for source device.",
        expected="index (0), path (/dev/video0) or address of a stream (http://...)",
        number_too=True,
    ),
    Parameter(
        "path",
        "",
        "What to play, for the other sources: a video (file), a pattern (images) or a folder of photos (folder).",
        expected="path of a file or folder, or a pattern such as frame_%04d.png",
    ),
    Parameter(
        "rate",
        10.0,
        "Frames a second; 0 is the source's own: all that a camera gives, a video as recorded, one photo a second.",
        0.0,
        240.0,
        unit="Hz",
    ),
    Parameter("loop", True, "Begin again at the end of a video, of numbered images or of a folder."),
    Parameter("frame_id", "camera", "frame_id in the header of each image.", expected="name of a coordinate frame"),
    Parameter("width", 0, "Width in pixels to ask of a camera; 0 leaves it as it is.", 0, 7680, unit="px"),
    Parameter("height", 0, "Height in pixels to ask of a camera; 0 leaves it as it is.", 0, 4320, unit="px"),
)
IMAGE = Topic("image", Image, NEWEST_FRAME, "The frame: rgb8 or bgr8, stamped with the time of its capture.")
SOURCE = Topic("~/source", Source, RELIABLE, "The name of the file or device that the frame of this stamp is from.")
INTERFACES = Interfaces(publishes=(IMAGE, SOURCE))
SILENT_SECONDS = 3.0


class CameraNode(ManagedNode):
    """Topics `image` (the frame) and `~/source` (where it came from), with the same header."""

    sends_whole_frames = True

    def __init__(self) -> None:
        super().__init__("camera_node", PARAMETERS)
        self._player: FramePlayer | None = None

    def open(self) -> None:
        settings = FrameSettings(
            source=self.parameters["source"],
            device=self.parameters["device"],
            path=self.parameters["path"],
            rate=self.parameters["rate"],
            loop=self.parameters["loop"],
            width=self.parameters["width"],
            height=self.parameters["height"],
        )
        self._frame_id = self.parameters["frame_id"]
        self._images = self.publish_on(IMAGE)
        self._sources = self.publish_on(SOURCE)
        self._player = FramePlayer(settings, self._publish, self.get_logger(), wanted=self._is_subscribed)

    def start(self) -> None:
        self._player.start()

    def stop(self) -> None:
        if self._player:
            self._player.stop()

    def close(self) -> None:
        if self._player:
            self._player.close()
            self._player = None

    def diagnose(self) -> tuple[bytes, str, dict[str, object]]:
        player = self._player
        silent = time.monotonic() - player.newest
        values = {
            "source": player.settings.path or player.settings.device,
            "frames": player.shown,
            "unreadable frames": len(player.unreadable),
            "seconds since the newest frame": f"{silent:.1f}",
        }
        if player.state.startswith("lost"):
            return DiagnosticStatus.ERROR, player.state, values
        if player.state == "playing" and silent > SILENT_SECONDS + 1 / (player.settings.rate or 1):
            return DiagnosticStatus.ERROR, f"no frame for {silent:.0f} s", values
        return (DiagnosticStatus.WARN if player.unreadable else DiagnosticStatus.OK), player.state, values

    def _publish(self, frame: Frame) -> None:
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id=self._frame_id)
        # The name first: who sees the image can look it up.
        self._sources.publish(Source(header=header, name=frame.name))
        image = to_message(frame.image, f"{frame.channel_order}8")
        image.header = header
        self._images.publish(image)

    def _is_subscribed(self) -> bool:
        return self._images.get_subscription_count() > 0


def main() -> None:
    sys.exit(run([CameraNode]))


if __name__ == "__main__":
    main()
