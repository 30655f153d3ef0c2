# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Publishes the frames of a camera, a video, numbered images or a folder of photos."""

from __future__ import annotations

import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from visual_byte.msg import Source
from visual_byte_core.capture.camera import end_process
from visual_byte_core.capture.capture_stamps import CaptureStamps
from visual_byte_core.capture.frame import Frame
from visual_byte_core.capture.frame_player import FramePlayer, PlayerReport
from visual_byte_core.capture.frame_sources import FrameSettings
from visual_byte_core.capture.lens_calibration import LensCalibration, read_lens_calibration
from visual_byte_core.capture.source_state import SourceState
from visual_byte_ros.camera_parameters import PARAMETERS
from visual_byte_ros.image_messages import to_compressed_message, to_message
from visual_byte_ros.interfaces import Interfaces, Topic
from visual_byte_ros.lifecycle import ManagedNode, run
from visual_byte_ros.qos import NEWEST_FRAME, RELIABLE

IMAGE = Topic("image", Image, NEWEST_FRAME, "The frame: rgb8 or bgr8, stamped with the time of its capture.")
COMPRESSED = Topic("image/compressed", CompressedImage, NEWEST_FRAME, "The same as JPEG.")
CAMERA_INFO = Topic("camera_info", CameraInfo, NEWEST_FRAME, "The calibration, with the header of the frame.")
SOURCE = Topic("~/source", Source, RELIABLE, "The name of the file or device that the frame of this stamp is from.")
INTERFACES = Interfaces(publishes=(IMAGE, COMPRESSED, CAMERA_INFO, SOURCE))
NOTABLY_AHEAD = 0.1  # seconds


class CameraNode(ManagedNode):
    """Topics `image`, `image/compressed`, `camera_info` and `~/source` (where it came from), with the same header."""

    sends_whole_frames = True

    def __init__(self, **options: object) -> None:
        super().__init__("camera_node", PARAMETERS, **options)
        self._player: FramePlayer | None = None

    def open(self) -> None:
        url = self.parameters["camera_info_url"]
        self._calibration: LensCalibration | None = read_lens_calibration(url) if url else None
        self._frame_id = self.parameters["frame_id"]
        self._images = self.publish_on(IMAGE)
        self._compressed = self.publish_on(COMPRESSED)
        self._infos = self.publish_on(CAMERA_INFO)
        self._sources = self.publish_on(SOURCE)
        self._stamps = CaptureStamps()
        self._player = FramePlayer(
            self.parameters.settings(FrameSettings), self._publish, self.get_logger(), wanted=self._is_subscribed
        )

    def start(self) -> None:
        self._stamps = CaptureStamps()
        self._player.start()

    def stop(self) -> None:
        if self._player:
            self._player.stop()

    def close(self) -> None:
        if self._player:
            self._player.close()
            self._player = None

    def diagnose(self) -> tuple[bytes, str, dict[str, object]]:
        report, settings = self._player.report(), self._player.settings
        width, height = report.resolution
        values = {
            "source": settings.name,
            "frames": report.shown,
            "frames a second": f"{report.rate:.1f}",
            "seconds since the newest frame": f"{report.age:.1f}",
            "resolution": f"{width}x{height}",
            "dropped frames": report.dropped,
            "unreadable frames": report.unreadable,
            "reconnects": report.status.returns,
            "seconds ahead of the clock": f"{self._stamps.ahead:.1f}",
        }
        return *self._judge(report, settings), values

    def _judge(self, report: PlayerReport, settings: FrameSettings) -> tuple[bytes, str]:
        """Level and message."""
        status = report.status
        if status.state is SourceState.LOST:
            return DiagnosticStatus.ERROR, f"{status.in_words}; next try in {status.next_try_s:.0f} s"
        begun = status.state in (SourceState.OPENING, SourceState.PLAYING)
        if begun and report.age > settings.silent_after_s + 1 / (settings.rate or 1):
            return DiagnosticStatus.ERROR, f"no frame for {report.age:.0f} s"
        if self._calibration and report.shown and report.resolution != self._calibrated_size():
            return DiagnosticStatus.WARN, self._wrong_size(report.resolution)
        if self._stamps.ahead > NOTABLY_AHEAD:
            ahead = f"the clock was set back: stamps are {self._stamps.ahead:.1f} s ahead of it"
            return DiagnosticStatus.WARN, f"{ahead} until this node is deactivated and activated"
        return (DiagnosticStatus.WARN if report.unreadable else DiagnosticStatus.OK), status.in_words

    def _publish(self, frame: Frame) -> None:
        header = Header(stamp=self._stamp(frame), frame_id=self._frame_id)
        # The name first: who sees the image can look it up.
        self._sources.publish(Source(header=header, name=frame.name))
        encoding = f"{frame.channel_order}8"
        if self._infos.get_subscription_count():
            self._infos.publish(self._info(header, frame))
        if self._compressed.get_subscription_count():
            quality = self.parameters["jpeg_quality"]
            compressed = to_compressed_message(frame.image, encoding, quality=quality, jpeg=frame.jpeg)
            compressed.header = header
            self._compressed.publish(compressed)
        if self._images.get_subscription_count():
            image = to_message(frame.image, encoding)
            image.header = header
            self._images.publish(image)

    def _stamp(self, frame: Frame) -> object:
        clock: Any = self.get_clock()  # a ROSClock, which its type does not say
        now = clock.now()
        if clock.ros_time_is_active:  # a simulated clock has its own pace
            return now.to_msg()
        nanoseconds = self._stamps.stamp(frame.captured_at, now.nanoseconds, time.monotonic())
        return Time(nanoseconds=nanoseconds).to_msg()

    def _info(self, header: Header, frame: Frame) -> CameraInfo:
        height, width = frame.image.shape[:2]
        calibration = self._calibration
        if calibration is None:
            return CameraInfo(header=header, height=height, width=width)
        if (width, height) != self._calibrated_size():
            self.get_logger().warning(self._wrong_size((width, height)), throttle_duration_sec=60.0)
        return CameraInfo(
            header=header,
            height=calibration.height,
            width=calibration.width,
            distortion_model=calibration.distortion_model,
            d=calibration.d,
            k=calibration.k,
            r=calibration.r,
            p=calibration.p,
        )

    def _calibrated_size(self) -> tuple[int, int]:
        return self._calibration.width, self._calibration.height

    def _wrong_size(self, resolution: tuple[int, int]) -> str:
        calibrated, shown = ("{}x{}".format(*size) for size in (self._calibrated_size(), resolution))
        return f"frames are {shown}, but camera_info_url was calibrated at {calibrated}; calibrate again or set width"

    def _is_subscribed(self) -> bool:
        return any(publisher.get_subscription_count() > 0 for publisher in (self._images, self._compressed))


def main() -> None:
    end_process(run([CameraNode]))


if __name__ == "__main__":
    main()
