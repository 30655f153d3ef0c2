# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Where "found" begins unless the user says otherwise."""

# Share of absent things that may be taken for found. What a bundle then refuses of the things that are there is in its
# model card and in docs/refusal.md: a weak network pays dearly for it.
DEFAULT_FALSE_ACCEPT_RATE = 0.05
