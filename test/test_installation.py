# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The package as pip installs it: a wheel of the source distribution, in an environment and a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from visual_byte_core.dataset.collect_config import CollectConfig
from visual_byte_core.resources import shipped
from visual_byte_testing.paths import ROOT

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
SDIST = "import sys; from setuptools import build_meta; print(build_meta.build_sdist(sys.argv[1]))"


@dataclass(frozen=True)
class Installation:
    """An environment with the wheel, and an empty folder to work in."""

    python: Path
    room: Path

    def visual_byte(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        program = self.python.with_name("visual-byte")
        return run([program, *arguments], self.room, {"HOME": str(self.room), "OMP_NUM_THREADS": "1"})


def run(
    command: list[str | Path], folder: Path, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program that finds nothing of this checkout and of ROS by itself."""
    unwanted = {"PYTHONPATH", "AMENT_PREFIX_PATH", "VIRTUAL_ENV"} | {name for name in os.environ if "XDG_" in name}
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    return subprocess.run(
        command, cwd=folder, env=kept | (environment or {}), capture_output=True, text=True, check=False
    )


def checked(finished: subprocess.CompletedProcess[str]) -> str:
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made of the source distribution alone, so that this holds all that is needed."""
    folder = tmp_path_factory.mktemp("wheel")
    checked(run([sys.executable, "-c", SDIST, folder], ROOT))
    (sdist,) = folder.glob("*.tar.gz")
    checked(run([sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", sdist], folder))
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installation(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    folder = tmp_path_factory.mktemp("installation")
    (folder / "room").mkdir()
    checked(run([sys.executable, "-m", "venv", folder / "environment"], folder))
    python = folder / "environment" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--no-compile", "-c", ROOT / "constraints.txt", f"{wheel}[robot]"]
    checked(run(install, folder))
    return Installation(python, folder / "room")


def test_a_wheel_holds_every_resource_and_nothing_of_the_tests(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    resources = {path.relative_to(ROOT).as_posix() for path in shipped(".").rglob("*") if path.is_file()}
    assert {name for name in resources if "__pycache__" not in name} <= set(names)
    assert {"visual_byte_core/py.typed", "visual_byte_ros/py.typed"} <= set(names)
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {
        "visual_byte_core", "visual_byte_ros", "visual_byte",
    }  # fmt: skip
    assert any(name.endswith("data/share/visual_byte/msg/Query.msg") for name in names)


def test_the_installed_package_is_that_of_the_wheel(installation: Installation) -> None:
    where = checked(run([installation.python, "-c", "import visual_byte_core as v; print(v.__file__)"], ROOT.parent))
    assert Path(where.strip()).is_relative_to(installation.python.parents[1])


def test_find_works_in_an_empty_folder(installation: Installation) -> None:
    shutil.copytree(ROOT / "examples" / "photos" / "lemon", installation.room / "photos" / "lemon")
    report = json.loads(checked(installation.visual_byte("find", "--images", "photos", "lemon", "umbrella", "--json")))
    assert report["photos"] == len(list((ROOT / "examples" / "photos" / "lemon").iterdir()))
    assert [answer["status"] for answer in report["answers"]] == ["FOUND", "NOT_FOUND"]
    assert report["answers"][0]["matches"][0]["file"].startswith("photos/lemon/")


def test_bench_works_in_an_empty_folder(installation: Installation) -> None:
    options = ["--others", "--memories", "1000", "--threads", "1", "--turns", "1"]
    said = checked(installation.visual_byte("bench", "--bundle", "starter", *options))
    assert "starter int8" in said
    assert "memory of 1,000" in said


def test_bags_find_the_definitions_of_our_messages(installation: Installation) -> None:
    checked(run([installation.python, "-m", "pip", "install", "-c", ROOT / "constraints.txt", "rosbags"], ROOT))
    program = "from visual_byte_core.bags.definitions import message_folder as f; print(f() / 'Query.msg')"
    assert "string" in Path(checked(run([installation.python, "-c", program], installation.room)).strip()).read_text()


def test_training_says_what_it_lacks(installation: Installation) -> None:
    finished = installation.visual_byte("train", "--config", "starter")
    assert finished.returncode == 1
    assert "torch is not installed; this command needs: pip install '.[train]'" in finished.stderr


def test_training_starts_with_the_shipped_configuration(
    installation: Installation, dataset: Path, collect_config: CollectConfig
) -> None:
    """With the training packages of the environment that runs this, which are looked for last."""
    packages = Path(run([installation.python, "-c", "import site; print(site.getsitepackages()[0])"], ROOT).stdout[:-1])
    (packages / "training_packages.pth").write_text(sysconfig.get_path("purelib") + "\n")
    finished = installation.visual_byte("train", "--config", "starter")
    assert finished.returncode == 1
    assert "data.root: data/starter: no such folder" in finished.stderr
    values = {
        "data.root": dataset, "data.names": collect_config.names, "data.distractors": dataset / "distractors",
        "data.noise": '""', "data.workers": 0, "optimizer.epochs": 1, "optimizer.classes": 4, "optimizer.photos": 1,
        "optimizer.distractors": 2, "optimizer.threads": 1,
    }  # fmt: skip
    overrides = [word for name, value in values.items() for word in ("--set", f"{name}={value}")]
    checked(installation.visual_byte("train", "--config", "starter", *overrides))
    assert (installation.room / "runs" / "starter" / "last" / "model.safetensors").is_file()
