# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Folders of the user, as the operating system has them: $XDG_CACHE_HOME, $XDG_STATE_HOME and their defaults."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path, user_state_path

from visual_byte_core.files import home_folder

APPLICATION = "visual_byte"


def cache_folder(name: str) -> Path:
    """Where what can be made again is kept, by default `~/.cache/visual_byte/<name>`; it need not be there yet.

    Raises:
        ConfigurationError: this user has no home folder and XDG_CACHE_HOME names none.
    """
    _check_home("XDG_CACHE_HOME")
    return user_cache_path(APPLICATION) / name


def state_folder() -> Path:
    """Where what a program remembers of its use is kept, by default `~/.local/state/visual_byte`.

    Raises ConfigurationError, as `cache_folder` does.
    """
    _check_home("XDG_STATE_HOME")
    return user_state_path(APPLICATION)


def _check_home(variable: str) -> None:
    """platformdirs would make a folder that is called `~`."""
    if not os.environ.get(variable, "").strip():
        home_folder()
