# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Where "found" begins unless the user says otherwise."""

# Share of absent things that may be taken for found. The starter bundle then refuses 5 % of the groceries that are there
# and 27 % of all its 180 names (its model card has the curves); a stronger network affords less.
DEFAULT_FALSE_ACCEPT_RATE = 0.3
