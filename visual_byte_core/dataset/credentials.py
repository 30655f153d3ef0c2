# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Keys and addresses of services: from the environment, else from `.env` in the current folder."""

from __future__ import annotations

import os

from visual_byte_core.errors import DataError

FILE = ".env"


def setting(name: str, default: str = "") -> str:
    """The value of NAME; the environment goes before `.env`."""
    from dotenv import dotenv_values

    return (os.environ.get(name) or dotenv_values(FILE).get(name) or default).strip()


def key(name: str, service: str) -> str:
    """The key of a service.

    Raises:
        DataError: it is not set.
    """
    value = setting(name)
    if not value:
        raise DataError(f"{name} is not set, {service} wants a key: export {name}=..., or write it into {FILE} here")
    return value
