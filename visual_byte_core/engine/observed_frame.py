# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A frame on its way into the memory."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from visual_byte_core.memory.observation import Seen


@dataclass(frozen=True)
class Sight:
    """image: a photo, uint8 (height, width, 3) RGB; seen: what is known of it, the worker adds the thumbnail."""

    image: np.ndarray
    seen: Seen

    def labelled(self, label: str) -> Sight:
        """The same under a name."""
        return replace(self, seen=replace(self.seen, label=label))
