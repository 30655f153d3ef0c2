# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""`visual-byte bench`: our bundles beside what a user would run instead, in one interleaved run."""
