# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What this machine's processor can do, as far as the network's speed and numbers depend on it."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

X86 = ("x86_64", "AMD64", "amd64")
CPUINFO = Path("/proc/cpuinfo")
BYTE_PRODUCTS = ("avx512_vnni", "avx_vnni", "amx_int8")  # add products of 8 bits in 32, without saturating


@dataclass(frozen=True)
class Processor:
    """What this process may run on.

    Attributes:
        cores: that this process may use.
        flags: of an x86 processor, by the kernel's names; None where they are not known or mean nothing.
    """

    cores: int
    flags: frozenset[str] | None

    @property
    def lacks_avx2(self) -> bool:
        """Whether it is an x86 processor without AVX2, on which networks run several times slower."""
        return self.flags is not None and "avx2" not in self.flags

    @property
    def saturates(self) -> bool:
        """Whether products of 8-bit weights may overflow; ONNX Runtime's kernels for ARM do not."""
        return self.flags is not None and self.flags.isdisjoint(BYTE_PRODUCTS)


def this_processor() -> Processor:
    """The processor that this process runs on, with the cores it may use there."""
    return Processor(_cores(), _flags())


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1


def _flags() -> frozenset[str] | None:
    if platform.machine() not in X86:
        return None
    try:
        found = re.search(r"^flags\s*:(.*)$", CPUINFO.read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        return None
    return frozenset(found.group(1).split()) if found else None
