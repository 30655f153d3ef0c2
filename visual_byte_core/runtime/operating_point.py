# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Where "found" begins unless the user says otherwise."""

# Share of absent things that may be taken for found. What the starter bundle then refuses of the things that
# are there is in its model card; a stronger network affords less.
DEFAULT_FALSE_ACCEPT_RATE = 0.3
