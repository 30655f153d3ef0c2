# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""For tools that look for a setup.py; everything is in pyproject.toml."""

from setuptools import setup

setup()
