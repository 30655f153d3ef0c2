# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What another processor makes of a bundle's numbers, by emulation with QEMU's user mode (apt: qemu-user):

    python studies/other_processor.py models/starter --write out/here.npy
    qemu-x86_64 -cpu Haswell-noTSX $(readlink -f .venv/bin/python) studies/other_processor.py models/starter \
        --compare out/here.npy

with PYTHONPATH naming this folder and .venv's site-packages for the second. Haswell has AVX2 and no VNNI. Every
eighth of the fixed inputs is embedded; emulated, that takes half a minute.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.export.references import reference_inputs

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bundle", type=Path)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", type=Path)
    what.add_argument("--compare", type=Path)
    arguments = parser.parse_args()
    embedder = Embedder(arguments.bundle, threads=1)
    bundle = embedder.bundle
    inputs = reference_inputs(
        ROOT / "examples/photos", ROOT / "test/data/banana.flac", bundle.class_names, bundle.renderer
    )
    images = [image for _, image in inputs][::8]
    found = np.concatenate([embedder.embed(image[None]) for image in images])
    if arguments.write:
        np.save(arguments.write, found)
        return
    cosines = np.sum(found * np.load(arguments.compare), axis=1)
    same = np.array_equal(found, np.load(arguments.compare))
    print(
        f"{len(images)} inputs: mean cosine {cosines.mean():.5f}, least {cosines.min():.5f}, equal to the bit: {same}"
    )


if __name__ == "__main__":
    main()
