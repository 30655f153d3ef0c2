# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""camera_node in its own process: what it publishes of a frame, how it says that a camera is lost, and how it ends."""

from __future__ import annotations

import array
from pathlib import Path

import cv2
import numpy as np
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from visual_byte.msg import Remembered
from visual_byte_core.messages.images import decompress
from visual_byte_ros.answer_messages import time_message
from visual_byte_ros.image_messages import to_compressed_message, to_rgb
from visual_byte_ros.qos import NEWEST_FRAME
from visual_byte_testing.graph import Graph
from visual_byte_testing.lens import CALIBRATION
from visual_byte_testing.network_camera import network_camera
from visual_byte_testing.sample_bundle import write_sample_bundle


def photos(folder: Path) -> Path:
    folder.mkdir()
    noise = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)
    assert cv2.imwrite(str(folder / "1.png"), noise)
    return folder


def test_a_camera_that_goes_and_comes_back(graph: Graph, tmp_path: Path) -> None:
    (tmp_path / "eye.yaml").write_text(CALIBRATION)
    images = graph.collect(Image, "image", NEWEST_FRAME)
    compressed = graph.collect(CompressedImage, "image/compressed", NEWEST_FRAME)
    infos = graph.collect(CameraInfo, "camera_info", NEWEST_FRAME)
    with network_camera() as camera:
        process = graph.start(
            "camera_node", device=camera.address, rate=20.0, frame_id="eye", camera_info_url=str(tmp_path / "eye.yaml")
        )

        def complete() -> list[tuple[Image, CompressedImage, CameraInfo]]:
            """The three messages of each frame of which all came."""
            by_stamp = [{(m.header.stamp.sec, m.header.stamp.nanosec): m for m in list(ms)} for ms in kinds]
            return [tuple(ms[s] for ms in by_stamp) for s in by_stamp[0] if all(s in ms for ms in by_stamp)]

        kinds = (images, compressed, infos)
        graph.wait(lambda: len(complete()) > 2, "all three messages of a frame")
        image, jpeg, info = complete()[0]
        assert image.header == jpeg.header == info.header and image.header.frame_id == "eye"
        assert bytes(jpeg.data) == camera.jpeg and jpeg.format == "rgb8; jpeg compressed bgr8"
        assert (decompress(jpeg) == to_rgb(image)).all()
        assert (info.width, info.height, info.k[0], list(info.d)[:2]) == (64, 48, 50.5, [0.1, -0.2])
        values = graph.diagnosis("camera_node", lambda values: values["message"] == "playing")
        assert (values["resolution"], values["source"], values["reconnects"]) == ("64x48", camera.address, "0")
        assert float(values["frames a second"]) > 1 and float(values["seconds since the newest frame"]) < 3
        camera.unplug()
        values = graph.diagnosis("camera_node", lambda values: "lost" in values["message"])
        assert camera.address in values["message"] and "next try in" in values["message"]
        camera.plug_in()
        assert graph.diagnosis("camera_node", lambda values: values["reconnects"] == "1")["message"] == "playing"
        assert "is back" in process.output()
        camera.does = "hang"
        graph.diagnosis("camera_node", lambda values: "lost" in values["message"])
        assert process.end() == 0 and "Traceback" not in process.output()


def test_a_camera_that_says_nothing_holds_up_no_end(graph: Graph) -> None:
    with network_camera("silent") as camera:
        process = graph.start("camera_node", device=camera.address)
        graph.diagnosis("camera_node", lambda values: values["state"] == "active")
        assert process.end() == 0 and "Traceback" not in process.output()


def test_frames_of_another_size_than_the_calibration(graph: Graph, tmp_path: Path) -> None:
    (tmp_path / "eye.yaml").write_text(CALIBRATION.replace("image_width: 64", "image_width: 640"))
    infos = graph.collect(CameraInfo, "camera_info", NEWEST_FRAME)
    graph.collect(Image, "image", NEWEST_FRAME)
    url = (tmp_path / "eye.yaml").as_uri()
    process = graph.start(
        "camera_node", source="folder", path=str(photos(tmp_path / "photos")), rate=20.0, camera_info_url=url
    )
    graph.wait(lambda: bool(infos), "a calibration")
    assert infos[0].width == 640
    says = "frames are 64x48, but camera_info_url was calibrated at 640x48"
    assert says in graph.diagnosis("camera_node", lambda values: values["resolution"] == "64x48")["message"]
    assert says in process.output()


def test_a_calibration_that_is_none_fails_configure(graph: Graph, tmp_path: Path) -> None:
    (tmp_path / "eye.yaml").write_text("image_width: 64")
    process = graph.start(
        "camera_node",
        source="folder",
        path=str(photos(tmp_path / "photos")),
        camera_info_url=str(tmp_path / "eye.yaml"),
    )
    process.wait_for_output("cannot configure: " + str(tmp_path / "eye.yaml") + ": distortion_model: expected one of")
    assert process.end() == 0


def test_an_uncalibrated_camera_says_so_and_quality_changes_at_once(graph: Graph, tmp_path: Path) -> None:
    compressed = graph.collect(CompressedImage, "image/compressed", NEWEST_FRAME)
    infos = graph.collect(CameraInfo, "camera_info", NEWEST_FRAME)
    graph.start("camera_node", source="folder", path=str(photos(tmp_path / "photos")), rate=20.0)
    graph.wait(lambda: bool(infos and compressed), "a JPEG and a calibration")
    assert (infos[0].width, infos[0].height, infos[0].k[0]) == (64, 48, 0.0)
    size = len(compressed[0].data)
    change = [Parameter("jpeg_quality", value=10).to_parameter_msg()]
    assert graph.call(SetParameters, "camera_node/set_parameters", parameters=change).results[0].successful
    graph.wait(lambda: len(compressed[-1].data) < size / 2, "a smaller JPEG")


def test_stamps_are_those_of_a_simulated_clock(graph: Graph, tmp_path: Path) -> None:
    images = graph.collect(Image, "image", NEWEST_FRAME)
    graph.start("camera_node", source="folder", path=str(photos(tmp_path / "photos")), rate=20.0, use_sim_time=True)
    # A namespace does not reach /clock.
    clock = graph.publisher(Clock, "/clock")
    for seconds in (1000.0, 500.0):
        graph.repeat(
            lambda seconds=seconds: clock.publish(Clock(clock=time_message(seconds))),
            lambda seconds=seconds: bool(images) and images[-1].header.stamp == time_message(seconds),
            f"a frame of {seconds}",
        )


def test_embedding_node_remembers_compressed_frames_and_refuses_a_bomb(graph: Graph, tmp_path: Path) -> None:
    bundle = write_sample_bundle(tmp_path / "bundle")
    remembered = graph.collect(Remembered, "embedding_node/remembered")
    process = graph.start(
        "embedding_node", bundle=str(bundle.path), memory_folder=str(tmp_path / "memory"), image_transport="compressed"
    )
    frames = graph.publisher(CompressedImage, "image/compressed", NEWEST_FRAME)
    good = to_compressed_message(np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8))
    bomb = to_compressed_message(np.zeros((8, 8, 3), np.uint8))
    at = bytes(bomb.data).index(b"\xff\xc0") + 5
    bomb.data[at : at + 4] = array.array("B", b"\xff\xff\xff\xff")
    graph.repeat(lambda: frames.publish(bomb), lambda: "frame ignored" in process.output(), "a refusal")
    assert "is over 33177600 pixels; scale it down" in process.output()
    graph.repeat(lambda: frames.publish(good), lambda: bool(remembered), "an acknowledgement")
    assert process.end() == 0 and "Traceback" not in process.output()
