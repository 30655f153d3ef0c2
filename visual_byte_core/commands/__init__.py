# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The commands of `visual-byte`: each module has HELP, add_arguments(parser) and run(arguments)."""
