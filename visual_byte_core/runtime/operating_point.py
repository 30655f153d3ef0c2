# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Where "found" begins unless the user says otherwise."""

# Share of absent things that may be taken for found: what the starter bundle needs to let about nine of ten things
# through that are there. A stronger network affords less.
DEFAULT_FALSE_ACCEPT_RATE = 0.3
