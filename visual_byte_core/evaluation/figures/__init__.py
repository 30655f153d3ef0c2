# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of what a network does, of reports and of training runs; the only place that imports matplotlib."""
