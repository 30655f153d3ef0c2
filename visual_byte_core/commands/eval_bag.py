# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Replay a recorded bag (rosbag2, MCAP or sqlite3) without ROS: remember its frames, answer its queries, judge them.

Writes into the folder OUT: report.json, queries.jsonl (a line for each query), report.html (one page with all pictures)
and timing.json. The same bag and bundle give the same bytes of all but timing.json. The truth is a CSV file
kind,id,from,to,label that says what frames show and queries ask for; docs/bags.md describes it.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from visual_byte_core.bundle.false_accept_rate import DEFAULT_FALSE_ACCEPT_RATE
from visual_byte_core.commands.common import add_bundle, positive, print_json, rate
from visual_byte_core.commands.interruption import interrupt_on_sigterm

if TYPE_CHECKING:
    from visual_byte_core.embedding.regions import RegionSettings

HELP = "replay a bag and report what was found"
EXTRA = "bags"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bag", type=Path, metavar="BAG", help="folder of a bag, or its .mcap or .db3 file")
    add_bundle(parser, required=True)
    parser.add_argument("--truth", type=Path, metavar="CSV", help="what frames show and queries ask for")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the report goes")
    parser.add_argument("--k", type=positive, default=5, metavar="N", help="nearest memories a query (default: 5)")
    parser.add_argument(
        "--false-accept-rate", type=rate, default=DEFAULT_FALSE_ACCEPT_RATE, metavar="RATE",
        help="share of absent things that may be taken for found (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--image", default="", metavar="TOPIC", help="topic of the frames (default: .../image)")
    parser.add_argument("--query", default="", metavar="TOPIC", help="topic of the queries (default: .../query)")
    parser.add_argument("--pose", default="", metavar="TOPIC", help="topic of the poses (default: .../pose, if any)")
    parser.add_argument(
        "--pose-frame", default="map", metavar="FRAME",
        help="frame of the map; poses in another are left out (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--map-id", default="", metavar="MAP", help="name of the map that the poses refer to")
    parser.add_argument("--regions", action="store_true", help="remember the distinct regions of frames, as a node may")
    parser.add_argument(
        "--max-regions",
        type=positive,
        metavar="N",
        help="with --regions: regions of a frame at most (default: as the node)",
    )
    parser.add_argument(
        "--region-size", type=float, metavar="SHARE",
        help="with --regions: side of a region as a share of the frame's shorter side (default: as the node)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print report.json instead of a summary")


def run(arguments: argparse.Namespace) -> int:
    interrupt_on_sigterm()  # what is half done is cleared away
    from visual_byte_core.bags.reading import Bag, find_pose_topic, find_topic
    from visual_byte_core.bags.replay import AT_LEISURE, ReplaySettings
    from visual_byte_core.bags.report import evaluate_bag
    from visual_byte_core.memory.pose_track import PoseLimits

    with Bag(arguments.bag) as bag:
        settings = ReplaySettings(
            image=find_topic(bag, "image", arguments.image),
            query=find_topic(bag, "query", arguments.query),
            pose=find_pose_topic(bag, arguments.pose),
            pose_limits=PoseLimits(frame_id=arguments.pose_frame),
            map_id=arguments.map_id,
            k=arguments.k,
            engine=replace(
                AT_LEISURE,
                threads=arguments.threads,
                false_accept_rate=arguments.false_accept_rate,
                regions=_region_settings(arguments),
            ),
        )
        report = evaluate_bag(bag, arguments.bundle, settings, arguments.out, arguments.truth)
    if arguments.json:
        print_json(report)
        return 0
    counts, frames = report["counts"], report["frames"]
    print(f"{frames['remembered']} frames, {frames['memories']} memories, {counts['queries']} queries:")
    print(f"found {counts['found']}, not found {counts['not_found']}, rejected {counts['rejected']}")
    for verdict, count in report["verdicts"].items():
        print(f"  {verdict}: {count}")
    print(f"written: {arguments.out / 'report.html'}")
    return 0


def _region_settings(arguments: argparse.Namespace) -> RegionSettings | None:
    from visual_byte_core.embedding.regions import RegionSettings

    max_count, size = arguments.max_regions, arguments.region_size
    if not arguments.regions:
        if max_count is not None or size is not None:
            arguments.parser.error("--max-regions and --region-size need --regions")
        return None
    usual = RegionSettings()
    return RegionSettings(
        max_count=usual.max_count if max_count is None else max_count, size=usual.size if size is None else size
    )
