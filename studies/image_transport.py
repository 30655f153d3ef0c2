# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""How many whole frames arrive in another process, and how late, without and with the Fast DDS profile.

source tools/environment.sh && python studies/image_transport.py
"""

from __future__ import annotations

import argparse
import array
import multiprocessing
import os
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event

import numpy as np

from visual_byte_ros.dds_profile import VARIABLE, use_profile


@dataclass(frozen=True)
class Stream:
    width: int  # pixels
    height: int  # pixels
    rate: float  # frames a second
    seconds: float  # how long to send


def send(stream: Stream, with_profile: bool, receiver_is_there: Event) -> None:
    """Publish rgb8 frames, each stamped as it leaves."""
    os.environ.pop(VARIABLE, None)
    if with_profile:
        use_profile()
    import rclpy
    from rclpy.qos import QoSPresetProfiles
    from sensor_msgs.msg import Image

    rclpy.init()
    node = rclpy.create_node("sender")
    publisher = node.create_publisher(Image, "image", QoSPresetProfiles.SENSOR_DATA.value)
    message = Image(width=stream.width, height=stream.height, step=3 * stream.width, encoding="rgb8")
    noise = np.random.default_rng(0).integers(0, 256, 3 * stream.width * stream.height, dtype=np.uint8)
    message.data = array.array("B", noise.tobytes())
    receiver_is_there.wait()
    while publisher.get_subscription_count() == 0:
        time.sleep(0.1)
    start = time.monotonic()
    for number in range(round(stream.rate * stream.seconds)):
        time.sleep(max(0.0, start + number / stream.rate - time.monotonic()))
        message.header.stamp = node.get_clock().now().to_msg()
        publisher.publish(message)
    rclpy.shutdown()


def receive(stream: Stream, receiver_is_there: Event, results: Connection) -> None:
    """Send the latencies, in seconds, of the frames that arrived."""
    os.environ.pop(VARIABLE, None)
    import rclpy
    from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
    from rclpy.time import Time
    from sensor_msgs.msg import Image

    rclpy.init()
    node = rclpy.create_node("receiver")
    latencies: list[float] = []

    def take(message: Image) -> None:
        latencies.append((node.get_clock().now() - Time.from_msg(message.header.stamp)).nanoseconds / 1e9)

    newest_only = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    node.create_subscription(Image, "image", take, newest_only)
    receiver_is_there.set()
    silent_since = time.monotonic()
    while time.monotonic() - silent_since < (3.0 if latencies else 30.0):
        before = len(latencies)
        rclpy.spin_once(node, timeout_sec=0.1)
        if len(latencies) > before:
            silent_since = time.monotonic()
    results.send(latencies)
    rclpy.shutdown()


def measure(stream: Stream, with_profile: bool) -> np.ndarray:
    """Run sender and receiver in a process each and return the latencies in seconds of the frames that arrived."""
    context = multiprocessing.get_context("spawn")
    receiver_is_there = context.Event()
    ours, theirs = context.Pipe()
    receiver = context.Process(target=receive, args=(stream, receiver_is_there, theirs))
    sender = context.Process(target=send, args=(stream, with_profile, receiver_is_there))
    receiver.start()
    sender.start()
    theirs.close()
    latencies = ours.recv()
    sender.join()
    receiver.join()
    return np.array(latencies)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=640, help="pixels")
    parser.add_argument("--height", type=int, default=480, help="pixels")
    parser.add_argument("--rate", type=float, default=30.0, help="frames a second")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long to send, each time")
    stream = Stream(**vars(parser.parse_args()))
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)

    print(f"{stream.width}x{stream.height} rgb8, {stream.rate:g} a second for {stream.seconds:g} s, to another process")
    print("profile    received a second    latency p50 ms    p95 ms")
    for with_profile in (False, True):
        latencies = 1000 * measure(stream, with_profile)
        p50, p95 = np.percentile(latencies, [50, 95]) if len(latencies) else (np.nan, np.nan)
        name = "with" if with_profile else "without"
        print(f"{name:7}    {len(latencies) / stream.seconds:17.1f}    {p50:14.1f}    {p95:6.1f}", flush=True)


if __name__ == "__main__":
    main()
