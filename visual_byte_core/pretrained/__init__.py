# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Networks of others that only the making of data and bundles needs: torch, never on a robot."""
