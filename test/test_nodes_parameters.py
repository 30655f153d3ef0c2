# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Each parameter is explained, bounded, read, and in config/visual_byte.yaml with its default."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from visual_byte_ros import camera_node, embedding_node, microphone_node, recorder_node, text_node
from visual_byte_ros.parameters import Parameter

ROOT = Path(__file__).parents[1]
NODES = (camera_node, embedding_node, microphone_node, recorder_node, text_node)
NAMES = {node: node.__name__.removeprefix("visual_byte_ros.") for node in NODES}
ROWS = [pytest.param(node, row, id=f"{NAMES[node]}.{row.name}") for node in NODES for row in node.PARAMETERS]


def test_the_configuration_file_holds_every_parameter_with_its_default() -> None:
    configuration = yaml.safe_load((ROOT / "config" / "visual_byte.yaml").read_text())
    assert configuration == {
        f"/**/{NAMES[node]}": {"ros__parameters": {row.name: row.default for row in node.PARAMETERS}} for node in NODES
    }


@pytest.mark.parametrize(("node", "row"), ROWS)
def test_it_is_explained_and_bounded(node, row: Parameter) -> None:
    descriptor = row.descriptor()
    assert descriptor.description.endswith((".", ";")) and len(descriptor.description) > 20
    if isinstance(row.default, bool):
        return
    if isinstance(row.default, str):
        assert descriptor.additional_constraints
        return
    assert row.minimum <= row.default <= row.maximum and row.minimum < row.maximum


@pytest.mark.parametrize(("node", "row"), ROWS)
def test_it_is_read(node, row: Parameter) -> None:
    if row.name != "autostart":  # lifecycle.py reads it for all nodes
        assert f'self.parameters["{row.name}"]' in Path(node.__file__).read_text()
