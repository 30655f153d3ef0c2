# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""One ROS domain for each test session, and no silent skips in CI."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator

import pytest

from visual_byte_testing.domain import take_own_domain

take_own_domain()

pytest_plugins = [
    "visual_byte_testing.disks",
    "visual_byte_testing.fixtures_bundle",
    "visual_byte_testing.fixtures_data",
    "visual_byte_testing.fixtures_nodes",
]
IN_CI = os.environ.get("CI", "").lower() in ("1", "true")


def pytest_collection_finish() -> None:
    """What the test files have imported, half a million objects, is looked at by no garbage collection any more."""
    gc.collect()
    gc.freeze()


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason}. In CI a test is skipped only if it is marked unavailable_in_ci."


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if item.get_closest_marker("unavailable_in_ci") is None:
        _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_if_skipped(report)
    return report
