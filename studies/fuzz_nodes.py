# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Sends generated messages, valid and not, to every subscription and every service of every node.

    source tools/environment.sh && python studies/fuzz_nodes.py --messages 10000 --of-rclpy 1000

--messages: to each subscription and to each service of this package; --of-rclpy: to each of the services that rclpy
gives every node (parameters, lifecycle). Each node runs in its own process and must answer as before afterwards.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tqdm import tqdm

from visual_byte_testing.attacked_nodes import POSE_TYPES, attacked_nodes
from visual_byte_testing.domain import take_own_domain
from visual_byte_testing.generated import attack, attack_with_torn_messages, bring_back
from visual_byte_testing.graph import open_graph


def main() -> None:
    take_own_domain()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--of-rclpy", type=int, default=1000)
    parser.add_argument("--pose-type", choices=POSE_TYPES, default=POSE_TYPES[0])
    parser.add_argument("--image-transport", choices=("raw", "compressed"), default="raw")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="endpoints whose name contains this")
    arguments = parser.parse_args()
    total = 0
    with tempfile.TemporaryDirectory() as folder, open_graph(Path(folder)) as graph:
        nodes = attacked_nodes(graph, arguments.pose_type, arguments.image_transport)
        print("node            endpoint                    messages    MB before    after    answers")
        for endpoint in tqdm([one for one in nodes.endpoints() if arguments.only in one.name], disable=None):
            before = nodes.resident_mb(endpoint.node)
            count = arguments.messages if endpoint.ours else arguments.of_rclpy
            sent = attack(graph, endpoint, count, nodes.words, arguments.seed)
            if not endpoint.is_service:
                attack_with_torn_messages(graph, endpoint, count // 10, arguments.seed)
            bring_back(graph, endpoint.node)
            nodes.check()
            total += sent.messages
            answers = ", ".join(f"{code or 'done'} {number}" for code, number in sorted(sent.answers.items()))
            name = endpoint.name.removeprefix(f"{graph.namespace}/").removeprefix(f"{endpoint.node}/")
            print(
                f"{endpoint.node:16}{name:28}{sent.messages:8}{before:13.1f}"
                f"{nodes.resident_mb(endpoint.node):9.1f}    {answers if endpoint.is_service else ''}",
                flush=True,
            )
        print(f"{total} messages, and torn ones; {nodes.summary()}")


if __name__ == "__main__":
    main()
