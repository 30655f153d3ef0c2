# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Names learned from a pretrained classifier: its upper blocks learn to read and hear what it already sees."""
