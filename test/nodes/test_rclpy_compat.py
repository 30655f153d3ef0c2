# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What rclpy does not promise to keep is used in one file only."""

from __future__ import annotations

import ast
import re

from visual_byte_testing.paths import ROOT

FOLDER = ROOT / "visual_byte_ros"
COMPAT = FOLDER / "rclpy_compat.py"
PRIVATE_MODULE = re.compile(r"^(rclpy|rosidl\w*|rpyutils)\b.*\._(?!_)")


def private_use(source: str, own: set[str]) -> list[str]:
    """Imports of private modules of ROS, and private attributes that none of our classes has."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            names = []
        found += [name for name in names if PRIVATE_MODULE.match(name)]
        if isinstance(node, ast.Attribute) and re.match(r"_(?!_)", node.attr) and node.attr not in own:
            found.append(f"line {node.lineno}: .{node.attr}")
    return found


def own_names() -> set[str]:
    """Every private name that a file of ours but the one defines: methods, and attributes that are assigned."""
    names = set()
    for path in FOLDER.glob("*.py"):
        if path == COMPAT:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                names.add(node.name)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_self(node.value):
                names.add(node.attr)
    return names


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def test_private_api_of_rclpy_is_in_one_file() -> None:
    own = own_names() | {"_exit"}  # os._exit
    found = {path.name: private_use(path.read_text(), own) for path in FOLDER.glob("*.py") if path != COMPAT}
    assert {name: uses for name, uses in found.items() if uses} == {}


def test_what_is_looked_for_is_found() -> None:
    uses = private_use(COMPAT.read_text(), own_names())
    assert "rclpy._rclpy_pybind11.RCLError" in uses
    assert any("._state_machine" in use for use in uses) and any("._service_change_state" in use for use in uses)
