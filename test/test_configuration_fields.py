# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What a value of a configuration means stands beside the field."""

from __future__ import annotations

import ast
import inspect
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from visual_byte_core.dataset import collect_config, voice_sources
from visual_byte_core.rendering import settings
from visual_byte_core.training import config


def _configurations() -> list[type]:
    found = [
        kind
        for module in (config, collect_config, voice_sources, settings)
        for kind in vars(module).values()
        if inspect.isclass(kind) and is_dataclass(kind) and kind.__module__ == module.__name__
        if kind.__name__.endswith(("Config", "Settings", "Source", "Search"))
    ]
    assert len(found) > 12
    return found


def _undocumented(kind: Any) -> list[str]:
    (tree,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(tree, ast.ClassDef)
    told = {
        field.target.id
        for field, text in zip(tree.body, tree.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }
    return [field.name for field in fields(kind) if field.name not in told]


@pytest.mark.parametrize("kind", _configurations(), ids=lambda kind: kind.__name__)
def test_every_field_says_what_it_means(kind: type) -> None:
    assert _undocumented(kind) == []
