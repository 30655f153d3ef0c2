# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Training steps a second of ConvNeXt on one CPU thread: torch's depthwise gradient beside ours, interleaved.

python studies/depthwise.py --backbone convnext_atto --size 64
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from visual_byte_core.training.depthwise import quicken_depthwise
from visual_byte_core.training.network import VisualByteNet
from visual_byte_core.training.processor import prepare_processor

BATCH, ROUNDS = 128, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="convnext_atto")
    parser.add_argument("--size", type=int, default=64)
    arguments = parser.parse_args()
    prepare_processor(threads=1)
    pixels = torch.randn(BATCH, 3, arguments.size, arguments.size).to(memory_format=torch.channels_last)
    # timm's layer scale of 1e-6 would make gradients so small that the CPU computes them slowly.
    networks = {name: VisualByteNet(arguments.backbone, layer_scale=0.1) for name in ("torch", "ours")}
    quicken_depthwise(networks["ours"])
    for network in networks.values():
        network.to(memory_format=torch.channels_last)
    seconds: dict[str, list[float]] = {name: [] for name in networks}
    for _ in range(ROUNDS + 1):
        for name, network in networks.items():
            seconds[name].append(_step(network, pixels))
    for name, measured in seconds.items():
        print(f"{name}: {BATCH / statistics.median(measured[1:]):.0f} images a second")


def _step(network: VisualByteNet, pixels: torch.Tensor) -> float:
    start = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16):
        embedding = network(pixels)
    (embedding * torch.randn(embedding.shape)).sum().backward()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
