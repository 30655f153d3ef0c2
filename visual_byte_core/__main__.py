# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m visual_byte_core COMMAND ...` is `visual-byte COMMAND ...`, as `torchrun -m` wants it."""

import sys

from visual_byte_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
