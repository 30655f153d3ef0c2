# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""text_node with a fault that nobody foresaw: the step BROKEN raises, once; the step SLOW takes a second."""

from __future__ import annotations

import os
import sys
import time

from visual_byte_ros.lifecycle import run
from visual_byte_ros.text_node import TextNode


class BrokenNode(TextNode):
    def __init__(self) -> None:
        super().__init__()
        self._broken = os.environ.get("BROKEN", "")

    def open(self) -> None:
        super().open()
        self._step("open")

    def start(self) -> None:
        self._step("start")

    def stop(self) -> None:
        self._step("stop")

    def close(self) -> None:
        self._step("close")

    def _step(self, name: str) -> None:
        if name == os.environ.get("SLOW"):
            self.get_logger().info(f"slow {name}")
            time.sleep(1)
        if name == self._broken:
            self._broken = ""
            raise RuntimeError(f"a fault in {name}")


if __name__ == "__main__":
    sys.exit(run([BrokenNode]))
