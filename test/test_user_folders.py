# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Folders of the user."""

from __future__ import annotations

from pathlib import Path

import pytest

from visual_byte_core.errors import ConfigurationError
from visual_byte_core.user_folders import cache_folder, state_folder


def test_folders_lie_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert cache_folder("index") == tmp_path / "cache" / "visual_byte" / "index"
    assert state_folder() == tmp_path / "state" / "visual_byte"


def test_folders_have_the_defaults_that_the_documents_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert cache_folder("bench") == tmp_path / ".cache" / "visual_byte" / "bench"
    assert state_folder() == tmp_path / ".local" / "state" / "visual_byte"


def test_without_a_home_no_folder_is_invented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    with pytest.raises(ConfigurationError, match="HOME is empty"):
        cache_folder("index")
