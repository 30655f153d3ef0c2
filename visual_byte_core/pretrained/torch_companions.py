# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""torchvision and torchaudio, also where what they compiled for CUDA does not load beside a CPU build of torch.

timm imports the first, transformers both. Nothing here calls what is compiled in them.
"""

from __future__ import annotations

import sys
import types
from importlib.util import find_spec
from typing import Any


def import_companions() -> None:
    """Import both, as far as they are installed, so that packages that import them afterwards find them usable."""
    import_torchvision()
    if find_spec("torchaudio") is not None:
        import_torchaudio()


def import_torchvision() -> None:
    """Import torchvision, if it is installed, so that packages that import it afterwards find it usable."""
    if find_spec("torchvision") is None:
        return
    try:
        import torchvision
    except RuntimeError:
        # Without its library two operator schemas are missing that its Python side refers to.
        import torch

        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        globals()["_library"] = library  # the schemas live as long as the library does
        import torchvision  # noqa: F401


def import_torchaudio() -> Any:
    """The module torchaudio.

    Raises:
        ImportError: it is not installed.
    """
    try:
        import torchaudio
    except OSError:
        # It takes its library for broken, where it would do without a library that is not there: say that it is not.
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchaudio"]:
            del sys.modules[name]
        absent: Any = types.ModuleType("torchaudio._extension")
        absent._IS_TORCHAUDIO_EXT_AVAILABLE = absent._IS_ALIGN_AVAILABLE = False
        absent.fail_if_no_align = lambda function: function
        sys.modules[absent.__name__] = absent
        import torchaudio
    return torchaudio
