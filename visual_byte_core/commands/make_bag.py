# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Compose a bag (rosbag2, MCAP or sqlite3) of photos, sounds, typed names and poses, without ROS, and its truth file.

Either PHOTOS/<name>/*.jpg are shown one after the other and each name is asked for, typed and, with SPEECH/<name>/,
spoken; or a YAML file says what happens when. OUT.truth.csv says what the bag shows and asks, for eval-bag.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from visual_byte_core.bundle.starter import bundle_folder, starter_bundle
from visual_byte_core.commands.common import positive, print_json

HELP = "compose a bag of photos, sounds, names and poses"
EXTRA = "bags"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--config", type=Path, metavar="YAML", help="what happens when; docs/bags.md has an example")
    source.add_argument("--photos", type=Path, metavar="DIR", help="photos, one folder a name")
    parser.add_argument("--bundle", type=bundle_folder, metavar="DIR", help="renders the queries (default: starter)")
    parser.add_argument("--speech", type=Path, metavar="DIR", help="spoken names, one folder a name (with --photos)")
    parser.add_argument(
        "--absent", action="append", default=[], metavar="NAME", help="name that no photo shows; may be repeated"
    )
    parser.add_argument("--each", type=positive, default=1, metavar="N", help="photos a name (default: 1)")
    parser.add_argument("--language", choices=("en", "ko"), default="en", help="of the names (default: en)")
    parser.add_argument(
        "--image-transport", choices=("raw", "compressed"),
        help="frames as they are, or as JPEG on image/compressed (default: what the YAML file says, or raw)",
    )  # fmt: skip
    parser.add_argument("--storage", choices=("mcap", "sqlite3"), default="mcap", help="format (default: mcap)")
    parser.add_argument("--out", type=Path, required=True, metavar="BAG", help="folder of the bag; must not exist yet")
    parser.add_argument("--json", action="store_true", help="print where the bag and its truth are as JSON")


def run(arguments: argparse.Namespace) -> int:
    if arguments.config and (arguments.speech or arguments.absent):
        arguments.parser.error("--speech and --absent go with --photos; a YAML file says them itself")
    from visual_byte_core.bags.compose import BagPlan, compose, plan_of_folders
    from visual_byte_core.bundle.bundle import load_bundle
    from visual_byte_core.configuration import load_configuration

    bundle = load_bundle(arguments.bundle or starter_bundle())
    folder = Path()
    if arguments.config:
        plan, folder = load_configuration(BagPlan, arguments.config), arguments.config.parent
    else:
        plan = plan_of_folders(
            bundle, arguments.photos, arguments.speech, arguments.absent, arguments.each, arguments.language
        )
    if arguments.image_transport:
        plan = replace(plan, image_transport=arguments.image_transport)
    truth = compose(plan, bundle, arguments.out, arguments.storage, folder)
    if arguments.json:
        print_json({"bag": str(arguments.out), "truth": str(truth), "events": len(plan.events)})
    else:
        print(f"written: {arguments.out} and {truth}")
    return 0
