# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The package as a whole: versions, lists of files, what is installed, and what an import may not load."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from ament_index_python.packages import get_package_prefix, get_package_share_directory
from catkin_pkg.changelog import Changelog, populate_changelog_from_rst
from packaging.requirements import Requirement
from packaging.version import Version
from setuptools import find_packages

import visual_byte_core
import visual_byte_ros
from visual_byte_core.resources import shipped
from visual_byte_testing.paths import ROOT

PACKAGES = ("visual_byte_core", "visual_byte_ros")
CMAKE = (ROOT / "CMakeLists.txt").read_text()
TRAINING_ONLY = {"torch", "torchvision", "torchaudio", "timm", "transformers", "matplotlib", "sklearn"}
TRAINING_ONLY |= {"sentence_transformers", "tokenizers"}  # tokenizers only where a bundle has a sentence model


def module_names(*folders: str) -> list[str]:
    """Every module below the folders, packages included, as import names."""
    files = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files]
    return [name.removesuffix(".__init__") for name in names]


def pins(constraints: str) -> dict[str, str]:
    """Name -> exact version of the lines of a constraints file that hold for this Python."""
    lines = (line.partition("#")[0].strip() for line in (ROOT / constraints).read_text().splitlines())
    requirements = [Requirement(line) for line in lines if line]
    return {
        normalized(requirement.name): str(requirement.specifier).removeprefix("==")
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate()
    }


def pip_distribution() -> importlib.metadata.Distribution:
    """What pip installed of this project; colcon installs a distribution of the same name for the messages."""
    (found,) = importlib.metadata.distributions(name="visual_byte", path=[sysconfig.get_path("purelib")])
    return found


def requirements_of(extra: str) -> list[Requirement]:
    """The requirements of an extra, and of the extras of ours that it includes."""
    lines = pip_distribution().requires or ()
    chosen = [r for r in map(Requirement, lines) if r.marker and r.marker.evaluate({"extra": extra})]
    included = [one for requirement in chosen if is_ours(requirement) for one in requirement.extras]
    others = [requirement for requirement in chosen if not is_ours(requirement)]
    return [*others, *(requirement for one in included for requirement in requirements_of(one))]


def is_ours(requirement: Requirement) -> bool:
    return normalized(requirement.name) == "visual-byte"


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_one_version_everywhere() -> None:
    manifest = ElementTree.parse(ROOT / "package.xml").getroot()
    assert {
        manifest.findtext("version"),
        pip_distribution().version,
        visual_byte_core.__version__,
        visual_byte_ros.__version__,
        yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"],
    } == {visual_byte_core.__version__}


def test_catkin_reads_the_changelog() -> None:
    """What is to come has no version, so catkin and bloom pass over it; as a release they find it."""
    text = (ROOT / "CHANGELOG.rst").read_text(encoding="utf-8")
    released = Changelog("visual_byte")
    populate_changelog_from_rst(
        released, text.replace("Forthcoming\n-----------", "9.9.9 (2030-01-01)\n------------------")
    )
    assert released.get_content_of_version("9.9.9")
    versions = [version for version, _, _ in released.foreach_version() if version != "9.9.9"]
    assert all(Version(version) <= Version(visual_byte_core.__version__) for version in versions)


def imported_packages(*folders: str) -> set[str]:
    """The first part of every absolute import in these folders, those inside functions too."""
    found = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            found |= {name.partition(".")[0] for name in names}
    return found


def test_every_package_that_the_nodes_import_stands_in_the_manifest() -> None:
    manifest = ElementTree.parse(ROOT / "package.xml").getroot()
    declared = {one.text for one in manifest if one.tag in ("depend", "exec_depend")}
    of_rosdep = {"cv2": "python3-opencv", "numpy": "python3-numpy", "yaml": "python3-yaml"}
    ours = {*PACKAGES, "visual_byte", *sys.stdlib_module_names}
    needed = {of_rosdep.get(name, name) for name in imported_packages("visual_byte_ros", "launch") - ours}
    assert {"rclpy", "sensor_msgs", "launch_ros"} <= needed <= declared


def test_every_interface_is_built() -> None:
    listed = set(re.findall(r"^ +((?:msg|srv)/\w+\.(?:msg|srv))$", CMAKE, re.MULTILINE))
    present = {str(path.relative_to(ROOT)) for folder in ("msg", "srv") for path in (ROOT / folder).iterdir()}
    assert listed == present


def test_every_interface_imports() -> None:
    import visual_byte.msg
    import visual_byte.srv

    for path in ROOT.glob("msg/*.msg"):
        getattr(visual_byte.msg, path.stem)()
    for path in ROOT.glob("srv/*.srv"):
        getattr(visual_byte.srv, path.stem).Request()


def test_every_field_of_the_interfaces_is_explained() -> None:
    unexplained = []
    for path in [*ROOT.glob("msg/*.msg"), *ROOT.glob("srv/*.srv")]:
        for line in path.read_text().splitlines():
            is_constant = "=" in line.partition("#")[0]
            if line.strip("- ") and "#" not in line and not is_constant:
                unexplained.append(f"{path.name}: {line}")
    assert not unexplained


