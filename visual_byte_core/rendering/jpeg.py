# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a JPEG is whole, read from its structure (ITU-T T.81): what lies behind its end marker says nothing.

Cameras and phones put zeros, a second picture or a film behind the picture; a file that was cut may end in bytes that
look like an end marker.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
START_OF_SCAN, PROGRESSIVE = 0xDA, (0xC2, 0xC6, 0xCA, 0xCE)
START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
ALONE = frozenset((0x01, *range(0xD0, 0xD8)))  # markers without a length
# In coded data 0xFF is followed by 0, by a restart marker or by another 0xFF; anything else ends them.
END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
# Coded data that no whole picture needs: it changes the picture only if the decoder runs out of its own.
MORE = b"\x55\xaa\x35\xc3" * 32
MISSING = 128  # the grey of blocks for which a decoder found no data


@dataclass
class JpegStructure:
    """What the markers of a JPEG tell.

    Attributes:
        end: bytes up to and with the end marker, 0 if there is none.
        progressive: coded in several passes.
        components: in the frame.
        coded: those of which a scan brings every coefficient to its last bit.
    """

    end: int = 0
    progressive: bool = False
    components: set[int] = field(default_factory=set)
    coded: set[int] = field(default_factory=set)
    _fine: dict[int, set[int]] = field(default_factory=dict)

    @property
    def has_all_scans(self) -> bool:
        """Whether every component of the frame is there to its last bit."""
        return bool(self.components) and self.components <= self.coded


def structure_of(data: bytes) -> JpegStructure:
    """Walk through the markers of a JPEG, which begins with SOI."""
    found = JpegStructure()
    position = 2
    while True:
        position = data.find(b"\xff", position)
        if position < 0 or position + 1 >= len(data):
            return found
        marker = data[position + 1]
        if marker == 0xFF:  # a fill byte
            position += 1
            continue
        position += 2
        if marker == EOI[1]:
            found.end = position
            return found
        if marker in ALONE or marker == 0:
            continue
        segment = data[position + 2 : position + int.from_bytes(data[position : position + 2], "big")]
        position += int.from_bytes(data[position : position + 2], "big")
        if marker in START_OF_FRAME:
            _take_frame(found, marker, segment)
        elif marker == START_OF_SCAN:
            _take_scan(found, segment)
            end = END_OF_SCAN.search(data, position)
            if end is None:
                return found
            position = end.start()


def with_more_data(data: bytes, end: int) -> bytes:
    """The same picture with coded data to spare before its end marker."""
    return data[: end - 2] + MORE + EOI


def _take_frame(found: JpegStructure, marker: int, segment: bytes) -> None:
    found.progressive = marker in PROGRESSIVE
    if len(segment) >= 6:
        found.components = set(segment[6 : 6 + 3 * segment[5] : 3])


def _take_scan(found: JpegStructure, segment: bytes) -> None:
    if not segment or len(segment) < 4 + 2 * segment[0]:
        return
    components = set(segment[1 : 1 + 2 * segment[0] : 2])
    first, last, bits = segment[1 + 2 * segment[0] : 4 + 2 * segment[0]]
    if not found.progressive:
        found.coded |= components
    elif bits & 15 == 0:  # down to the last bit
        for component in components:
            fine = found._fine.setdefault(component, set())
            fine.update(range(first, last + 1))
            if len(fine) == 64:
                found.coded.add(component)
