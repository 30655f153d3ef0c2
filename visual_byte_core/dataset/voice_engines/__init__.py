# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Programs, models and services that speak, one file each; what they share is `Voice` in `dataset.voices`."""
