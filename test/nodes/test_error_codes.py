# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Codes of failed services: each is a constant of ErrorCode.msg, and each constant is used and provoked by a test."""

from __future__ import annotations

import ast
import subprocess
import sys
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path

import pytest

from visual_byte.msg import ErrorCode
from visual_byte.srv import Count, Find, Forget, List, Remember, Teach
from visual_byte_core.engine.worker import Late, Refused
from visual_byte_core.errors import (
    BundleError,
    ConfigurationError,
    DataError,
    InvalidImage,
    InvalidMemory,
    InvalidText,
    MemoryFolderError,
    NotFound,
)
from visual_byte_ros.responses import fail_with
from visual_byte_testing.paths import ROOT

DECLARED = {name for name in dir(type(ErrorCode)) if name.isupper() and not name.startswith("_")} - {"NONE"}
FAILURES = (
    (BundleError("x"), ErrorCode.BUNDLE),
    (ConfigurationError("x"), ErrorCode.INVALID_REQUEST),
    (InvalidImage("x"), ErrorCode.INVALID_IMAGE),
    (InvalidMemory("x"), ErrorCode.INVALID_REQUEST),
    (InvalidText("x"), ErrorCode.INVALID_TEXT),
    (MemoryFolderError("x"), ErrorCode.MEMORY),
    (NotFound("x"), ErrorCode.NOT_FOUND),
    (Late("x"), ErrorCode.TIMEOUT),
    (Refused("x"), ErrorCode.BUSY),
    (DataError("x"), ErrorCode.FAILED),
)


def trees(folder: str) -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text()) for path in sorted((ROOT / folder).rglob("*.py"))}


def used(tree: ast.Module) -> set[str]:
    """X of every `ErrorCode.X`."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ErrorCode"
    }


def test_each_code_is_declared_and_used() -> None:
    assert {getattr(ErrorCode, name) for name in DECLARED} == DECLARED and ErrorCode.NONE == ""
    assert set().union(*map(used, trees("visual_byte_ros").values())) == DECLARED


def test_no_code_is_written_out() -> None:
    codes = DECLARED - {"NOT_FOUND"}  # which is a status of Matches as well
    written = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.value}"
        for path, tree in trees("visual_byte_ros").items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in codes
    ]
    assert not written, f"write ErrorCode.X: {written}"


def test_each_code_is_provoked_by_a_test() -> None:
    """In a test that asks a running node, or below."""
    named = {
        word
        for path, tree in trees("test/nodes").items()
        if path.name != Path(__file__).name
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(word := node.value, str)
    }
    assert DECLARED - named - {code for _, code in FAILURES} == set()


@pytest.mark.parametrize(("error", "code"), FAILURES)
def test_a_failure_has_its_code(error: Exception, code: str) -> None:
    for service in (Count, Find, Forget, List, Remember, Teach):
        response = fail_with(service.Response(success=True), error)
        assert (response.success, response.code, response.message) == (False, code, "x")


def test_a_worker_that_does_not_answer() -> None:
    response = fail_with(Count.Response(), FutureTimeoutError())
    assert response.code == ErrorCode.TIMEOUT and "overloaded" in response.message


def test_the_table_of_the_docs_is_of_the_constants() -> None:
    """tools/write_reference.py makes it; the comment beside each constant is its sentence."""
    checked = subprocess.run(
        [sys.executable, "tools/write_reference.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    page = (ROOT / "docs" / "interfaces.md").read_text()
    rows = [line for line in page.partition("## Error codes")[2].splitlines() if line.startswith("| ")][2:]
    assert [row.split(" | ")[0].strip("|` ") for row in rows[1:]] == [
        line.partition('"')[2].partition('"')[0]
        for line in (ROOT / "msg" / "ErrorCode.msg").read_text().splitlines()
        if line.startswith("string ") and not line.startswith("string NONE")
    ]
    assert all(len(row.split(" | ")[1]) > len("words |") for row in rows)
