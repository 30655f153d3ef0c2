# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Mend the CMake files of the ROS wheels, so that an interface package compiles against them.

1. They name the header folders of the machine that built the wheels: put this machine's Python and numpy there.
2. rosidl_generator_py makes numpy's headers part of what a package exports, which CMake refuses for a virtual
   environment inside the package's own source folder: keep them private.

Run with the Python of the virtual environment that holds the wheels; running it again changes nothing.
"""

from __future__ import annotations

import re
import sys
import sysconfig
from pathlib import Path

import numpy

MENDS = [
    (re.compile(r"/opt/python/[^/;\"]+/lib/python3\.\d+/site-packages/numpy/\w+/include"), numpy.get_include()),
    (re.compile(r"/opt/python/[^/;\"]+/include/python3\.\d+"), sysconfig.get_paths()["include"]),
    (
        re.compile(r"(?<=\${_target_name_lib} )PUBLIC(?= \${Python3_INCLUDE_DIRS} \${Python3_NumPy_INCLUDE_DIRS})"),
        "PRIVATE",
    ),
]


def mend(share: Path) -> list[Path]:
    """Rewrite the CMake files under `share` and return those that changed."""
    changed = []
    for path in sorted(share.rglob("*.cmake")):
        text = mended = path.read_text()
        for wrong, right in MENDS:
            mended = wrong.sub(lambda _, right=right: right, mended)
        if mended != text:
            path.write_text(mended)
            changed.append(path)
    return changed


if __name__ == "__main__":
    print(f"Mended {len(mend(Path(sys.prefix) / 'share'))} CMake files of the ROS wheels.")
