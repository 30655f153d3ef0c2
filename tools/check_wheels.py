# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Shows whether everything that a robot needs from PyPI comes as a wheel, for x86-64 and aarch64 and each Python.

    .venv/bin/python tools/check_wheels.py [--extra robot] [--json]

pip resolves the extra of pyproject.toml under its constraints file for each platform and takes wheels alone; nothing is
installed. Ends with 1 if a wheel is missing. Beside ROS 2 Jazzy from apt: --extra jazzy (Python 3.12 alone).
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from setuptools.config.pyprojecttoml import read_configuration

ROOT = Path(__file__).parents[1]
MACHINES = ("x86_64", "aarch64")
PYTHONS = ("3.10", "3.11", "3.12")
GLIBC = (35, 34, 31, 28, 27, 26, 24, 17)  # that of Ubuntu 22.04 and older ones, as in manylinux_2_28
CONSTRAINTS = {"robot": "constraints.txt", "jazzy": "constraints-jazzy.txt"}


@dataclass(frozen=True)
class Wheels:
    """What pip found for one machine and Python: file names of wheels by project, or why it gave up."""

    machine: str
    python: str
    wheels: dict[str, str]
    missing: str


def requirements_of(extra: str) -> list[str]:
    """The requirements of an extra of pyproject.toml, with those of the extras that it includes."""
    metadata = read_configuration(ROOT / "pyproject.toml", expand=False)["project"]
    requirements: list[str] = []
    for line in metadata["optional-dependencies"][extra]:
        included = Requirement(line).extras if Requirement(line).name == metadata["name"] else ()
        requirements += [one for name in included for one in requirements_of(name)] if included else [line]
    return requirements


def pins_for(constraints: str, python: str) -> list[str]:
    """The lines of a constraints file that hold for a Python version, without their markers.

    pip evaluates markers for the Python that it runs in, not for the one that it is asked about.
    """
    environment = {**default_environment(), "python_version": python, "python_full_version": f"{python}.0"}
    lines = (line.partition("#")[0].strip() for line in (ROOT / constraints).read_text().splitlines())
    found = []
    for requirement in map(Requirement, filter(None, lines)):
        if requirement.marker is None or requirement.marker.evaluate(environment):
            requirement.marker = None
            found.append(str(requirement))
    return found


def find_wheels(requirements: Sequence[str], pins: Sequence[str], machine: str, python: str) -> Wheels:
    """Ask pip, which resolves what the requirements need as well."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        options = ["--dry-run", "--report", str(report)]
        finished = pip_install(Path(folder), requirements, pins, machine, python, *options)
        if finished.returncode:
            return Wheels(machine, python, {}, last_error(finished))
        installs = json.loads(report.read_text())["install"]
    names = [one["download_info"]["url"].rpartition("/")[2] for one in installs]
    return Wheels(machine, python, {project(name): name for name in names}, "")


def pip_install(
    folder: Path, requirements: Sequence[str], pins: Sequence[str], machine: str, python: str, *options: str
) -> subprocess.CompletedProcess[str]:
    """Have pip install the wheels for any machine and Python into a folder that may not be there yet."""
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in GLIBC] + [f"manylinux2014_{machine}"]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
        constraints.write("\n".join(pins))
        constraints.flush()
        command = [
            sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile",
            "--ignore-installed", "--target", str(folder), "--only-binary=:all:", "--implementation", "cp",
            "--python-version", python, *(part for one in platforms for part in ("--platform", one)),
            "-c", constraints.name, *options, *requirements,
        ]  # fmt: skip
        return subprocess.run(command, capture_output=True, text=True, check=False)


def last_error(finished: subprocess.CompletedProcess[str]) -> str:
    """What pip says last of why it failed."""
    errors = [line for line in finished.stderr.splitlines() if line.startswith("ERROR")]
    return errors[-1] if errors else finished.stderr[-500:]


def project(wheel: str) -> str:
    return re.sub(r"[-_.]+", "-", wheel.split("-", maxsplit=1)[0]).lower()


def table(found: Sequence[Wheels]) -> str:
    """Markdown: a row for each project, a column for each machine and Python, the version in the cells."""
    projects = sorted({name for one in found for name in one.wheels})
    lines = ["| package | " + " | ".join(f"{one.machine} {one.python}" for one in found) + " |"]
    lines.append("| --- |" + " --- |" * len(found))
    lines += (f"| {name} | " + " | ".join(_cell(one, name) for one in found) + " |" for name in projects)
    return "\n".join(lines)


def _cell(found: Wheels, name: str) -> str:
    if found.missing:
        return "missing"
    wheel = found.wheels.get(name)
    return wheel.split("-")[1] if wheel else "not needed"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extra", choices=CONSTRAINTS, default="robot")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    requirements = requirements_of(arguments.extra)
    pythons = ("3.12",) if arguments.extra == "jazzy" else PYTHONS
    found = []
    for python in pythons:
        pins = pins_for(CONSTRAINTS[arguments.extra], python)
        for machine in MACHINES:
            print(f"asking pip for {machine}, Python {python} ...", file=sys.stderr)
            found.append(find_wheels(requirements, pins, machine, python))
    print(json.dumps([vars(one) for one in found], indent=1) if arguments.json else table(found))
    for one in found:
        if one.missing:
            print(f"error: {one.machine}, Python {one.python}: {one.missing}", file=sys.stderr)
    return 1 if any(one.missing for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
