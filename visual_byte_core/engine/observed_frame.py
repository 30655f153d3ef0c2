# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A frame on its way into the memory."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from visual_byte_core.memory.observation import Observation


@dataclass(frozen=True)
class ObservedFrame:
    """image: a photo, uint8 (height, width, 3) RGB; observation: what is known of it, the worker adds the thumbnail."""

    image: np.ndarray
    observation: Observation

    def labelled(self, label: str) -> ObservedFrame:
        """The same under a name."""
        return replace(self, observation=replace(self.observation, label=label))
