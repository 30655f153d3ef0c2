# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What tests of nodes start from. Imports wait until a test asks, as other tests run without ROS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from visual_byte_core.bundle.bundle import Bundle
    from visual_byte_testing.graph import Graph


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[Graph]:
    """A namespace of its own, whose nodes are ended after the test."""
    from visual_byte_testing.graph import open_graph

    with open_graph(tmp_path) as graph:
        yield graph


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle whose network is a random projection of the pixels: quick, and photos find themselves."""
    from visual_byte_testing.sample_bundle import write_sample_bundle

    return write_sample_bundle(tmp_path_factory.mktemp("bundle") / "bundle")
