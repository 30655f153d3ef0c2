# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Frames from cameras and files, sounds from microphones and files, and the utterances in them."""
