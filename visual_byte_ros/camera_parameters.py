# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of camera_node."""

from __future__ import annotations

from visual_byte_core.capture.frame_sources import SOURCES
from visual_byte_ros.parameters import AUTOSTART, Parameter

PARAMETERS = (
    AUTOSTART,
    Parameter("source", "device", "Where frames come from.", choices=SOURCES),
    Parameter(
        "device",
        "0",
        "The camera, for source device.",
        expected="index (0), path (/dev/video0) or address of a stream (http://..., rtsp://...)",
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
    Parameter(
        "frame_id",
        "camera_optical_frame",
        "frame_id in the header of each image: by REP 103 x right, y down, z forward.",
        expected="name of a coordinate frame",
    ),
    Parameter("width", 0, "Width in pixels to ask of a camera; 0 leaves it as it is.", 0, 7680, unit="px"),
    Parameter("height", 0, "Height in pixels to ask of a camera; 0 leaves it as it is.", 0, 4320, unit="px"),
    Parameter(
        "silent_after_s",
        2.0,
        "How long a camera may send nothing before it counts as lost and is opened again.",
        0.5,
        60.0,
        unit="s",
    ),
    Parameter(
        "jpeg_quality",
        90,
        "Quality of `image/compressed`; not used for a stream of JPEGs, which are passed on.",
        1,
        100,
        live=True,
    ),
    Parameter(
        "camera_info_url",
        "",
        "The camera's calibration, published on `camera_info`; empty: uncalibrated.",
        expected="path of a YAML file of camera_calibration, or file:///path",
    ),
)
