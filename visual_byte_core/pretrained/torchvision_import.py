# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""torchvision, which timm and transformers import, also where its compiled operators do not load."""

from __future__ import annotations

from importlib.util import find_spec


def import_torchvision() -> None:
    """Import torchvision, if it is installed, so that packages that import it afterwards find it usable."""
    if find_spec("torchvision") is None:
        return
    try:
        import torchvision
    except RuntimeError:
        # A torchvision that was built for CUDA finds no libcudart beside a CPU build of torch, and with it two operator
        # schemas are missing that its Python side refers to. Nothing here calls them.
        import torch

        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        globals()["_library"] = library  # the schemas live as long as the library does
        import torchvision  # noqa: F401
