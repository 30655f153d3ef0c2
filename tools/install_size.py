# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Shows what everything that a robot needs from PyPI takes on its disk, package by package, for x86-64 and aarch64.

    .venv/bin/python tools/install_size.py [--extra robot] [--python 3.12] [--json]

pip installs the extra of pyproject.toml under its constraints file into a temporary folder, for each machine. Sizes are
those of the files, in MB of 2**20 bytes, as `du -m` has them. Beside ROS 2 Jazzy from apt: --extra jazzy, of which
numpy, which is that of apt, is left out.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import marshal
import re
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from check_wheels import CONSTRAINTS, MACHINES, PYTHONS, last_error, pins_for, pip_install, requirements_of

FROM_APT = {"robot": (), "jazzy": ("numpy",)}
MEGABYTE = 1 << 20
BYTECODE = "bytecode, if pip compiles all"


def sizes(requirements: Sequence[str], pins: Sequence[str], machine: str, python: str) -> dict[str, float]:
    """MB of each package, and what bytecode would add. Raises SystemExit if pip cannot install them."""
    with tempfile.TemporaryDirectory() as folder:
        finished = pip_install(Path(folder), requirements, pins, machine, python)
        if finished.returncode:
            raise SystemExit(f"error: {machine}, Python {python}: {last_error(finished)}")
        found, bytecode = {}, 0.0
        for package in importlib.metadata.distributions(path=[folder]):
            files = [Path(str(file.locate())) for file in package.files or ()]
            files = [file for file in files if file.is_file()]  # scripts are not where RECORD says
            found[re.sub(r"[-_.]+", "-", package.name).lower()] = sum(file.stat().st_size for file in files) / MEGABYTE
            bytecode += compiled_bytes(file for file in files if file.suffix == ".py") / MEGABYTE
        return found | {BYTECODE: bytecode}


def compiled_bytes(files: Iterable[Path]) -> int:
    """Size of the bytecode of Python files, by this Python."""
    total = 0
    for file in files:
        try:
            total += len(marshal.dumps(compile(file.read_bytes(), str(file), "exec", dont_inherit=True))) + 16
        except (SyntaxError, ValueError):  # a template or a test of syntax errors; pip leaves these out as well
            continue
    return total


def table(found: dict[str, dict[str, float]]) -> str:
    """Markdown: a row for each package, the largest first, a column for each machine."""
    packages = {name for columns in found.values() for name in columns} - {BYTECODE}
    first = next(iter(found.values()))
    rows = sorted(packages, key=lambda name: (-first.get(name, 0.0), name))
    lines = ["| package, MB | " + " | ".join(found) + " |", "| --- |" + " --- |" * len(found)]
    lines += (
        f"| {name} | " + " | ".join(f"{columns.get(name, 0.0):.1f}" for columns in found.values()) + " |"
        for name in rows
    )
    totals = [sum(columns[name] for name in packages if name in columns) for columns in found.values()]
    lines.append("| **together** | " + " | ".join(f"**{total:.0f}**" for total in totals) + " |")
    lines.append(f"| {BYTECODE} | " + " | ".join(f"{columns[BYTECODE]:.0f}" for columns in found.values()) + " |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extra", choices=CONSTRAINTS, default="robot")
    parser.add_argument("--python", choices=PYTHONS, default="3.12")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    requirements = requirements_of(arguments.extra)
    pins = pins_for(CONSTRAINTS[arguments.extra], arguments.python)
    found = {}
    for machine in MACHINES:
        print(f"installing for {machine}, Python {arguments.python} ...", file=sys.stderr)
        columns = sizes(requirements, pins, machine, arguments.python)
        found[machine] = {name: size for name, size in columns.items() if name not in FROM_APT[arguments.extra]}
    print(json.dumps(found, indent=1) if arguments.json else table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
