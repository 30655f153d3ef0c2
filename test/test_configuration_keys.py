# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A key that is in a YAML file twice would drop what stands under the first."""

from __future__ import annotations

from pathlib import Path

import pytest

from visual_byte_core.bags.compose import BagPlan
from visual_byte_core.configuration import load_configuration
from visual_byte_core.errors import ConfigurationError


@pytest.mark.parametrize(
    "text", ["events: [{at: 0, text: a}]\nevents: [{at: 1, text: b}]\n", "events: [{at: 0, at: 1, text: a}]\n"]
)
def test_a_key_that_is_there_twice_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"plan.yaml: cannot be read as YAML \((events|at) is there twice"):
        load_configuration(BagPlan, tmp_path / "plan.yaml")


def test_keys_that_are_there_once_are_read(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text("events: [{at: 0, text: a}]\nrate: 4.0\n")
    assert load_configuration(BagPlan, tmp_path / "plan.yaml").rate == 4.0
