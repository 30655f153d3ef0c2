# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""How the C library keeps freed memory."""

from __future__ import annotations

import ctypes

M_ARENA_MAX = -8  # of glibc's malloc.h
ARENAS = 2


def share_arenas() -> None:
    """Let all threads take memory from two arenas; to be called before they begin. Another C library ignores it.

    By default each thread of the executor ends up with an arena of its own, with what its largest callback once
    needed: embedding_node grew for minutes, to 240 MB and not to 216, text_node to 129 MB and not to 117
    (studies/reliability.py).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, ARENAS)
