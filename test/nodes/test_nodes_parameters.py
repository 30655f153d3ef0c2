# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Each parameter is explained, bounded and read; the configuration file and the documents say what the tables say."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from visual_byte_ros.parameters import Parameter
from visual_byte_testing.paths import ROOT

NAMES = sorted(path.stem for path in (ROOT / "visual_byte_ros").glob("*_node.py"))
NODES = {name: import_module(f"visual_byte_ros.{name}") for name in NAMES}
ROWS = [pytest.param(row, id=f"{name}.{row.name}") for name, node in NODES.items() for row in node.PARAMETERS]


def test_the_configuration_file_and_the_documents_are_generated() -> None:
    command = [sys.executable, str(ROOT / "tools" / "write_reference.py"), "--check"]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_the_configuration_file_holds_every_parameter_with_its_default() -> None:
    configuration = yaml.safe_load((ROOT / "config" / "visual_byte.yaml").read_text())
    assert configuration == {
        f"/**/{name}": {"ros__parameters": {row.name: row.default for row in node.PARAMETERS}}
        for name, node in NODES.items()
    }


@pytest.mark.parametrize("row", ROWS)
def test_it_is_explained_and_bounded(row: Parameter) -> None:
    descriptor = row.descriptor()
    assert descriptor.description.endswith((".", ";")) and len(descriptor.description) > 20
    assert not (row.live and row.read_only)
    if isinstance(row.default, bool):
        return
    if isinstance(row.default, str):
        assert descriptor.additional_constraints
        return
    assert row.minimum <= row.default <= row.maximum and row.minimum < row.maximum


def read_parameters(module: ModuleType, *, but_in: str = "") -> set[str]:
    """The names in `self.parameters["..."]` of a module, the fields of KIND in `self.parameters.settings(KIND)`, and
    what FUNCTION of its parameters' file reads in `FUNCTION(self.parameters)`; not those in the method `but_in`."""
    functions = functions_of(Path(module.__file__ or ""))
    beside = Path((module.__file__ or "").replace("_node.py", "_parameters.py"))
    handed_over = {one.name: one for one in functions_of(beside)} if beside.is_file() else {}
    found = set()
    for node in (node for function in functions if function.name != but_in for node in ast.walk(function)):
        match node:
            case ast.Subscript(ast.Attribute(attr="parameters"), ast.Constant(str(name))):
                found.add(name)
            case ast.Call(ast.Attribute(ast.Attribute(attr="parameters"), "settings"), [ast.Name(kind)]):
                found |= {field.name for field in fields(getattr(module, kind))}
            case ast.Call(ast.Name(name), [ast.Attribute(attr="parameters")]) if name in handed_over:
                found |= {
                    inner.slice.value
                    for inner in ast.walk(handed_over[name])
                    if isinstance(inner, ast.Subscript) and isinstance(inner.slice, ast.Constant)
                }
    return found


def functions_of(file: Path) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize("node", NODES.values(), ids=NODES)
def test_what_is_declared_is_read_and_what_is_read_is_declared(node: ModuleType) -> None:
    lifecycle = import_module("visual_byte_ros.lifecycle")
    assert read_parameters(node) | read_parameters(lifecycle) == {row.name for row in node.PARAMETERS}


@pytest.mark.parametrize("node", NODES.values(), ids=NODES)
def test_what_may_change_while_the_node_runs_is_read_while_it_runs(node: ModuleType) -> None:
    live = {row.name for row in node.PARAMETERS if row.live}
    assert live <= read_parameters(node, but_in="open")
