# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Figures of merit of a bundle: reports, calibration, and the pictures of both."""
