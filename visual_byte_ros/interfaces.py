# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Topics and services of a node, declared in one table from which they are created and documented."""

from __future__ import annotations

from dataclasses import dataclass

from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy


@dataclass(frozen=True)
class Topic:
    """name: relative, so that a namespace or a remapping works. when: what must be set for it to exist, in words.

    variant: tells apart the QoS overrides of two rows of one name (qos_overrides./image.subscription_lossless.depth).
    """

    name: str
    kind: type
    qos: QoSProfile
    description: str
    when: str = ""
    variant: str = ""


@dataclass(frozen=True)
class Service:
    """A service that a node offers: relative name, type of ROS, and a sentence for the docs."""

    name: str
    kind: type
    description: str


@dataclass(frozen=True)
class Interfaces:
    """All that a node has while it is configured, beside what every node has."""

    publishes: tuple[Topic, ...] = ()
    subscribes: tuple[Topic, ...] = ()
    serves: tuple[Service, ...] = ()


def type_name(kind: type) -> str:
    """The type of a message or service as ROS writes it: std_msgs/msg/String."""
    package, group = kind.__module__.split(".")[:2]
    return f"{package}/{group}/{kind.__name__}"


def copied(qos: QoSProfile) -> QoSProfile:
    """A profile of its own, which overrides may change."""
    return QoSProfile(
        history=qos.history, depth=qos.depth, reliability=qos.reliability, durability=qos.durability,
    )  # fmt: skip


def in_words(qos: QoSProfile) -> str:
    """For example "best effort, keep last 1"."""
    reliability = "best effort" if qos.reliability == ReliabilityPolicy.BEST_EFFORT else "reliable"
    history = "keep all" if qos.history == HistoryPolicy.KEEP_ALL else f"keep last {qos.depth}"
    durability = ", transient local" if qos.durability.name == "TRANSIENT_LOCAL" else ""
    return f"{reliability}, {history}{durability}"