def test_every_executable_is_installed_and_has_its_module() -> None:
    scripts = {path.name for path in (ROOT / "scripts").iterdir()}
    assert set(re.findall(r"^ +scripts/(\w+)$", CMAKE, re.MULTILINE)) == scripts
    installed = Path(get_package_prefix("visual_byte"), "lib", "visual_byte")
    for name in scripts:
        assert os.access(installed / name, os.X_OK), f"{installed / name} is not executable"
        assert f"visual_byte_ros.{name}" in module_names("visual_byte_ros")


def test_pip_takes_every_subpackage_along() -> None:
    folders_with_code = {name.rpartition(".")[0] for name in module_names(*PACKAGES) if "." in name}
    assert folders_with_code <= set(find_packages(str(ROOT), include=[f"{package}*" for package in PACKAGES]))


def test_colcon_installs_every_module() -> None:
    import visual_byte

    site_packages = Path(visual_byte.__path__[0]).parent
    missing = [
        path.relative_to(ROOT)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if not (site_packages / path.relative_to(ROOT)).is_file()
    ]
    assert not missing, "run make build"


@pytest.mark.parametrize("folder", ["foxglove", "launch", "rviz"])
def test_colcon_installs_every_data_file(folder: str) -> None:
    share = Path(get_package_share_directory("visual_byte"))
    files = [path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file()]
    assert [path for path in files if "__pycache__" not in path.parts and not (share / path).is_file()] == []


def test_colcon_installs_the_configuration_that_only_ros_needs() -> None:
    """The other files of config/ lead into the package's resources, but for the one of a study."""
    installed = {path.name for path in Path(get_package_share_directory("visual_byte"), "config").iterdir()}
    own = {path.name for path in (ROOT / "config").iterdir() if not path.is_symlink()}
    assert installed == own - {"ablation.yaml"} != set()


def test_colcon_installs_every_resource() -> None:
    import visual_byte

    site_packages = Path(visual_byte.__path__[0]).parent
    files = [path.relative_to(ROOT) for path in shipped(".").rglob("*") if path.is_file()]
    assert "visual_byte_core/resources/models/starter/backbone.onnx" in map(str, files)
    missing = [path for path in files if "__pycache__" not in path.parts and not (site_packages / path).is_file()]
    assert not missing, "run make build"


def test_the_console_command_exists() -> None:
    (command,) = pip_distribution().entry_points.select(name="visual-byte")
    assert callable(command.load())


@pytest.mark.parametrize(
    ("constraints", "extras"),
    [
        ("constraints.txt", ("robot", "train", "tts", "dev", "docs")),
        ("constraints-jazzy.txt", ("jazzy", "tts")),
        ("constraints-mobile.txt", ("train",)),
    ],
)
def test_every_dependency_is_pinned_within_its_range(constraints: str, extras: tuple[str, ...]) -> None:
    pinned = pins(constraints)
    of_extras = [requirement for extra in extras for requirement in requirements_of(extra)]
    assert len(of_extras) >= 5
    for requirement in of_extras:
        version = pinned[normalized(requirement.name)]
        assert Version(version) in requirement.specifier, f"{constraints}: {requirement.name}=={version}"


def test_every_source_file_names_its_authors_and_licence() -> None:
    header = "# SPDX-FileCopyrightText: 2026 The Visual Byte authors\n# SPDX-License-Identifier: Apache-2.0\n"
    folders = (*PACKAGES, "visual_byte_testing", "scripts", "launch", "tools", "test", "studies", "examples", ".ci")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    sources = [path for path in files if path.suffix in (".py", ".sh") or path.parent.name in ("scripts", ".ci")]
    assert len(sources) > 20
    without = [
        path.relative_to(ROOT)
        for path in [*sources, ROOT / "Makefile", ROOT / "CMakeLists.txt", ROOT / "setup.py"]
        if not re.sub(r"\A#!.*\n", "", path.read_text()).startswith(header)
    ]
    assert not without


@pytest.mark.parametrize(
    "modules",
    [
        module_names("visual_byte_core/runtime"),
        module_names("visual_byte_core/rendering"),
        ["visual_byte_core.names", "visual_byte_core.errors", "visual_byte_core.metrics.recall"],
        ["visual_byte_core.bundle.bundle"],
        ["visual_byte_core.cli"],
        module_names("visual_byte_ros"),
    ],
    ids=["runtime", "rendering", "names", "deployment", "cli", "nodes"],
)
def test_import_on_a_robot_loads_no_training_package(modules: list[str]) -> None:
    program = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)\nprint(*sys.modules)"
    finished = subprocess.run([sys.executable, "-c", program, *modules], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert {name.partition(".")[0] for name in finished.stdout.split()} & TRAINING_ONLY == set()


def test_quantizing_needs_no_torch() -> None:
    """ONNX Runtime's quantization loads torch where it is installed; here it is as if it were not."""
    program = "import sys; sys.modules['torch'] = None; import visual_byte_core.export.quantization"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
