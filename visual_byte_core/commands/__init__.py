# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The commands of `visual-byte`.

Each module has HELP, one line; EXTRA, the extra of pyproject.toml that brings what it imports; add_arguments(parser)
and run(arguments) -> exit code. Packages beyond the standard library are imported when it runs.
"""
