# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of embedding_node."""

from __future__ import annotations

from visual_byte_core.bundle.false_accept_rate import DEFAULT_FALSE_ACCEPT_RATE
from visual_byte_core.embedding.regions import RegionSettings
from visual_byte_core.engine.questions import MAX_MATCHES
from visual_byte_core.engine.settings import EngineSettings
from visual_byte_core.memory.merging import MergeSettings
from visual_byte_core.memory.pose_track import PoseLimits
from visual_byte_ros.parameters import AUTOSTART, BUNDLE, Parameter, Parameters
from visual_byte_ros.pose_input import LIMITS, POSE_TYPES

MERGING = MergeSettings()
REGIONS = RegionSettings()
PARAMETERS = (
    AUTOSTART,
    BUNDLE,
    Parameter(
        "memory_folder",
        "",
        "Where memories are kept; empty is visual_byte/memory in $ROS_HOME (~/.ros), and with a namespace"
        " visual_byte/robots/NAMESPACE/memory.",
        expected="path of a folder that this user may write",
    ),
    Parameter(
        "provider",
        "CPUExecutionProvider",
        "Execution provider of ONNX Runtime; one that is not there is refused, never replaced.",
        expected="name of an execution provider that this onnxruntime has",
    ),
    Parameter(
        "image_transport",
        "raw",
        "What to subscribe to: `image`, or JPEG and PNG on `image/compressed`, which spare a slow network.",
        choices=("raw", "compressed"),
    ),
    Parameter(
        "threads",
        1,
        "CPU threads that embed one image; a second one gained no time where it was measured (docs/nodes.md).",
        1,
        64,
    ),
    Parameter(
        "skip_unchanged",
        4.0,
        "Grey levels up to which a frame counts as unchanged everywhere, so that it is remembered by the"
        " embedding of the one before; 0: every frame is embedded.",
        0.0,
        255.0,
        live=True,
    ),
    Parameter("remember_frames", True, "Remember what arrives on `image`; false only answers queries.", live=True),
    Parameter(
        "lossless",
        False,
        "For playing a recording: every frame is remembered and every query waits its turn, in the order of their"
        " stamps; publishers must be reliable. False: queries come first and the newest frame replaces the one before.",
    ),
    Parameter(
        "false_accept_rate",
        DEFAULT_FALSE_ACCEPT_RATE,
        "Share of absent things that may be taken for found; a lower one also refuses more that is there.",
        0.001,
        0.5,
        live=True,
    ),
    Parameter("k", 3, "Most matches in an answer.", 1, MAX_MATCHES, live=True),
    Parameter("merge", MERGING.enabled, "Add a frame that looks like a recent memory to it, not beside it.", live=True),
    Parameter(
        "merge_within_s",
        MERGING.within_s,
        "How recent that memory must be.",
        0.0,
        86400.0,
        unit="s",
        live=True,
    ),
    Parameter(
        "merge_embedding_cosine", MERGING.embedding_cosine, "How near its embedding must be.", 0.0, 1.0, live=True
    ),
    Parameter(
        "merge_thumbnail_difference",
        MERGING.thumbnail_difference,
        "How much its thumbnail may differ: mean absolute difference at equal brightness and contrast.",
        0.0,
        255.0,
        live=True,
    ),
    Parameter(
        "same_place_metres",
        MERGING.same_place_metres,
        "A thing seen farther off than this has moved.",
        0.0,
        1000.0,
        unit="m",
        live=True,
    ),
    Parameter(
        "moved_within_s",
        MERGING.moved_within_s,
        "How long after its last observation a thing is known again where poses are known; 0: as merge_within_s.",
        0.0,
        31536000.0,
        unit="s",
        live=True,
    ),
    Parameter(
        "pose_type", "none", "What tells where the robot is; tf looks up the camera in pose_frame.", choices=POSE_TYPES
    ),
    Parameter("pose_topic", "pose", "Where its poses are published; not used by tf.", expected="name of a topic"),
    Parameter(
        "pose_frame",
        LIMITS.frame_id,
        "The frame of the map; poses in another are left out.",
        expected="frame",
        live=True,
    ),
    Parameter(
        "map_id",
        "",
        "Which map the robot is in; memories keep it, and places of different maps are never mixed.",
        expected="name of a map",
        live=True,
    ),
    Parameter(
        "max_pose_age_s", LIMITS.max_age_s, "Seconds between a frame and its pose.", 0.0, 60.0, unit="s", live=True
    ),
    Parameter(
        "max_position_deviation",
        LIMITS.max_position_deviation,
        "Standard deviation in metres up to which a position is kept.",
        0.0,
        1000.0,
        unit="m",
        live=True,
    ),
    Parameter(
        "max_angle_deviation",
        LIMITS.max_angle_deviation,
        "Standard deviation in radians up to which a heading is kept.",
        0.0,
        10.0,
        unit="rad",
        live=True,
    ),
    Parameter(
        "regions",
        False,
        "Remember the distinct regions of a frame beside the whole of it; see docs/regions.md.",
        live=True,
    ),
    Parameter("max_regions", REGIONS.max_count, "Parts of a frame that are remembered at most.", 1, 20, live=True),
    Parameter(
        "region_size", REGIONS.size, "Side of a region as a share of the frame's shorter side.", 0.1, 1.0, live=True
    ),
    Parameter("max_waiting", 10, "Queries that may wait; one more, and the oldest is rejected.", 1, 1000, live=True),
    Parameter(
        "answer_timeout_s",
        1.0,
        "Seconds within which every query is answered, or rejected with a reason; not with lossless.",
        0.1,
        60.0,
        unit="s",
        live=True,
    ),
    Parameter(
        "acknowledge_within_s",
        0.5,
        "Seconds until remembered frames are on disk and acknowledged.",
        0.01,
        1.0,
        unit="s",
        live=True,
    ),
)


def engine_settings(parameters: Parameters) -> EngineSettings:
    """The part of the parameters that the engine is made from."""
    regions = None
    if parameters["regions"]:
        regions = RegionSettings(max_count=parameters["max_regions"], size=parameters["region_size"])
    return EngineSettings(
        threads=parameters["threads"],
        provider=parameters["provider"],
        in_order=parameters["lossless"],
        remember_frames=parameters["remember_frames"],
        merging=MergeSettings(
            within_s=parameters["merge_within_s"],
            embedding_cosine=parameters["merge_embedding_cosine"],
            thumbnail_difference=parameters["merge_thumbnail_difference"],
            enabled=parameters["merge"],
            same_place_metres=parameters["same_place_metres"],
            moved_within_s=parameters["moved_within_s"],
        ),
        regions=regions,
        skip_unchanged=parameters["skip_unchanged"],
        false_accept_rate=parameters["false_accept_rate"],
        max_waiting=parameters["max_waiting"],
        answer_within_s=None if parameters["lossless"] else parameters["answer_timeout_s"],
        acknowledge_within_s=parameters["acknowledge_within_s"],
    )


def pose_limits(parameters: Parameters) -> PoseLimits:
    """Which poses are good enough."""
    return PoseLimits(
        frame_id=parameters["pose_frame"],
        max_age_s=parameters["max_pose_age_s"],
        max_position_deviation=parameters["max_position_deviation"],
        max_angle_deviation=parameters["max_angle_deviation"],
    )
