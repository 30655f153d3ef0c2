# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What tests and studies share: bundles and data made on the spot, nodes in processes of their own. Not installed."""
